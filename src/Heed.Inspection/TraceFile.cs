using System.Text;
using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Tensors;

namespace Heed.Inspection;

public sealed partial class Trace
{
    private const string Format = "heed-trace", Version = "1";

    /// <summary>Writes the trace to one file that anybody can open without the model: safetensors with ids, tokens, names and the SHA-256
    /// of
    /// the weights in its metadata. A crash leaves the old file or the new one.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="StorageException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        SafetensorsWriter.Write(path, Names
            .Select(name => RawTensor.FromFloats(name, [.. _values[name].Shape.ToArray().Select(s => (long)s)],
            _values[name].ToArray())), [new("format", Format), new("trace", Metadata())]);
    }

    /// <summary>Opens a saved trace.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="StorageException">The file is not there or cannot be read.</exception>
    /// <exception cref="InvalidFileException">It is no trace, or damaged.</exception>
    public static Trace Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        string? format = file.Metadata?.FirstOrDefault(p => p.Key == "format").Value, text =
            file.Metadata?.FirstOrDefault(p => p.Key == "trace").Value;
        if (format != Format || text is null)
            throw new InvalidFileException(path, "__metadata__",
                "is not that of a trace; a file that Trace.Save or 'heed inspect --trace' wrote was expected");
        using JsonDocument json = StrictJson.Parse(Encoding.UTF8.GetBytes(text), path);
        TraceMetadata read = new(json.RootElement, path);
        if (read.Text("version") is var version && version != Version)
            throw new InvalidFileException(path, "$.version",
                $"is {Printable.Shorten(version)}; {Version} is known. Open it with the version of Heed that wrote it");
        Dictionary<string, ValueArray> values = new(StringComparer.Ordinal);
        foreach (string name in read.Texts("names"))
        {
            if (!file.TryGet(name, out RawTensor? tensor))
                throw new InvalidFileException(path, "$.names",
                    $"lists '{Printable.Shorten(name)}', and the file has no tensor of this name");
            if (tensor.Shape.Count > Shape.MaximumRank)
                throw new InvalidFileException(path, name, $"has {tensor.Shape.Count} axes; up to {Shape.MaximumRank} were expected");
            values[name] = new ValueArray(tensor.ToFloats(), new Shape([.. tensor.Shape.Select(s => checked((int)s))]));
        }

        string hash = read.Text("weights_sha256");
        return new Trace(new InspectedText
        {
            Ids = read.Integers("ids"),
            TypeIds = read.Has("type_ids") ? read.Integers("type_ids") : null,
            DecoderIds = read.Integers("decoder_ids"),
            Tokens = read.Texts("tokens"),
            DecoderTokens = read.Texts("decoder_tokens"),
        }, values, read.Texts("interventions"), read.Text("architecture"), new Lazy<string>(() => hash));
    }

    private string Metadata()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, StrictJson.WriterOptions with { Indented = false }))
        {
            writer.WriteStartObject();
            writer.WriteString("version", Version);
            writer.WriteString("architecture", Architecture);
            writer.WriteString("weights_sha256", WeightsHash);
            List("ids", Text.Ids, writer.WriteNumberValue);
            if (Text.TypeIds is { } types) List("type_ids", types, writer.WriteNumberValue);
            List("decoder_ids", Text.DecoderIds, writer.WriteNumberValue);
            List("tokens", Text.Tokens, writer.WriteStringValue);
            List("decoder_tokens", Text.DecoderTokens, writer.WriteStringValue);
            List("interventions", Interventions, writer.WriteStringValue);
            List("names", Names, writer.WriteStringValue);
            writer.WriteEndObject();

            void List<T>(string name, IReadOnlyList<T> list, Action<T> write)
            {
                writer.WriteStartArray(name);
                foreach (T item in list) write(item);
                writer.WriteEndArray();
            }
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>The metadata of a file, with errors that name it.</summary>
    private sealed class TraceMetadata(JsonElement root, string path)
    {
        public bool Has(string name) => root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out _);

        public string Text(string name) => StrictJson.Text(Find(name), path, $"$.{name}");

        public string[] Texts(string name) => [.. Items(name).Select((e, i) => StrictJson.Text(e, path, $"$.{name}[{i}]"))];

        public int[] Integers(string name) => [.. Items(name).Select((e, i) => StrictJson.Integer(e, path, $"$.{name}[{i}]"))];

        private IEnumerable<JsonElement> Items(string name)
        {
            JsonElement list = Find(name);
            return list.ValueKind == JsonValueKind.Array ? list.EnumerateArray()
                : throw new InvalidFileException(path, $"$.{name}", $"is {StrictJson.Describe(list)}; a list was expected");
        }

        private JsonElement Find(string name) => Has(name) ? root.GetProperty(name)
            : throw new InvalidFileException(path, $"$.{name}", "is missing");
    }
}
