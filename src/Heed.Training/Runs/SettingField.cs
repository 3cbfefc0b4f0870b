using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Training.Runs;

/// <summary>One setting of a run: its key in <c>run.json</c>, which with dashes is its option, and how it is read and written.</summary>
/// <typeparam name="TConfig">The settings that it belongs to.</typeparam>
/// <param name="Name">Key, such as <c>batch_size</c>.</param>
/// <param name="Kind">What is expected, for help and errors.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Read">Sets it from JSON; file and path are for the error.</param>
/// <param name="Write">Gets it as JSON; null where it is not set.</param>
internal sealed record SettingField<TConfig>(
    string Name, string Kind, string Help, Func<TConfig, JsonElement, string, string, TConfig> Read, Func<TConfig, JsonNode?> Write)
    where TConfig : TrainingConfig
{
    /// <summary>What a switch expects; on the command line its name alone means true.</summary>
    public const string Switch = "true or false";

    /// <summary>What the kind of a setting begins with that is one of some words.</summary>
    private const string Words = "one of ";

    /// <summary>The option: <c>--batch-size</c>.</summary>
    public string Option => "--" + Name.Replace('_', '-');

    /// <summary>Sets the field from the text of an option.</summary>
    /// <exception cref="UsageException">The text is not of the kind expected.</exception>
    public TConfig Parse(TConfig config, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string json = Kind switch
        {
            "text" => new JsonArray(text)[0]!.ToJsonString(),
            _ when Kind.StartsWith(Words, StringComparison.Ordinal) => new JsonArray(text)[0]!.ToJsonString(),
            "texts" => new JsonArray([.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(t => (JsonNode)t)]).ToJsonString(),
            _ => text,
        };
        using JsonDocument document = Parsed(json, text);
        try
        {
            return Read(config, document.RootElement, Option, "");
        }
        catch (InvalidFileException e)
        {
            throw new UsageException($"{e.Message.TrimEnd('.')}.");
        }
    }

    /// <summary>Reads the settings that stand at a place of a file over others.</summary>
    /// <param name="config">The others.</param>
    /// <param name="fields">The settings there are.</param>
    /// <param name="settings">The object.</param>
    /// <param name="file">The file, for errors.</param>
    /// <param name="at">The place, for errors.</param>
    /// <param name="command">The command whose help lists the settings.</param>
    /// <exception cref="InvalidFileException">A key is unknown, or a value has a wrong type or range.</exception>
    public static TConfig ReadAll(
        TConfig config, IReadOnlyList<SettingField<TConfig>> fields, JsonElement settings, string file, string at, string command)
    {
        if (settings.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(file, at, $"is {StrictJson.Describe(settings)}; an object was expected");
        foreach (JsonProperty property in settings.EnumerateObject())
        {
            if (fields.FirstOrDefault(f => f.Name == property.Name) is not { } field)
            {
                string near = Printable.Nearest(property.Name, fields.Select(f => f.Name)) is { } nearest
                    ? $"; did you mean \"{nearest}\"?" : "";
                throw new InvalidFileException(file, $"{at}.{property.Name}",
                    $"is no setting of a run{near} 'heed {command} --help' lists them");
            }

            config = field.Read(config, property.Value, file, $"{at}.{property.Name}");
        }

        return config;
    }

    /// <summary>A setting that is a text.</summary>
    public static SettingField<TConfig> Text(string name, string help, Func<TConfig, string> get, Func<TConfig, string, TConfig> set)
        => new(name, "text", help, (c, e, file, path) => set(c, StrictJson.Text(e, file, path)), c => JsonValue.Create(get(c)));

    /// <summary>A setting that is a text, or null where it is not set: an empty text is one.</summary>
    public static SettingField<TConfig> OptionalText(
        string name, string help, Func<TConfig, string?> get, Func<TConfig, string?, TConfig> set)
        => new(name, "text", help, (c, e, file, path) => set(c, e.ValueKind == JsonValueKind.Null ? null : StrictJson.Text(e, file, path)),
            c => get(c) is { } text ? JsonValue.Create(text) : null);

    /// <summary>A setting that is one of some words, or null where it is not set.</summary>
    public static SettingField<TConfig> Word(
        string name, string help, IReadOnlyList<string> words, Func<TConfig, string?> get, Func<TConfig, string?, TConfig> set)
    {
        string kind = Words + string.Join(", ", words);
        return new(name, kind, help, (c, e, file, path) =>
        {
            if (e.ValueKind == JsonValueKind.Null) return set(c, null);
            string word = StrictJson.Text(e, file, path);
            return words.Contains(word) ? set(c, word)
                : throw new InvalidFileException(file, path, $"is \"{Printable.Shorten(word)}\"; {kind} was expected");
        }, c => get(c) is { } word ? JsonValue.Create(word) : null);
    }

    /// <summary>A setting that is a list of texts.</summary>
    public static SettingField<TConfig> Texts(
        string name, string help, Func<TConfig, IReadOnlyList<string>> get, Func<TConfig, IReadOnlyList<string>, TConfig> set)
        => new(name, "texts", help, (c, e, file, path) => set(c, ReadTexts(e, file, path)), c
        => new JsonArray([.. get(c).Select(t => (JsonNode)t)]));

    /// <summary>A setting that is a 32-bit integer.</summary>
    public static SettingField<TConfig> Integer(string name, string help, Func<TConfig, int> get, Func<TConfig, int, TConfig> set,
        int minimum)
        => new(name, $"an integer from {minimum}", help,
            (c, e, file, path) => set(c, StrictJson.Integer(e, file, path, minimum, int.MaxValue)), c => JsonValue.Create(get(c)));

    /// <summary>A setting that is a 64-bit integer.</summary>
    public static SettingField<TConfig> Long(string name, string help, Func<TConfig, long> get, Func<TConfig, long, TConfig> set,
        long minimum)
        => new(name, $"an integer from {minimum}", help, (c, e, file, path) => set(c, ReadLong(e, file, path, minimum)), c
        => JsonValue.Create(get(c)));

    /// <summary>A setting that is a seed.</summary>
    public static SettingField<TConfig> Seed(string name, string help, Func<TConfig, ulong> get, Func<TConfig, ulong, TConfig> set)
        => new(name, "an integer from 0", help, (c, e, file, path) => set(c, ReadSeed(e, file, path)), c => JsonValue.Create(get(c)));

    /// <summary>A setting that is true or false.</summary>
    public static SettingField<TConfig> Flag(string name, string help, Func<TConfig, bool> get, Func<TConfig, bool, TConfig> set)
        => new(name, Switch, help, (c, e, file, path) => set(c, StrictJson.Boolean(e, file, path)), c => JsonValue.Create(get(c)));

    /// <summary>A setting that is a finite number.</summary>
    public static SettingField<TConfig> Number(
        string name, string help, Func<TConfig, double> get, Func<TConfig, double, TConfig> set, double minimum, double maximum)
        => OptionalNumber(name, help, c => get(c), (c, v) => set(c, v!.Value), minimum, maximum, nullable: false);

    /// <summary>A setting that is a finite number, or null where it is not set.</summary>
    public static SettingField<TConfig> OptionalNumber(
        string name, string help, Func<TConfig, double?> get, Func<TConfig, double?, TConfig> set, double minimum, double maximum,
            bool nullable = true)
    {
        string kind = string.Create(CultureInfo.InvariantCulture, $"a number from {minimum} to {maximum}");
        return new(name, kind, help, (c, e, file, path) =>
        {
            if (nullable && e.ValueKind == JsonValueKind.Null) return set(c, null);
            double value = StrictJson.Number(e, file, path);
            return value >= minimum && value <= maximum ? set(c, value)
                : throw new InvalidFileException(file, path, string.Create(CultureInfo.InvariantCulture, $"is {value}; {kind} was "
                + $"expected"));
        }, c => get(c) is not { } value ? null
            : double.IsFinite(value) ? JsonValue.Create(value)
            : throw new ConfigException(string.Create(CultureInfo.InvariantCulture, $"{name}: is {value}; {kind} was expected.")));
    }

    private JsonDocument Parsed(string json, string text)
    {
        try
        {
            return StrictJson.Parse(System.Text.Encoding.UTF8.GetBytes(json), Option);
        }
        catch (InvalidFileException)
        {
            throw new UsageException($"{Option}: is \"{Printable.Shorten(text)}\"; {Kind} was expected.");
        }
    }

    private static long ReadLong(JsonElement e, string file, string path, long minimum)
        => e.ValueKind == JsonValueKind.Number && e.TryGetInt64(out long value) && value >= minimum ? value
            : throw new InvalidFileException(file, path, $"is {StrictJson.Describe(e)}; an integer from {minimum} was expected");

    private static ulong ReadSeed(JsonElement e, string file, string path)
        => e.ValueKind == JsonValueKind.Number && e.TryGetUInt64(out ulong value) ? value
            : throw new InvalidFileException(file, path, $"is {StrictJson.Describe(e)}; an integer from 0 was expected");

    private static string[] ReadTexts(JsonElement e, string file, string path)
    {
        if (e.ValueKind == JsonValueKind.String) return [StrictJson.Text(e, file, path)];
        if (e.ValueKind != JsonValueKind.Array)
            throw new InvalidFileException(file, path, $"is {StrictJson.Describe(e)}; a text or an array of texts was expected");
        string[] texts = new string[e.GetArrayLength()];
        for (int i = 0; i < texts.Length; i++) texts[i] = StrictJson.Text(e[i], file, $"{path}[{i}]");
        return texts;
    }
}
