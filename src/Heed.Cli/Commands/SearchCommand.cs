using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Cli.Documents;
using Heed.Generation.Embeddings;
using Heed.Retrieval;

namespace Heed.Cli.Commands;

/// <summary><c>heed search build|query|eval</c>: an index on disk, searched by words and by vectors.</summary>
internal static class SearchCommand
{
    /// <summary>Characters of a part that a person sees.</summary>
    private const int Shown = 200;

    public static Command Create(Terminal terminal) => new("search", "Build an index of documents, search it, and measure how well it "
        + "finds.")
    {
        Build(terminal),
        Query(terminal),
        SearchEvalCommand.Create(terminal),
    };

    public static Option<string?> ModelOption(string description) => new("--model") { Description = description };

    public static Option<string?> ModeOption()
    {
        Option<string?> mode = new("--mode")
        {
            Description = "what decides: hybrid (words and vectors by reciprocal ranks), vectors or words; hybrid if omitted and the "
            + "index has vectors"
        };
        mode.AcceptOnlyFromAmong("hybrid", "vectors", "words");
        return mode;
    }

    public static SearchMode? Mode(string? word) => word switch
    {
        "hybrid" => SearchMode.Hybrid,
        "vectors" => SearchMode.Vectors,
        "words" => SearchMode.Words,
        _ => null,
    };

    public static SearchFilter? Filter(string? text)
    {
        try
        {
            return text is null ? null : SearchFilter.Parse(text);
        }
        catch (ConfigException e)
        {
            throw new UsageException("--" + e.Message);
        }
    }

    /// <summary>A part as JSON.</summary>
    public static JsonObject Json(SearchHit hit)
    {
        JsonObject json = new()
        {
            ["key"] = hit.Key,
            ["title"] = hit.Title,
            ["chunk"] = hit.Chunk,
            ["start"] = hit.Start,
            ["end"] = hit.End,
            ["heading"] = hit.Heading,
            ["score"] = hit.Score,
            ["word_score"] = hit.WordScore,
            ["vector_score"] = hit.VectorScore,
            ["text"] = hit.Text,
        };
        JsonObject metadata = [];
        foreach ((string field, object value) in hit.Metadata) metadata[field] = Value(value);
        json["metadata"] = metadata;
        return json;
    }

