using System.Globalization;
using System.Text.Json;

namespace Heed.Models;

/// <summary>Reads a <c>config.json</c> field by field: type and range are checked, and an error names file, field, value and what is
/// allowed.</summary>
/// <param name="root">The object to read.</param>
/// <param name="file">Its file, for errors.</param>
/// <param name="path">JSON path of <paramref name="root"/>; <c>$</c> for the whole file.</param>
public readonly struct ConfigReader(JsonElement root, string file, string path = "$")
{
    /// <summary>Largest size accepted for any dimension: beyond it a file is damaged rather than large.</summary>
    public const int MaximumSize = 1 << 28;

    /// <summary>Keys whose null has a meaning in the reference though the value has one type: as if it were left out.</summary>
    private static readonly string[] NullStandsForStandard = ["attention_dropout", "num_decoder_layers", "decoder_vocab_size", "num_labels"];

    private readonly (string Name, string Other)[]? _names;
    private readonly ConfigKeys? _keys;
    private readonly bool _nullIsAbsent;

    private ConfigReader(ConfigReader other, (string Name, string Other)[]? names, ConfigKeys? keys, bool nullIsAbsent)
        : this(other.Root, other.File, other.Path) => (_names, _keys, _nullIsAbsent) = (names, keys, nullIsAbsent);

    /// <summary>The object.</summary>
    public JsonElement Root { get; } = root;

    /// <summary>Its file.</summary>
    public string File { get; } = file;

    /// <summary>Its JSON path.</summary>
    public string Path { get; } = path;

    /// <summary>The same object, in which fields may stand under another name too: Hugging Face's common ones beside an architecture's own
    /// (<c>hidden_size</c> for <c>n_embd</c>).</summary>
    internal ConfigReader WithNames(params ReadOnlySpan<(string Name, string Other)> names)
        => new(this, names.ToArray(), _keys, _nullIsAbsent);

    /// <summary>The same object, in which fields may stand under a second name.</summary>
    /// <param name="names">Names that are asked for, and their second ones.</param>
    public ConfigReader WithNames(IReadOnlyDictionary<string, string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        return new(this, [.. names.Select(n => (n.Key, n.Value))], _keys, _nullIsAbsent);
    }

    /// <summary>The same object; what is read of it is noted.</summary>
    internal ConfigReader NotedIn(ConfigKeys keys) => new(this, _names, keys, _nullIsAbsent);

    /// <summary>The same object of a file in which null means "not set" for every key, as in <c>generation_config.json</c>.</summary>
    internal ConfigReader WithNullAsAbsent() => new(this, _names, _keys, true);

    /// <summary>Notes a key that is read only to refuse what is not computed here.</summary>
    internal void Guard(string name) => _keys?.Note(Path, name, ConfigKeyUse.Guarded);

    /// <summary>True where the field is there and not null.</summary>
    /// <exception cref="InvalidFileException">It stands under both of its names, with different values.</exception>
    public bool Has(string name) => Find(name) is { } e && e.ValueKind != JsonValueKind.Null;

    /// <summary>True where the field is there, even as null: a missing field leaves the architecture's own value, null takes it
    /// away.</summary>
    public bool Says(string name) => Find(name) is not null;

    /// <summary>A size of at least <paramref name="minimum"/>.</summary>
    /// <exception cref="InvalidFileException">The field is missing or not such an integer.</exception>
    public int Size(string name, int minimum = 1) => StrictJson.Integer(Required(name), File, At(name), minimum, MaximumSize);

    /// <summary>A size, or <paramref name="standard"/> if the field is missing.</summary>
    /// <exception cref="InvalidFileException">The field is null or not such an integer.</exception>
    public int Size(string name, int standard, int minimum) => IsGiven(name, "an integer") ? Size(name, minimum) : standard;

    /// <summary>A size, or null where the field is missing or null.</summary>
    public int? OptionalSize(string name, int minimum = 1) => Has(name) ? Size(name, minimum) : null;

    /// <summary>An id of the vocabulary, or null where the field is null; <paramref name="standard"/> where it is missing.</summary>
    public int? OptionalId(string name, int? standard) => Says(name) ? OptionalId(name) : standard;

    /// <summary>An id of the vocabulary, or null; where a list is given (several ends) its first.</summary>
    public int? OptionalId(string name)
    {
        if (!Has(name)) return null;
        JsonElement e = Find(name)!.Value;
        if (e.ValueKind == JsonValueKind.Array)
            return e.GetArrayLength() == 0
                ? throw Wrong(name, "is an empty list; an id was expected. Give one, or null for none")
                : StrictJson.Integer(e[0], File, $"{At(name)}[0]");
        return StrictJson.Integer(e, File, At(name));
    }

    /// <summary>A number from <paramref name="minimum"/> to <paramref name="maximum"/>, or <paramref name="standard"/> if the field is
    /// missing.</summary>
    /// <exception cref="InvalidFileException">The field is null or not such a number.</exception>
    public double Number(string name, double standard, double minimum = double.MinValue, double maximum = double.MaxValue)
    {
        if (!IsGiven(name, "a number")) return standard;
        double value = StrictJson.Number(Find(name)!.Value, File, At(name));
        if (value < minimum || value > maximum)
            throw new InvalidFileException(
                File, At(name),
                string.Create(CultureInfo.InvariantCulture, $"is {value}; a number from {minimum} to {maximum} was expected. Correct it"));
        return value;
    }

    /// <summary>True or false, or <paramref name="standard"/> if the field is missing.</summary>
    /// <exception cref="InvalidFileException">The field is null or neither.</exception>
    public bool Flag(string name, bool standard)
        => IsGiven(name, "true or false") ? StrictJson.Boolean(Find(name)!.Value, File, At(name)) : standard;

    /// <summary>A string, or <paramref name="standard"/> where the field is missing or null.</summary>
    public string? Text(string name, string? standard = null) => Has(name) ? StrictJson.Text(Find(name)!.Value, File, At(name)) : standard;

    /// <summary>One of the given words.</summary>
    /// <exception cref="InvalidFileException">Another word stands there; the error lists those allowed.</exception>
    internal TValue Choice<TValue>(string name, string standard, params ReadOnlySpan<(string Word, TValue Value)> choices)
    {
        string word = IsGiven(name, "a word") ? Text(name)! : standard;
        foreach ((string known, TValue value) in choices)
            if (known == word) return value;
        List<string> words = [];
        foreach ((string known, _) in choices) words.Add(known);
        throw new InvalidFileException(File, At(name), $"is \"{Printable.Shorten(word)}\"; "
            + $"one of {string.Join(", ", words)} was expected. Correct it");
    }

    /// <summary>A value by the word that stands for it.</summary>
    /// <param name="name">The field.</param>
    /// <param name="standard">The word if the field is missing.</param>
    /// <param name="choices">The words that are known, and their values.</param>
    /// <exception cref="InvalidFileException">The word is unknown.</exception>
    public TValue Choice<TValue>(string name, string standard, IReadOnlyDictionary<string, TValue> choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        return Choice(name, standard, choices.Select(c => (c.Key, c.Value)).ToArray());
    }

    /// <summary>The numbers of an array, or null where the field is missing or null.</summary>
    public double[]? Numbers(string name)
    {
        if (!Has(name)) return null;
        JsonElement e = Find(name)!.Value;
        if (e.ValueKind != JsonValueKind.Array)
            throw Wrong(name, $"is {StrictJson.Describe(e)}; an array of numbers was expected. Correct it");
        double[] numbers = new double[e.GetArrayLength()];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = StrictJson.Number(e[i], File, $"{At(name)}[{i}]");
        return numbers;
    }

    /// <summary>A nested object, or null where the field is missing or null.</summary>
    public ConfigReader? Nested(string name)
    {
        if (!Has(name)) return null;
        JsonElement e = Find(name)!.Value;
        return e.ValueKind == JsonValueKind.Object
            ? new ConfigReader(new ConfigReader(e, File, At(name)), null, _keys, _nullIsAbsent)
            : throw Wrong(name, $"is {StrictJson.Describe(e)}; an object was expected. Correct it");
    }

    /// <summary>The JSON path of a field.</summary>
    public string At(string name) => $"{Path}.{name}";

    /// <summary>An error about a field.</summary>
    public InvalidFileException Wrong(string name, string reason) => new(File, At(name), reason);

    /// <summary>True if the field has a value, false if it is missing: null is neither, for it takes nothing away from a field that must
    /// have a value.</summary>
    private bool IsGiven(string name, string expected)
    {
        if (Has(name)) return true;
        if (!Says(name) || _nullIsAbsent || NullStandsForStandard.Contains(name)) return false;
        throw Wrong(name, $"is null; {expected} was expected. Give a value, or take the key out to get the architecture's own");
    }

    private JsonElement? Find(string name)
    {
        _keys?.Note(Path, name);
        if (Root.ValueKind != JsonValueKind.Object) return null;
        JsonElement? found = Root.TryGetProperty(name, out JsonElement e) ? e : null;
        foreach ((string known, string other) in _names ?? [])
        {
            if (known != name || !Root.TryGetProperty(other, out JsonElement same)) continue;
            _keys?.Note(Path, other);
            if (found is { } first && first.ValueKind != JsonValueKind.Null && same.ValueKind != JsonValueKind.Null
                && !JsonElement.DeepEquals(first, same))
                throw Wrong(name, $"is {first.GetRawText()} and {other}, another name of it, is {same.GetRawText()}; give one of them");
            if (found is null || found.Value.ValueKind == JsonValueKind.Null) found = same;
        }

        return found;
    }

    private JsonElement Required(string name) => Has(name) ? Find(name)!.Value : throw Wrong(name, Says(name) ? "is null; the architecture needs a value. Give it" : "is missing; the architecture needs it. Add it");
}
