using System.Globalization;

namespace Heed.Checkpoints.Gguf;

/// <summary>The metadata of a file, read by key with checks: an error names the file, the key, the value found and what is
/// allowed.</summary>
internal sealed class GgufMetadata
{
    private const string ArchitectureKey = "general.architecture";

    private readonly GgufFile _file;

    /// <summary>Reads the architecture, whose name begins the keys of sizes.</summary>
    /// <exception cref="InvalidFileException">It is missing, or no string.</exception>
    public GgufMetadata(GgufFile file)
    {
        _file = file;
        Architecture = Text(ArchitectureKey) ?? throw Missing(ArchitectureKey);
    }

    /// <summary><c>general.architecture</c>: <c>llama</c>, <c>gpt2</c>.</summary>
    public string Architecture { get; }

    /// <summary>The file.</summary>
    public GgufFile File => _file;

    /// <summary>The full key of a size: <c>llama.block_count</c>.</summary>
    public string Key(string name) => $"{Architecture}.{name}";

    /// <summary>True if the key is there.</summary>
    public bool Has(string key) => _file.Metadata.ContainsKey(key);

    /// <summary>A string, or null if the key is missing.</summary>
    public string? Text(string key) => Find(key) is { } value ? value.Value as string ?? throw Wrong(key, "a string") : null;

    /// <summary>A truth value; if omitted, <paramref name="otherwise"/>.</summary>
    public bool Flag(string key, bool otherwise)
        => Find(key) is { } value ? value.Value is bool flag ? flag : throw Wrong(key, "true or false") : otherwise;

    /// <summary>A whole number, or null if the key is missing.</summary>
    public int? Whole(string key, int least, int most)
    {
        if (Find(key) is not { } value) return null;
        return value.Value is decimal number && number >= least && number <= most ? (int)number
            : throw Wrong(key, $"a whole number from {least} to {most}");
    }

    /// <summary>A whole number that must be there.</summary>
    public int Size(string key, int most) => Whole(key, 1, most) ?? throw Missing(key);

    /// <summary>A finite number, or null if the key is missing.</summary>
    public double? Number(string key)
        => Find(key) is { } value ? value.Value switch
        {
            // A float32's shortest decimal, as configurations have it: 1e-05, not 9.999999747378752e-06.
            double number when double.IsFinite(number) => value.Type == GgufValueType.F32
                ? double.Parse(((float)number).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : number,
            decimal whole => (double)whole,
            _ => throw Wrong(key, "a finite number"),
        }
        : null;

    /// <summary>An array of strings, or null if the key is missing.</summary>
    public string[]? Texts(string key) => Find(key) is { } value ? value.Value as string[] ?? throw Wrong(key, "an array of strings")
        : null;

    /// <summary>An array of whole numbers, or null if the key is missing.</summary>
    public long[]? Wholes(string key) => Find(key) is { } value ? value.Value as long[] ?? throw Wrong(key, "an array of whole numbers")
        : null;

    /// <summary>An array of numbers, or null if the key is missing.</summary>
    public double[]? Numbers(string key) => Find(key) is { } value ? value.Value as double[] ?? throw Wrong(key, "an array of numbers")
        : null;

    /// <summary>The error of a key that must be there.</summary>
    public InvalidFileException Missing(string key) => new(_file.Path, key, "is missing; write the file again with a complete converter");

    /// <summary>The error of a value that cannot be.</summary>
    public InvalidFileException Wrong(string key, string expected)
        => new(_file.Path, key, $"is {_file.Metadata[key]}; {expected} was expected. Write the file again, or correct the key");

    private GgufValue? Find(string key) => _file.Metadata.GetValueOrDefault(key);
}