    /// <summary>Shows a part to a person.</summary>
    public static void Show(Terminal terminal, SearchHit hit, int number)
    {
        string above = string.Join(" › ", ((string?[])[hit.Title, hit.Heading]).Where(t => !string.IsNullOrEmpty(t)).Distinct());
        terminal.Line($"{number,2}. {terminal.Bold(Printable.Escape(hit.Key))} {terminal.Dim(string.Create(CultureInfo.InvariantCulture,
            $"{hit.Start}–{hit.End}"))}  {string.Create(CultureInfo.InvariantCulture, $"{hit.Score:0.0000}")}"
            + (above.Length > 0 ? $"  {Printable.Escape(above)}" : ""));
        string text = string.Join(' ', hit.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Columns.List(terminal, "    ", text.Length > Shown ? text[..(Shown - 1)] + "…" : text);
    }

    private static JsonNode Value(object value) => value switch
    {
        string text => text,
        long number => number,
        double number => number,
        bool flag => flag,
        object[] list => new JsonArray([.. list.Select(Value)]),
        _ => value.ToString()!,
    };

    private static Command Build(Terminal terminal)
    {
        Option<string> docs = new("--docs") { Description = DocumentFiles.Description, Required = true };
        Option<string> target = new("--out")
        {
            Description = "the index's folder; one that is there is brought up to the documents",
            Required = true
        };
        Option<string?> model = ModelOption("folder or name of a model for sentence embeddings; words only if omitted");
        Option<string> vectors = new("--vectors")
        {
            Description = "how vectors are kept: float32 or float16",
            DefaultValueFactory = _
            => "float32"
        };
        vectors.AcceptOnlyFromAmong("float32", "float16");
        Option<int> tokens = NumberOption.Of("--chunk-tokens", "longest part of a document, in tokens of the model (words without "
            + "one)", 200,
            new NumberRange<int>(8, 1 << 20));
        Option<string> form = new("--words")
        {
            Description = "form of BM25: lucene, robertson, atire, bm25+ or bm25l",
            DefaultValueFactory = _ => "lucene"
        };
        form.AcceptOnlyFromAmong("lucene", "robertson", "atire", "bm25+", "bm25l");
        Option<bool> keep = new("--keep") { Description = "keep documents of the index that are not among these" };
        Option<int?> threads = NumberOption.Threads();
        Command command = new("build", "Build an index of documents, or bring one up to date: unchanged documents are passed over, a build "
            + "that was stopped or killed resumes. Example: heed search build --docs notes --model all-MiniLM-L6-v2 --out notes.index")
            { docs, target, model, vectors, tokens, form, keep, threads };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            string folder = Required.NotEmpty("--out", parsed.GetRequiredValue(target), "the index's folder");
            IEnumerable<SearchDocument> documents = DocumentFiles.Read(Required.NotEmpty("--docs", parsed.GetRequiredValue(docs),
                DocumentFiles.Description), terminal);
            bool Given(Option option) => parsed.GetResult(option) is { Implicit: false };
            SearchIndexSettings? settings = IndexManifest.IsIn(folder) && !Given(vectors) && !Given(tokens) && !Given(form) ? null
                : new SearchIndexSettings
                {
                    Vectors = parsed.GetValue(vectors) == "float16" ? VectorFormat.Float16 : VectorFormat.Float32,
                    Words = new Bm25Options { Form = Form(parsed.GetValue(form)!) },
                    Chunks = new ChunkOptions { MaximumTokens = parsed.GetValue(tokens) },
                };
            bool isThere = IndexManifest.IsIn(folder);
            using TextEmbedder? embedder = isThere ? IndexBuilding.Embedder(folder, parsed.GetValue(model))
                : parsed.GetValue(model) is { } named ? TextEmbedder.Open(named) : null;
            BuiltIndex built = IndexBuilding.Build(folder, documents, settings, embedder, parsed.GetValue(keep), terminal,
                cancellationToken);
            using SearchIndex index = SearchIndex.Open(folder);
            if (terminal.IsJson) terminal.Json(new JsonObject
            {
                ["index"] = folder,
                ["documents"] = index.Documents,
                ["chunks"] = index.Chunks,
                ["written"] = built.Written,
                ["unchanged"] = built.Unchanged,
                ["removed"] = built.Removed,
                ["model"] = index.Model,
                ["dimensions"] = index.Dimensions,
                ["evidence_threshold"] = index.Evidence?.Threshold,
            });
            else terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{folder}: {index.Documents} documents in {index.Chunks} "
                + $"parts; ")
                + string.Create(CultureInfo.InvariantCulture, $"{built.Written} written, {built.Unchanged} unchanged, {built.Removed} "
                + $"removed; ")
                + (index.Model is { } by ? $"vectors of {by}, {index.Dimensions} numbers each" : "words only"));
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    private static Bm25Form Form(string word) => word switch
    {
        "robertson" => Bm25Form.Robertson,
        "atire" => Bm25Form.Atire,
        "bm25+" => Bm25Form.Plus,
        "bm25l" => Bm25Form.L,
        _ => Bm25Form.Lucene,
    };

    private static Command Query(Terminal terminal)
    {
        Argument<string> folder = new("index") { Description = "the index's folder" };
        Argument<string> text = new("text") { Description = "what is looked for" };
        Option<int> top = NumberOption.Of("--k", "up to how many results", 10, new NumberRange<int>(1, 1 << 20));
        Option<string?> mode = ModeOption();
        Option<string?> filter = new("--filter")
        {
            Description = "documents that may be found, by their fields: 'year>=2020 and "
            + "lang=en|de'"
        };
        Option<string?> rerank = new("--rerank") { Description = "folder or name of a cross-encoder that orders the best parts again" };
        Option<int> candidates = NumberOption.Of("--candidates", "depth of the rankings of hybrid, and parts that are reranked", 100,
            new NumberRange<int>(1, 1 << 20));
        Option<bool> one = new("--one-per-document") { Description = "the best part of each document alone" };
        Option<string?> model = ModelOption("the index's model, if it is no longer where the index was built from");
        Option<int?> threads = NumberOption.Threads();
        Command command = new("query", "Search an index. Example: heed search query notes.index \"where is my parcel?\" --k 5")
            { folder, text, top, mode, filter, rerank, candidates, one, model, threads };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            string path = Required.NotEmpty("index", parsed.GetRequiredValue(folder), "the index's folder");
            SearchMode? how = Mode(parsed.GetValue(mode));
            SearchFilter? allowed = Filter(parsed.GetValue(filter));
            using TextEmbedder? embedder = how == SearchMode.Words ? null : IndexBuilding.Embedder(path, parsed.GetValue(model));
            using PairScorer? scorer = parsed.GetValue(rerank) is { } named ? PairScorer.Open(named) : null;
            using SearchIndex index = SearchIndex.Open(path, embedder);
            IReadOnlyList<SearchHit> hits = await index.SearchAsync(parsed.GetRequiredValue(text), new SearchOptions
            {
                Top = parsed.GetValue(top),
                Mode = how,
                Filter = allowed,
                OnePerDocument = parsed.GetValue(one),
                Candidates = parsed.GetValue(candidates),
                Reranker = scorer is null ? null : new CrossEncoderReranker(scorer),
            }, cancellationToken);
            if (terminal.IsJson) terminal.Json(new JsonObject
            {
                ["query"] = parsed.GetRequiredValue(text),
                ["hits"] = new JsonArray([.. hits.Select(h => (JsonNode)Json(h))]),
            });
            else if (hits.Count == 0) terminal.Line("nothing found");
            else for (int i = 0; i < hits.Count; i++) Show(terminal, hits[i], i + 1);
            return ExitCode.Ok;
        });
        return command;
    }
}
