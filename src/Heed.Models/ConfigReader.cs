using System.Globalization;
using System.Text.Json;

namespace Heed.Models;

/// <summary>Reads a <c>config.json</c> field by field: type and range are checked, and an error names file, field, value and what is allowed.</summary>
/// <param name="root">The object to read.</param>
/// <param name="file">Its file, for errors.</param>
/// <param name="path">JSON path of <paramref name="root"/>; <c>$</c> for the whole file.</param>
public readonly struct ConfigReader(JsonElement root, string file, string path = "$")
{
    /// <summary>Largest size accepted for any dimension: beyond it a file is damaged rather than large.</summary>
    public const int MaximumSize = 1 << 28;

    /// <summary>The object.</summary>
    public JsonElement Root { get; } = root;

    /// <summary>Its file.</summary>
    public string File { get; } = file;

    /// <summary>Its JSON path.</summary>
    public string Path { get; } = path;

    /// <summary>True where the field is there and not null.</summary>
    public bool Has(string name) => Root.ValueKind == JsonValueKind.Object && Root.TryGetProperty(name, out JsonElement e) && e.ValueKind != JsonValueKind.Null;

    /// <summary>A size of at least <paramref name="minimum"/>.</summary>
    /// <exception cref="FileFormatException">The field is missing or not such an integer.</exception>
    public int Size(string name, int minimum = 1) => StrictJson.Integer(Required(name), File, At(name), minimum, MaximumSize);

    /// <summary>A size, or <paramref name="standard"/> where the field is missing or null.</summary>
    public int Size(string name, int standard, int minimum) => Has(name) ? Size(name, minimum) : standard;

    /// <summary>A size, or null where the field is missing or null.</summary>
    public int? OptionalSize(string name, int minimum = 1) => Has(name) ? Size(name, minimum) : null;

    /// <summary>An id of the vocabulary, or null; where a list is given (several ends) its first.</summary>
    public int? OptionalId(string name)
    {
        if (!Has(name)) return null;
        JsonElement e = Root.GetProperty(name);
        if (e.ValueKind == JsonValueKind.Array) return e.GetArrayLength() == 0 ? null : StrictJson.Integer(e[0], File, $"{At(name)}[0]");
        return StrictJson.Integer(e, File, At(name));
    }

    /// <summary>A number from <paramref name="minimum"/> to <paramref name="maximum"/>, or <paramref name="standard"/> where the field is missing or null.</summary>
    public double Number(string name, double standard, double minimum = double.MinValue, double maximum = double.MaxValue)
    {
        if (!Has(name)) return standard;
        double value = StrictJson.Number(Root.GetProperty(name), File, At(name));
        if (value < minimum || value > maximum)
            throw new FileFormatException(File, At(name), string.Create(CultureInfo.InvariantCulture, $"is {value}; a number from {minimum} to {maximum} was expected"));
        return value;
    }

    /// <summary>True or false, or <paramref name="standard"/> where the field is missing or null.</summary>
    public bool Flag(string name, bool standard) => Has(name) ? StrictJson.Boolean(Root.GetProperty(name), File, At(name)) : standard;

    /// <summary>A string, or <paramref name="standard"/> where the field is missing or null.</summary>
    public string? Text(string name, string? standard = null) => Has(name) ? StrictJson.Text(Root.GetProperty(name), File, At(name)) : standard;

    /// <summary>One of the given words.</summary>
    /// <exception cref="FileFormatException">Another word stands there; the error lists those allowed.</exception>
    public TValue Choice<TValue>(string name, string standard, params ReadOnlySpan<(string Word, TValue Value)> choices)
    {
        string word = Text(name, standard)!;
        foreach ((string known, TValue value) in choices)
            if (known == word) return value;
        List<string> words = [];
        foreach ((string known, _) in choices) words.Add(known);
        throw new FileFormatException(File, At(name), $"is \"{Printable.Shorten(word)}\"; one of {string.Join(", ", words)} was expected");
    }

    /// <summary>The numbers of an array, or null where the field is missing or null.</summary>
    public double[]? Numbers(string name)
    {
        if (!Has(name)) return null;
        JsonElement e = Root.GetProperty(name);
        if (e.ValueKind != JsonValueKind.Array) throw Wrong(name, $"is {StrictJson.Describe(e)}; an array of numbers was expected");
        double[] numbers = new double[e.GetArrayLength()];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = StrictJson.Number(e[i], File, $"{At(name)}[{i}]");
        return numbers;
    }

    /// <summary>A nested object, or null where the field is missing or null.</summary>
    public ConfigReader? Nested(string name)
    {
        if (!Has(name)) return null;
        JsonElement e = Root.GetProperty(name);
        return e.ValueKind == JsonValueKind.Object ? new ConfigReader(e, File, At(name)) : throw Wrong(name, $"is {StrictJson.Describe(e)}; an object was expected");
    }

    /// <summary>The JSON path of a field.</summary>
    public string At(string name) => $"{Path}.{name}";

    /// <summary>An error about a field.</summary>
    public FileFormatException Wrong(string name, string reason) => new(File, At(name), reason);

    private JsonElement Required(string name) => Has(name) ? Root.GetProperty(name) : throw Wrong(name, "is missing; the architecture needs it");
}
