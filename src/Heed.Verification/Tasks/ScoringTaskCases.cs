using System.Text;
using System.Text.Json;
using Heed.Generation;
using Heed.Generation.Understanding;

namespace Heed.Verification;

/// <summary>Rows of probabilities that a language model gives to texts.</summary>
internal static class ScoringTaskCases
{
    /// <summary>How a row departs; null if it does not, <see cref="TaskVerification.NotMine"/> for other tasks.</summary>
    public static string? Difference(TaskFolder models, string task, JsonElement row) => task switch
    {
        "loglikelihood" => Continuation(models.Reading(row.Text("model")), row),
        "choices" => Choices(models.Reading(row.Text("model")), row),
        "rolling" => Rolling(models.Reading(row.Text("model")), row),
        "calibration" => Calibration(models.Reading(row.Text("model")), row),
        _ => TaskVerification.NotMine,
    };

    private static string? Continuation(TextReading reading, JsonElement row)
    {
        JsonElement inputs = row.GetProperty("inputs"), expected = row.GetProperty("output");
        (int[] prompt, int[] continuation) = ContinuationScoring.Split(reading, inputs.Text("prompt"), inputs.Text("continuation"));
        Dictionary<string, object?> output = new() { ["prompt_ids"] = prompt, ["continuation_ids"] = continuation };
        if (expected.TryGetProperty("error", out JsonElement error))
        {
            output["error"] = error.GetString();
            return ScoreComparison.Difference(expected, output, "output")
                ?? TokenizerVerification.ExpectError(() => ContinuationScoring.Score(reading, [(prompt, continuation)], default),
                    error.GetString()!);
        }

        ContinuationScore score = ContinuationScoring.Score(reading, [(prompt, continuation)], default)[0];
        output["tokens"] = score.Tokens.Select(t => t.LogProbability);
        output["sum"] = score.Sum;
        output["greedy"] = score.IsGreedy;
        return ScoreComparison.Difference(expected, output, "output", TaskRow.Score);
    }

    private static string? Choices(TextReading reading, JsonElement row)
    {
        JsonElement inputs = row.GetProperty("inputs");
        string prompt = inputs.Text("prompt"), delimiter = inputs.Text("delimiter");
        string[] choices = inputs.GetProperty("choices").Texts();
        double[] sums = [.. ContinuationScoring.Score(reading, [.. choices.Select(c
            => ContinuationScoring.Split(reading, prompt, delimiter + c))], default)
            .Select(s => s.Sum)];
        Dictionary<string, double[]> scores = new()
        {
            ["sum"] = sums,
            ["per_character"] = [.. sums.Select((s, i) => s / TaskRow.CodePoints(choices[i])[^1])],
            ["per_byte"] = [.. sums.Select((s, i) => s / Encoding.UTF8.GetByteCount(choices[i]))],
        };
        Dictionary<string, object?> output = scores.ToDictionary(s => s.Key, s => (object?)s.Value);
        output["best"] = scores.ToDictionary(s => s.Key, s => (object?)Best(s.Value));
        return ScoreComparison.Difference(row.GetProperty("output"), output, "output", TaskRow.Score);
    }

    private static string? Rolling(TextReading reading, JsonElement row)
    {
        string text = row.Text("inputs");
        ContinuationScore[] windows = ContinuationScoring.Rolling(reading, text, default);
        double sum = windows.Sum(w => w.Sum), perByte = -sum / Encoding.UTF8.GetByteCount(text);
        return ScoreComparison.Difference(row.GetProperty("output"), new Dictionary<string, object?>
        {
            ["ids"] = windows.SelectMany(w => w.Tokens).Select(t => t.Id),
            ["windows"] = windows.Select(w => w.Sum),
            ["sum"] = sum,
            ["bits_per_byte"] = perByte / Math.Log(2),
            ["byte_perplexity"] = Math.Exp(perByte),
        }, "output", TaskRow.Score);
    }

    private static string? Calibration(TextReading reading, JsonElement row)
    {
        JsonElement inputs = row.GetProperty("inputs");
        PromptClassification prompt = new(reading, inputs.Text("template"), inputs.GetProperty("labels").Texts(),
            inputs.GetProperty("content_free").Texts(), default);
        return ScoreComparison.Difference(row.GetProperty("output"), new Dictionary<string, object?>
        {
            ["p_content_free"] = prompt.Prior,
            ["texts"] = inputs.GetProperty("texts").Texts().Select(text => Calibrated(prompt, text)),
        }, "output", (path, wanted) => 1e-4 * Math.Abs(wanted));
    }

    private static Dictionary<string, object?> Calibrated(PromptClassification prompt, string text)
    {
        (double[] plain, double[] weighted) = prompt.Of(text, default);
        return new Dictionary<string, object?>
        {
            ["p"] = plain,
            ["weighted"] = weighted,
            ["normalised"] = PromptClassification.Normalised(weighted),
            ["before"] = Best(plain),
            ["after"] = Best(weighted),
        };
    }

    private static int Best(double[] values) => Array.IndexOf(values, values.Max());
}
