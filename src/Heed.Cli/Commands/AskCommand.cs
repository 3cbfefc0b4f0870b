using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Cli.Documents;
using Heed.Generation;
using Heed.Generation.Embeddings;
using Heed.Retrieval;

namespace Heed.Cli.Commands;

/// <summary><c>heed ask --docs FOLDER "question"</c>: an answer from documents, with its sources, or "not found".</summary>
internal static class AskCommand
{
    /// <summary>Name of the index beside the documents.</summary>
    private const string IndexName = ".heed-search";

    public static Command Create(Terminal terminal)
    {
        Argument<string> question = new("question") { Description = "the question" };
        Option<string> docs = new("--docs") { Description = DocumentFiles.Description, Required = true };
        Option<string?> model = SearchCommand.ModelOption("folder or name of the model that answers: one with a question answering head "
            + "takes the answer from the documents, a language model writes it; the best part if omitted");
        Option<string?> embedder = new("--embedder")
        {
            Description = "folder or name of a model for sentence embeddings; words only if "
            + "omitted"
        };
        Option<string?> rerank = new("--rerank") { Description = "folder or name of a cross-encoder that orders the best parts again" };
        Option<string?> index = new("--index")
        {
            Description = $"where the index is kept; {IndexName} in the folder, or beside the file, if omitted"
        };
        Option<int> top = NumberOption.Of("--k", "up to how many parts are read", 5, new NumberRange<int>(1, 1000));
        Option<string?> filter = new("--filter") { Description = "documents that count, by their fields: 'year>=2020 and lang=en|de'" };
        Option<string?> mode = SearchCommand.ModeOption();
        Option<double?> threshold = NumberOption.Optional("--threshold", "evidence of an answer must be above this; measured on the "
            + "documents if omitted",
            new NumberRange<double>(double.MinValue, double.MaxValue));
        Option<int> tokens = NumberOption.Of("--max-new-tokens", "longest answer that is written, in tokens", 128,
            new NumberRange<int>(1, 1 << 20));
        Option<int?> threads = NumberOption.Threads();
        Command command = new("ask", "Answer a question from documents, with the places that the answer stands on, or say that it is "
            + "not found. Example: heed ask --docs notes \"When does the warranty end?\"")
            { question, docs, model, embedder, rerank, index, top, filter, mode, threshold, tokens, threads };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            string asked = Required.NotEmpty("question", parsed.GetRequiredValue(question), "a question");
            string source = Required.NotEmpty("--docs", parsed.GetRequiredValue(docs), DocumentFiles.Description);
            string folder = parsed.GetValue(index) ?? (Directory.Exists(source) ? Path.Combine(source, IndexName) : source + IndexName);
            SearchFilter? allowed = SearchCommand.Filter(parsed.GetValue(filter));
            using TextEmbedder? vectors = IndexManifest.IsIn(folder) ? IndexBuilding.Embedder(folder, parsed.GetValue(embedder))
                : parsed.GetValue(embedder) is { } named ? TextEmbedder.Open(named) : null;
            using PairScorer? scorer = parsed.GetValue(rerank) is { } ordering ? PairScorer.Open(ordering) : null;
            using HeedModel? answering = parsed.GetValue(model) is { } by ? HeedModel.Open(by) : null;
            _ = IndexBuilding.Build(folder, DocumentFiles.Read(source, terminal), null, vectors, keep: false, terminal, cancellationToken);
            using SearchIndex opened = SearchIndex.Open(folder, vectors);
            terminal.Status("answering …");
            DocumentAnswers answers = new(opened, answering, scorer is null ? null : new CrossEncoderReranker(scorer));
            DocumentAnswer answer = await answers.AskAsync(asked, new AnswerOptions
            {
                Sources = parsed.GetValue(top),
                Search = new SearchOptions { Mode = SearchCommand.Mode(parsed.GetValue(mode)), Filter = allowed },
                Threshold = parsed.GetValue(threshold),
                MaxNewTokens = parsed.GetValue(tokens),
            }, cancellationToken);
            if (terminal.IsJson) terminal.Json(Json(asked, answer));
            else Show(terminal, answer);
            return ExitCode.Ok;
        });
        return command;
    }

    private static JsonObject Json(string question, DocumentAnswer answer) => new()
    {
        ["question"] = question,
        ["found"] = answer.Found,
        ["answer"] = answer.Text,
        ["kind"] = answer.Kind.ToString().ToLowerInvariant(),
        ["evidence"] = answer.Evidence,
        ["threshold"] = answer.Threshold,
        ["source"] = answer.Source,
        ["start"] = answer.Start,
        ["end"] = answer.End,
        ["score"] = answer.Score,
        ["sources"] = new JsonArray([.. answer.Sources.Select(s => (JsonNode)SearchCommand.Json(s))]),
    };

    private static void Show(Terminal terminal, DocumentAnswer answer)
    {
        string evidence = string.Create(CultureInfo.InvariantCulture, $"evidence {answer.Evidence:0.000}")
            + (answer.Threshold is { } least ? string.Create(CultureInfo.InvariantCulture, $", more than {least:0.000} is asked for") : "");
        if (!answer.Found)
        {
            terminal.Line($"not found in the documents ({evidence})");
        }
        else
        {
            terminal.Line(terminal.Bold(terminal.Written(answer.Text!)));
            if (answer.Source is { } source) terminal.Line(terminal.Dim(string.Create(CultureInfo.InvariantCulture,
                $"{Printable.Escape(answer.Sources[source].Key)} {answer.Start}–{answer.End}; {evidence}")));
            else terminal.Line(terminal.Dim(evidence));
        }

        if (answer.Sources.Count == 0) return;
        terminal.Line();
        terminal.Line(answer.Found ? "Sources:" : "Nearest:");
        for (int s = 0; s < answer.Sources.Count; s++) SearchCommand.Show(terminal, answer.Sources[s], s + 1);
    }
}
