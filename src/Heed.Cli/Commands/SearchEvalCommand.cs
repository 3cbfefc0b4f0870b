using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Cli.Documents;
using Heed.Generation.Embeddings;
using Heed.Retrieval;
using Heed.Training.Metrics;

namespace Heed.Cli.Commands;

/// <summary><c>heed search eval</c>: nDCG, MRR and recall of an index on judged queries, or on the SDK's own documentation.</summary>
internal static class SearchEvalCommand
{
    private const int Depth = 10;
    private static readonly int[] Cuts = [1, 5, 10];

    public static Command Create(Terminal terminal)
    {
        Argument<string?> folder = new("index")
        {
            Description = "the index's folder; with --sdk where it is built, or nowhere if omitted",
            Arity = ArgumentArity.ZeroOrOne
        };
        Option<string?> queries = new("--queries")
        {
            Description = "JSONL: {\"query\": \"…\", \"relevant\": [\"KEY\", …] or {\"KEY\": GRADE, …}} per line"
        };
        Option<bool> sdk = new("--sdk")
        {
            Description = "evaluate on the documentation of the installed .NET SDK: members, and questions made of their summaries"
        };
        Option<int> members = NumberOption.Of("--members", "with --sdk: members that are indexed", 3000, new NumberRange<int>(10, 1 << 20));
        Option<int> questions = NumberOption.Of("--questions", "with --sdk: questions that are asked, and as many whose member is not "
            + "indexed",
            500, new NumberRange<int>(1, 1 << 20));
        Option<string?> mode = SearchCommand.ModeOption();
        Option<string?> rerank = new("--rerank") { Description = "folder or name of a cross-encoder that orders the best parts again" };
        Option<string?> model = SearchCommand.ModelOption("the index's model; with --sdk the one that makes it: words only if omitted");
        Option<int?> threads = NumberOption.Threads();
        Command command = new("eval", "Measure how well an index finds: nDCG@10, MRR@10 and recall. Example: heed search eval notes.index "
            + "--queries questions.jsonl") { folder, queries, sdk, members, questions, mode, rerank, model, threads };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            bool ofSdk = parsed.GetValue(sdk);
            if (ofSdk == parsed.GetValue(queries) is not null)
                throw new UsageException("--queries and --sdk: one of them was expected, a file of judged queries or the SDK's "
                    + "documentation.");
            string? path = parsed.GetValue(folder);
            if (!ofSdk && path is null) throw new UsageException("index: is missing; name the index's folder.");
            using TemporaryIndex place = new(path);
            using PairScorer? scorer = parsed.GetValue(rerank) is { } named ? PairScorer.Open(named) : null;
            List<JudgedQuery> asked, foreign = [];
            if (ofSdk)
            {
                SdkQuestions set = SdkQuestions.Make(parsed.GetValue(members), parsed.GetValue(questions));
                terminal.Note($"{set.Documents.Count:N0} members, {set.Asked.Count:N0} questions, {set.Foreign.Count:N0} more of other "
                    + $"members");
                (asked, foreign) = ([.. set.Asked], [.. set.Foreign]);
                using TextEmbedder? maker = parsed.GetValue(model) is { } by ? TextEmbedder.Open(by) : null;
                _ = IndexBuilding.Build(place.Folder, set.Documents, null, maker, keep: false, terminal, cancellationToken);
            }
            else
            {
                asked = [.. Read(parsed.GetValue(queries)!)];
            }

            using TextEmbedder? embedder = parsed.GetValue(mode) == "words" ? null
                : IndexBuilding.Embedder(place.Folder, parsed.GetValue(model));
            using SearchIndex index = SearchIndex.Open(place.Folder, embedder);
            SearchMode[] modes = SearchCommand.Mode(parsed.GetValue(mode)) is { } one ? [one]
                : embedder is null ? [SearchMode.Words] : [SearchMode.Words, SearchMode.Vectors, SearchMode.Hybrid];
            JsonObject results = [];
            foreach (SearchMode how in modes)
            {
                IReranker? reranker = scorer is null ? null : new CrossEncoderReranker(scorer);
                RetrievalScores scores = await Evaluate(index, asked, how, reranker, terminal, cancellationToken);
                results[how.ToString().ToLowerInvariant()] = Json(scores);
            }

            JsonObject json = new() { ["queries"] = asked.Count, ["documents"] = index.Documents, ["modes"] = results };
            if (foreign.Count > 0 && index.Evidence is { } evidence)
                json["not_found"] = await Evidence(index, evidence, asked, foreign, cancellationToken);
            if (terminal.IsJson) terminal.Json(json);
            else Print(terminal, json);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task<RetrievalScores> Evaluate(SearchIndex index, List<JudgedQuery> asked, SearchMode mode, IReranker? reranker,
        Terminal terminal, CancellationToken cancellationToken)
    {
        Dictionary<string, IReadOnlyDictionary<string, int>> relevance = new(StringComparer.Ordinal);
        Dictionary<string, IReadOnlyDictionary<string, double>> run = new(StringComparer.Ordinal);
        for (int q = 0; q < asked.Count; q++)
        {
            if (q % 20 == 0) terminal.Status($"{mode}: {q:N0} of {asked.Count:N0} queries");
            IReadOnlyList<SearchHit> hits = await index.SearchAsync(asked[q].Query, new SearchOptions
            {
                Top = Depth,
                Mode = mode,
                OnePerDocument = true,
                Reranker = reranker,
            }, cancellationToken);
            string id = q.ToString(CultureInfo.InvariantCulture);
            relevance[id] = asked[q].Relevant;
            // The order of the results counts, equal scores included.
            run[id] = hits.Select((h, i) => (h.Key, Score: (double)(Depth - i))).DistinctBy(h => h.Key).ToDictionary(h => h.Key, h
                => h.Score);
        }

        return RetrievalMetrics.Evaluate(relevance, run, Cuts).Mean;
    }

    /// <summary>How often the threshold of evidence lets questions through whose answer is there, and whose answer is not.</summary>
    private static async Task<JsonObject> Evidence(SearchIndex index, EvidenceThreshold evidence, List<JudgedQuery> asked,
        List<JudgedQuery> foreign, CancellationToken cancellationToken)
    {
        DocumentAnswers answers = new(index);
        async Task<(double Kept, double Exact, double ExactKept)> Ask(List<JudgedQuery> questions)
        {
            int found = 0, exact = 0, both = 0;
            foreach (JudgedQuery q in questions)
            {
                DocumentAnswer answer = await answers.AskAsync(q.Query, null, cancellationToken);
                bool isExact = answer.Sources is [var first, ..] && q.Relevant.ContainsKey(first.Key);
                if (answer.Found) found++;
                if (isExact) exact++;
                if (answer.Found && isExact) both++;
            }

            return ((double)found / questions.Count, (double)exact / questions.Count, (double)both / Math.Max(1, exact));
        }

        (double kept, double right, double rightKept) = await Ask(asked);
        return new JsonObject
        {
            ["threshold"] = evidence.Threshold,
            ["calibration_kept"] = evidence.Kept,
            ["calibration_let_through"] = evidence.LetThrough,
            ["calibration_questions"] = evidence.Questions,
            ["answerable_kept"] = kept,
            ["exact"] = right,
            ["exact_kept"] = rightKept,
            ["unanswerable_refused"] = 1 - (await Ask(foreign)).Kept,
        };
    }

    private static JsonObject Json(RetrievalScores scores)
    {
        JsonObject json = new() { ["ndcg@10"] = scores.AtK[10].Ndcg, ["mrr@10"] = scores.AtK[10].Mrr };
        foreach (int cut in Cuts) json[string.Create(CultureInfo.InvariantCulture, $"recall@{cut}")] = scores.AtK[cut].Recall;
        json["exact"] = scores.AtK[1].Hit;
        return json;
    }

    private static void Print(Terminal terminal, JsonObject json)
    {
        terminal.Line($"{json["queries"]} queries, {json["documents"]} documents");
        string[] names = ["ndcg@10", "mrr@10", "recall@1", "recall@5", "recall@10", "exact"];
        terminal.Line(terminal.Dim($"{"",-8}" + string.Concat(names.Select(n => $"{n,11}"))));
        foreach ((string mode, JsonNode? scores) in json["modes"]!.AsObject())
            terminal.Line($"{mode,-8}" + string.Concat(names.Select(n => string.Create(CultureInfo.InvariantCulture,
                $"{(double)scores![n]!,11:0.0000}"))));
        if (json["not_found"] is not JsonObject found) return;
        double Number(string name) => (double)found[name]!;
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"threshold of evidence {Number("threshold"):0.000}, measured on ")
            + string.Create(CultureInfo.InvariantCulture, $"{found["calibration_questions"]} questions of the documents: keeps ")
            + string.Create(CultureInfo.InvariantCulture, $"{Number("calibration_kept"):P1}, lets {Number("calibration_let_through"):P1} through"));
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"answered: {Number("answerable_kept"):P1} of the questions, ")
            + string.Create(CultureInfo.InvariantCulture, $"{Number("exact_kept"):P1} of the {Number("exact"):P1} whose first part is right; ")
            + string.Create(CultureInfo.InvariantCulture, $"refused: {Number("unanswerable_refused"):P1} of those about other members"));
    }

    private static IEnumerable<JudgedQuery> Read(string path)
    {
        int number = 0;
        foreach (string line in File.ReadLines(Required.NotEmpty("--queries", path, "a file of queries")))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            string where = string.Create(CultureInfo.InvariantCulture, $"{path}:{number}");
            using JsonDocument json = StrictJson.Parse(System.Text.Encoding.UTF8.GetBytes(line), where);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("query", out JsonElement query)
                || !json.RootElement.TryGetProperty("relevant", out JsonElement relevant))
                throw new InvalidFileException(where, "$", "has no \"query\" or no \"relevant\"; both were expected");
            Dictionary<string, int> grades = new(StringComparer.Ordinal);
            if (relevant.ValueKind == JsonValueKind.Array)
                foreach (JsonElement key in relevant.EnumerateArray()) grades[StrictJson.Text(key, where, "$.relevant")] = 1;
            else if (relevant.ValueKind == JsonValueKind.Object)
                foreach (JsonProperty key in relevant.EnumerateObject())
                    grades[key.Name] = StrictJson.Integer(key.Value, where, $"$.relevant.{key.Name}", 0);
            else throw new InvalidFileException(where, "$.relevant", $"is {StrictJson.Describe(relevant)}; a list of keys or an object of "
                + "grades was expected");
            yield return new JudgedQuery(StrictJson.Text(query, where, "$.query"), grades);
        }

        if (number == 0) throw new InputException($"{path}: holds no query; one per line was expected.");
    }

    /// <summary>The folder that was named, or one that goes at the end.</summary>
    private sealed class TemporaryIndex(string? named) : IDisposable
    {
        public string Folder { get; } = named ?? Directory.CreateTempSubdirectory("heed-search-").FullName;

        public void Dispose()
        {
            if (named is null) Directory.Delete(Folder, recursive: true);
        }
    }
}

/// <summary>A query and the documents that answer it.</summary>
/// <param name="Query">The query.</param>
/// <param name="Relevant">Grades of the documents by their keys.</param>
internal sealed record JudgedQuery(string Query, IReadOnlyDictionary<string, int> Relevant);
