using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Models.Embeddings;

namespace Heed.Retrieval;

/// <summary>A segment as <c>index.json</c> lists it.</summary>
/// <param name="File">Name of its file.</param>
/// <param name="Chunks">How many chunks it has, removed ones included.</param>
/// <param name="Removed">Numbers of its documents that were removed or replaced, rising.</param>
internal sealed record SegmentEntry(string File, int Chunks, IReadOnlyList<int> Removed);

/// <summary>What <c>index.json</c> says: replacing this one file is a commit.</summary>
internal sealed record IndexManifest
{
    public const string FileName = "index.json";
    private const string Format = "heed-search";
    private const int Version = 1;

    public required SearchIndexSettings Settings { get; init; }

    /// <summary>Who made the vectors; null: there are none.</summary>
    public IndexModel? Model { get; init; }

    /// <summary>Number of the next segment's file.</summary>
    public int Next { get; init; } = 1;

    public IReadOnlyList<SegmentEntry> Segments { get; init; } = [];

    /// <summary>What was measured for <see cref="DocumentAnswers"/>; null: nothing since the last change.</summary>
    public EvidenceThreshold? Evidence { get; init; }

    /// <summary>Numbers per vector; 0 without.</summary>
    public int Width => Model?.Width ?? 0;

    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, FileName));

    public static IndexManifest Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) throw new StorageException($"{folder}: holds no index ({FileName} is missing). Build one: heed search "
            + $"build.");
        using JsonDocument document = StrictJson.ReadFile(path, 1L << 28);
        Reader root = new(document.RootElement, path, "$");
        if (root.Text("format") != Format || root.Integer("version", 1, int.MaxValue) != Version)
            throw new InvalidFileException(path, "$.version", $"is no {Format} of version {Version}. Build the index again");
        Reader words = root.Object("words");
        return new IndexManifest
        {
            Settings = new SearchIndexSettings
            {
                Vectors = root.Name<VectorFormat>("vectors"),
                Similarity = root.Name<VectorSimilarity>("similarity"),
                Words = new Bm25Options
                {
                    Form = words.Name<Bm25Form>("form"),
                    K1 = words.Number("k1"),
                    B = words.Number("b"),
                    Delta = words.Number("delta"),
                },
                Chunks = new ChunkOptions { MaximumTokens = root.Object("chunks").Integer("maximum_tokens", 1, int.MaxValue) },
                ChunksPerCommit = root.Object("chunks").Integer("per_commit", 1, int.MaxValue),
            },
            Model = root.Optional("model") is { } model ? new IndexModel(model.Text("name"), model.Integer("width", 1, 1 << 24),
                model.Name<VectorSimilarity>("similarity"), [.. model.List("probe").Select(n => (float)n.AsNumber())],
                    model.Optional("folder") is null ? null : model.Text("folder")) : null,
            Next = root.Integer("next", 1, int.MaxValue),
            Segments = [.. root.List("segments").Select(s => new SegmentEntry(s.FileName("file"), s.Integer("chunks", 0, int.MaxValue),
                [.. s.List("removed").Select(r => r.AsInteger())]))],
            Evidence = root.Optional("evidence") is { } evidence ? new EvidenceThreshold(evidence.Name<SearchMode>("of"),
                evidence.Number("threshold"), evidence.Number("kept"), evidence.Number("let_through"),
                evidence.Integer("questions", 0, int.MaxValue)) : null,
        }.Validated(path);
    }

    public void Write(string folder)
    {
        JsonObject json = new()
        {
            ["format"] = Format,
            ["version"] = Version,
            ["vectors"] = Settings.Vectors.ToString(),
            ["similarity"] = Settings.Similarity.ToString(),
            ["words"] = new JsonObject
            {
                ["form"] = Settings.Words.Form.ToString(),
                ["k1"] = Settings.Words.K1,
                ["b"] = Settings.Words.B,
                ["delta"] = Settings.Words.Delta,
            },
            ["chunks"] = new JsonObject
            {
                ["maximum_tokens"] = Settings.Chunks.MaximumTokens,
                ["per_commit"] = Settings.ChunksPerCommit,
            },
            ["next"] = Next,
            ["segments"] = new JsonArray([.. Segments.Select(s => (JsonNode)new JsonObject
            {
                ["file"] = s.File,
                ["chunks"] = s.Chunks,
                ["removed"] = new JsonArray([.. s.Removed.Select(r => (JsonNode)r)]),
            })]),
        };
        if (Model is { } model)
        {
            json["model"] = new JsonObject
            {
                ["name"] = model.Name,
                ["width"] = model.Width,
                ["similarity"] = model.Similarity.ToString(),
                ["probe"] = new JsonArray([.. model.Probe.Select(p => (JsonNode)p)]),
            };
            if (model.Folder is { } made) json["model"]!["folder"] = made;
        }

        if (Evidence is { } evidence)
        {
            json["evidence"] = new JsonObject
            {
                ["of"] = evidence.Of.ToString(),
                ["threshold"] = evidence.Threshold,
                ["kept"] = evidence.Kept,
                ["let_through"] = evidence.LetThrough,
                ["questions"] = evidence.Questions,
            };
        }

        DurableFile.WriteText(Path.Combine(folder, FileName), StrictJson.Format(json));
    }

    private IndexManifest Validated(string path)
    {
        foreach (SegmentEntry segment in Segments)
        {
            for (int i = 0; i < segment.Removed.Count; i++)
            {
                if (segment.Removed[i] < 0 || (i > 0 && segment.Removed[i] <= segment.Removed[i - 1]))
                    throw new InvalidFileException(path, segment.File, "has removed documents that are not in rising order. Build the "
                        + "index again");
            }
        }

        return this with { Settings = Settings.Validated() };
    }

    /// <summary>Fields of an object, with errors that name file and place.</summary>
    private readonly struct Reader(JsonElement json, string file, string path)
    {
        private readonly JsonElement _json = json;

        public Reader? Optional(string name)
            => _json.TryGetProperty(name, out JsonElement value) ? new Reader(value, file, $"{path}.{name}") : null;

        public Reader Object(string name) => Field(name) is var field && field._json.ValueKind == JsonValueKind.Object ? field
            : throw Wrong(name, "an object");

        public IEnumerable<Reader> List(string name)
        {
            JsonElement list = Field(name)._json;
            if (list.ValueKind != JsonValueKind.Array) throw Wrong(name, "a list");
            (string at, string of) = ($"{path}.{name}", file);
            return list.EnumerateArray().Select((item, i) => new Reader(item, of, $"{at}[{i}]"));
        }

        public string Text(string name) => StrictJson.Text(Field(name)._json, file, $"{path}.{name}");

        public int Integer(string name, int least, int most) => StrictJson.Integer(Field(name)._json, file, $"{path}.{name}", least, most);

        public double Number(string name) => StrictJson.Number(Field(name)._json, file, $"{path}.{name}");

        public double AsNumber() => StrictJson.Number(_json, file, path);

        public int AsInteger() => StrictJson.Integer(_json, file, path);

        public T Name<T>(string name)
            where T : struct, Enum
            => Enum.TryParse(Text(name), out T value) && Enum.IsDefined(value) ? value
                : throw Wrong(name, "one of " + string.Join(", ", Enum.GetNames<T>()));

        /// <summary>A name of a file in the index's own folder.</summary>
        public string FileName(string name) => Text(name) is { Length: > 0 } text && text.All(c => char.IsAsciiDigit(c) || c is '.'
            || char.IsAsciiLetterLower(c)) && !text.StartsWith('.') ? text : throw Wrong(name, "the name of a segment's file");

        private Reader Field(string name) => _json.ValueKind == JsonValueKind.Object && _json.TryGetProperty(name, out JsonElement value)
            ? new Reader(value, file, $"{path}.{name}")
            : throw new InvalidFileException(file, $"{path}.{name}", "is missing. Build the index again");

        private InvalidFileException Wrong(string name, string expected) => new(file, $"{path}.{name}",
            $"is {(_json.ValueKind == JsonValueKind.Object && _json.TryGetProperty(name, out JsonElement value) ? StrictJson.Describe(value)
                : "missing")}; {expected} was expected. Build the index again");
    }
}
