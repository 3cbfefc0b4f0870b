using System.Text.Json;
using Heed.Generation;
using Heed.Generation.Embeddings;
using Heed.Generation.Understanding;
using Heed.Tokenizers;
using Heed.Training.Metrics;

namespace Heed.Verification;

/// <summary>Rows of questions about contexts, and of labels that follow from texts.</summary>
internal static class QuestionTaskCases
{
    /// <summary>How a row departs; null if it does not, <see cref="TaskVerification.NotMine"/> for other tasks.</summary>
    public static string? Difference(TaskFolder models, string task, JsonElement row) => task switch
    {
        "question-answering" => Answers(models.Reading(row.Text("model")), row),
        "question-nbest" => NBest(models.Reading(row.Text("model")), row),
        "zero-shot-classification" => ZeroShotRow(models.Reading(row.Text("model")), row),
        _ => TaskVerification.NotMine,
    };

    private static string? Answers(TextReading reading, JsonElement row)
    {
        JsonElement settings = row.Settings(), inputs = row.GetProperty("inputs");
        string context = inputs.Text("context");
        QuestionOptions options = new()
        {
            Top = settings.NumberOr("top_k", 1),
            LongestAnswer = settings.NumberOr("max_answer_len", 15),
            MayBeMissing = settings.FlagOr("handle_impossible_answer", false),
            WholeWords = settings.FlagOr("align_to_words", true),
        };
        QuestionAnswering.Window[] windows = QuestionAnswering.Windows(reading, [new TextPair(inputs.Text("question"), context)],
            settings.Has("max_seq_len", out JsonElement length) ? length.GetInt32() : null,
            settings.Has("doc_stride", out JsonElement stride) ? stride.GetInt32() : null, default)[0];
        if (row.Has("windows", out JsonElement count)
            && count.GetInt32() != windows.Length) return $"windows is {windows.Length}, not {count.GetInt32()}";
        int[] places = TaskRow.CodePoints(context);
        return ScoreComparison.Difference(row.GetProperty("output"), QuestionAnswering.Answers(reading, context, windows, options)
            .Select(a => new Dictionary<string, object?>
            {
                ["score"] = a.Score,
                ["start"] = places[a.Start],
                ["end"] = places[a.End],
                ["answer"] = a.Text
            }),
            "output", TaskRow.Probability);
    }

    private static string? NBest(TextReading reading, JsonElement row)
    {
        JsonElement settings = row.Settings();
        AnswerOptions options = new()
        {
            NBest = settings.NumberOr("n_best_size", 20),
            MaxAnswerLength = settings.NumberOr("max_answer_length", 30),
            NoAnswer = settings.FlagOr("version_2_with_negative", false),
            NullThreshold = settings.OptionalReal("null_score_diff_threshold") ?? 0,
        };
        TextPair[] questions = [.. row.GetProperty("inputs").EnumerateArray()
            .Select(q => new TextPair(q.Text("question").TrimStart(), q.Text("context")))];
        QuestionAnswering.Window[][] windows = QuestionAnswering.Windows(reading, questions, settings.Number("max_seq_length"),
            settings.Number("doc_stride"), default);
        return ScoreComparison.Difference(row.GetProperty("output"), windows.Select((w, q) => Selected(questions[q].Second, w, options)),
            "output",
            (path, wanted) => path.EndsWith("probability", StringComparison.Ordinal) ? 1e-5 : 5e-5);
    }

    private static Dictionary<string, object?> Selected(string context, QuestionAnswering.Window[] windows, AnswerOptions options)
    {
        SelectedAnswer selected = AnswerSelection.Select(context, [.. windows.Select(w => new AnswerWindow
        {
            Starts = Places(w.Encoding, w.Encoding.Starts),
            Ends = Places(w.Encoding, w.Encoding.Ends),
            StartLogits = [.. w.Starts.Select(s => (double)s)],
            EndLogits = [.. w.Ends.Select(s => (double)s)],
        })], options);
        Dictionary<string, object?> row = new()
        {
            ["windows"] = windows.Length,
            ["text"] = selected.Text,
            ["nbest"] = selected.Candidates.Select(c => new Dictionary<string, object?>
            {
                ["text"] = c.Text,
                ["start_logit"] = c.StartLogit,
                ["end_logit"] = c.EndLogit,
                ["probability"] = c.Probability,
            }),
        };
        if (selected.NullScoreDifference is { } difference) row["score_diff"] = difference;
        return row;
    }

    private static int[] Places(TokenEncoding window, IReadOnlyList<int> offsets)
        => [.. offsets.Select((o, t) => window.SequenceIds[t] == 1 ? o : -1)];

    private static string? ZeroShotRow(TextReading reading, JsonElement row)
    {
        JsonElement settings = row.Settings(), inputs = row.GetProperty("inputs"), given = settings.GetProperty("candidate_labels");
        string[] labels = given.ValueKind == JsonValueKind.Array ? given.Texts()
            : given.GetString()!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
                texts = inputs.OneOrMore();
        Prediction[][] found = ZeroShot.Classify(reading, texts, labels, settings.TextOrNull("hypothesis_template") ?? ZeroShot.Template,
            settings.FlagOr("multi_label", false), default);
        object[] output = [.. found.Select((p, t) => new Dictionary<string, object?>
        {
            ["sequence"] = texts[t],
            ["labels"] = p.Select(l => l.Label),
            ["scores"] = p.Select(l => l.Score),
        })];
        return ScoreComparison.Difference(row.GetProperty("output"), inputs.ValueKind == JsonValueKind.Array ? output : output[0], "output",
            TaskRow.Probability);
    }
}
