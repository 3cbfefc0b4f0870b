using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Heed.Explorer.Api;
using Heed.Testing;

namespace Heed.Explorer.Tests;

/// <summary>The pages' types of answers are the C# records: <c>Web/contract.js</c> is written from them. HEED_APPROVE=1 writes it
/// anew.</summary>
public sealed partial class ContractTests
{
    private static readonly string Sources = Path.Combine(Repository.Root, "src", "Heed.Explorer");

    private readonly NullabilityInfoContext _nullability = new();
    private readonly SortedDictionary<string, string> _types = new(StringComparer.Ordinal);
    private readonly string _code = string.Concat(Directory.GetFiles(Sources, "*.cs", SearchOption.AllDirectories)
        .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
        .Select(File.ReadAllText));

    [Fact]
    public void The_pages_types_are_those_of_the_records()
    {
        foreach (CustomAttributeData root in typeof(ExplorerJson).GetCustomAttributesData()
            .Where(a => a.AttributeType == typeof(JsonSerializableAttribute)))
            Add((Type)root.ConstructorArguments[0].Value!);
        StringBuilder text = new(
            "// What the server answers: written from the C# records of Api/Contract.cs by ContractTests; do not edit.\n"
            + "// HEED_APPROVE=1 and ContractTests write it anew.\n\n"
            + "/** A float32 or float64; what is no number comes as its name. "
            + "@typedef {number | 'NaN' | 'Infinity' | '-Infinity'} Float */\n");
        foreach (string type in _types.Values) text.Append('\n').Append(type);
        text.Append("\nexport {};\n");
        string path = Path.Combine(Sources, "Web", "contract.js");
        if (Environment.GetEnvironmentVariable("HEED_APPROVE") == "1") File.WriteAllText(path, text.ToString());
        Assert.Equal(text.ToString(), File.ReadAllText(path));
    }

    [Fact]
    public void Every_type_that_a_page_names_is_there()
    {
        string contract = File.ReadAllText(Path.Combine(Sources, "Web", "contract.js"));
        int named = 0;
        foreach (string file in Directory.GetFiles(Path.Combine(Sources, "Web"), "*.js", SearchOption.AllDirectories))
        {
            foreach (Match use in Uses().Matches(File.ReadAllText(file)))
            {
                Assert.Matches($"@typedef .* {use.Groups[1].Value}( \\*/|\n)", contract);
                named++;
            }
        }

        Assert.True(named > 5, $"only {named} uses");
    }

    private void Add(Type type)
    {
        if (_types.ContainsKey(type.Name)) return;
        _types[type.Name] = "";
        string fields = string.Join(", ", type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.GetCustomAttribute<JsonIgnoreAttribute>() is null && p.GetMethod!.GetParameters().Length == 0)
            .Select(p => $"{JsonNamingPolicy.CamelCase.ConvertName(p.Name)}: {Of(p.PropertyType, _nullability.Create(p))}"));
        string line = $"@typedef {{{{{fields}}}}} {type.Name} */\n";
        string words = WordsOf(type.Name);
        _types[type.Name] = words.Length == 0 ? $"/** {line}" : $"/**\n * {words}\n * {line}";
    }

    private string Of(Type type, NullabilityInfo nullability)
    {
        bool absent = nullability.ReadState == NullabilityState.Nullable;
        string name = Plain(Nullable.GetUnderlyingType(type) ?? type, nullability);
        return absent ? $"{name} | null" : name;
    }

    private string Plain(Type type, NullabilityInfo nullability)
    {
        if (type == typeof(string)) return "string";
        if (type == typeof(bool)) return "boolean";
        if (type == typeof(float) || type == typeof(double)) return "Float";
        if (type == typeof(int) || type == typeof(long) || type == typeof(ulong)) return "number";
        if (type.IsArray) return $"readonly {Grouped(Of(type.GetElementType()!, nullability.ElementType!))}[]";
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            return $"readonly {Grouped(Of(type.GetGenericArguments()[0], nullability.GenericTypeArguments[0]))}[]";
        Assert.Equal("Heed.Explorer", type.Assembly.GetName().Name);
        Add(type);
        return type.Name;
    }

    private static string Grouped(string name) => name.Contains('|', StringComparison.Ordinal) ? $"({name})" : name;

    /// <summary>The summary of a record, as plain text.</summary>
    private string WordsOf(string name)
    {
        Match found = Regex.Match(_code, $"((?:^ *///.*\n)+) *(?:internal|public) sealed record {name}\\(", RegexOptions.Multiline);
        Match summary = Summary().Match(found.Groups[1].Value.Replace("///", "", StringComparison.Ordinal));
        return Regex.Replace(Regex.Replace(summary.Groups[1].Value, "<see cref=\"([^\"]*)\"/>|</?[a-z]+>", "$1"), "\\s+", " ").Trim();
    }

    [GeneratedRegex("<summary>(.*?)</summary>", RegexOptions.Singleline)]
    private static partial Regex Summary();

    [GeneratedRegex("import\\('[./]*contract\\.js'\\)\\.(\\w+)")]
    private static partial Regex Uses();
}
