using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Heed.Repository.Tests;

/// <summary>Who may know whom. The directions are those of docs/decisions.md.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly string[] EngineParts = ["Runtime", "Tensors", "Kernels", "Autograd", "Nn"];

    public static TheoryData<string> Assemblies => [.. Products.MayKnow.Keys];

    public static TheoryData<string> Parts => [.. EngineParts];

    [Theory, MemberData(nameof(Assemblies))]
    public void An_assembly_knows_only_those_it_may_know(string name)
    {
        string[] known = [.. Products.Load(name).GetReferencedAssemblies().Select(a => a.Name!).Where(a => a == "heed" || a.StartsWith("Heed.", StringComparison.Ordinal))];
        Assert.Empty(known.Except(Products.MayKnow[name], StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Assemblies))]
    public void A_project_refers_only_to_those_it_may_know(string name)
    {
        string project = $"src/{Folder(name)}/{Folder(name)}.csproj";
        string[] known = [.. XDocument.Load(Tree.At(project)).Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value))];
        Assert.Empty(known.Except(Products.MayKnow[name].Select(Folder), StringComparer.Ordinal));
    }

    [Fact]
    public void Every_project_of_src_is_in_the_list_of_products()
    {
        IEnumerable<string> projects = Tree.Projects.Where(p => p.StartsWith("src/", StringComparison.Ordinal)).Select(p => Path.GetFileNameWithoutExtension(p));
        Assert.Equal(Products.MayKnow.Keys.Select(Folder).Order(StringComparer.Ordinal), projects.Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Parts))]
    public void A_part_of_the_engine_knows_only_those_before_it(string part)
    {
        string[] later = EngineParts[(Array.IndexOf(EngineParts, part) + 1)..];
        List<string> wrong = [];
        foreach (string file in Tree.Sources($"src/Heed.Engine/{part}"))
        {
            Match declared = NamespaceLine().Match(Tree.Read(file));
            if (declared.Groups[1].Value != $"Heed.Engine.{part}" && !declared.Groups[1].Value.StartsWith($"Heed.Engine.{part}.", StringComparison.Ordinal)) wrong.Add($"{file}: namespace {declared.Groups[1].Value}");
            foreach ((int line, string text) in Tree.CodeLines(file))
                foreach (string other in later)
                    if (text.Contains($"Heed.Engine.{other}", StringComparison.Ordinal) || Regex.IsMatch(text, $@"(?<![\w.""]){other}\.[A-Z]")) wrong.Add($"{file}:{line}: {text.Trim()}");
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void The_engine_has_no_other_parts()
    {
        IEnumerable<string> folders = Directory.EnumerateDirectories(Tree.At("src/Heed.Engine")).Select(d => Path.GetFileName(d)!).Where(d => d is not ("bin" or "obj"));
        Assert.Equal(EngineParts.Order(StringComparer.Ordinal), folders.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Families_do_not_know_each_other()
    {
        string[] families = [.. Directory.EnumerateDirectories(Tree.At("src/Heed.Models")).Select(d => Path.GetFileName(d)!).Where(d => d is not ("bin" or "obj" or "Files"))];
        List<string> wrong = [];
        foreach (string family in families)
        {
            foreach (string file in Tree.Sources($"src/Heed.Models/{family}"))
                foreach ((int line, string text) in Tree.CodeLines(file))
                    foreach (string other in families)
                        if (other != family && Regex.IsMatch(text, $@"^\s*using (static )?Heed\.Models\.{other}\b|(?<![\w.""]){other}\.{other}")) wrong.Add($"{file}:{line}: {text.Trim()}");
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Unsafe_code_is_only_in_kernels_the_runtime_and_core()
    {
        string[] allowed = ["src/Heed.Engine/Kernels/", "src/Heed.Engine/Runtime/", "src/Heed.Core/"];
        List<string> wrong = [.. Lines(UnsafeWord()).Where(l => !Array.Exists(allowed, a => l.StartsWith(a, StringComparison.Ordinal)))];
        Assert.Empty(wrong);
    }

    [Fact]
    public void Foreign_functions_are_only_in_core()
    {
        List<string> wrong = [.. Lines(ImportWord()).Where(l => !l.StartsWith("src/Heed.Core/", StringComparison.Ordinal))];
        Assert.Empty(wrong);
    }

    [Fact]
    public void The_console_is_only_in_the_command_line()
    {
        List<string> wrong = [.. Lines(ConsoleWord()).Where(l => !l.StartsWith("src/Heed.Cli/", StringComparison.Ordinal))];
        Assert.Empty(wrong);
    }

    [Fact]
    public void Libraries_are_marked_for_trimming_and_ahead_of_time_compilation()
    {
        foreach (string name in Products.Libraries)
        {
            Assert.Contains(Products.Load(name).GetCustomAttributes<AssemblyMetadataAttribute>(), a => a is { Key: "IsTrimmable", Value: "True" });
            Assert.DoesNotContain("IsAotCompatible", Tree.Read($"src/{name}/{name}.csproj"), StringComparison.Ordinal);
        }

        Assert.Contains("<IsAotCompatible>true</IsAotCompatible>", Tree.Read("src/Directory.Build.props"), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Lines(Regex pattern)
        => Tree.Sources("src").SelectMany(file => Tree.CodeLines(file).Where(l => pattern.IsMatch(l.Text)).Select(l => $"{file}:{l.Line}: {l.Text.Trim()}"));

    private static string Folder(string assembly) => assembly == "heed" ? "Heed.Cli" : assembly;

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"(?<![""\w<])unsafe (class|struct|static|void|fixed|partial|public|internal|private|readonly|\{)|^\s*unsafe\s*$|\bunsafe\s*\{")]
    private static partial Regex UnsafeWord();

    [GeneratedRegex(@"\[\s*(DllImport|LibraryImport)\b|NativeLibrary\.")]
    private static partial Regex ImportWord();

    [GeneratedRegex(@"(?<![\w.])Console\.")]
    private static partial Regex ConsoleWord();
}
