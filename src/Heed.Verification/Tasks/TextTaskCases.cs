using System.Text.Json;
using Heed.Generation;
using Heed.Generation.Understanding;
using Heed.Models;

namespace Heed.Verification;

/// <summary>Rows of whole texts: classes, fillings of masks, features.</summary>
internal static class TextTaskCases
{
    /// <summary>How a row departs; null if it does not, <see cref="TaskVerification.NotMine"/> for other tasks.</summary>
    public static string? Difference(TaskFolder models, string task, JsonElement row) => task switch
    {
        "text-classification" => Classification(models.Reading(row.Text("model")), row),
        "fill-mask" => Filling(models.Reading(row.Text("model")), row),
        "feature-extraction" => ScoreComparison.Difference(row.GetProperty("output"),
            models.Open(row.Text("model")).TokenVectors(row.Text("inputs"), row.Settings().FlagOr("truncation", false)), "output",
                TaskRow.Score),
        _ => TaskVerification.NotMine,
    };

    private static string? Classification(TextReading reading, JsonElement row)
    {
        JsonElement settings = row.Settings(), inputs = row.GetProperty("inputs");
        bool isList = inputs.ValueKind == JsonValueKind.Array;
        ClassificationKind? kind = settings.TextOrNull("function_to_apply") switch
        {
            null => null,
            "softmax" => ClassificationKind.SingleLabel,
            "sigmoid" => ClassificationKind.MultiLabel,
            "none" => ClassificationKind.Regression,
            string other => throw new FormatException($"the function '{other}' is not known"),
        };
        int? top = settings.TryGetProperty("top_k", out JsonElement k) ? k.ValueKind == JsonValueKind.Null ? null : k.GetInt32() : 1;
        float[][] logits = TextClassification.Logits(reading, [.. isList ? inputs.EnumerateArray().Select(TaskRow.Pair) : [inputs.Pair()]],
            settings.FlagOr("truncation", false), default);
        if (row.TryGetProperty("logits", out JsonElement expected) && ScoreComparison.Difference(expected, logits, "logits",
            TaskRow.Score) is { } off) return off;
        object[] output = [.. logits.Select(l => TextClassification.Predictions(reading, l, kind, top)
            .Select(p => new Dictionary<string, object?> { ["label"] = p.Label, ["score"] = p.Score }))];
        bool numbers = kind is ClassificationKind.Regression || (kind is null
            && reading.Model.Config.ClassificationKind is ClassificationKind.Regression);
        return ScoreComparison.Difference(row.GetProperty("output"), isList ? output : output[0], "output", numbers ? TaskRow.Score
            : TaskRow.Probability);
    }

    private static string? Filling(TextReading reading, JsonElement row)
    {
        JsonElement settings = row.Settings();
        bool cut = settings.Has("tokenizer_kwargs", out JsonElement kwargs) && kwargs.FlagOr("truncation", false);
        IReadOnlyList<Filling> fillings = MaskFilling.Fill(reading, [row.Text("inputs")], settings.NumberOr("top_k", 5),
            settings.Has("targets", out JsonElement targets) ? targets.OneOrMore() : null, cut, default)[0];
        return ScoreComparison.Difference(row.GetProperty("output"), fillings.GroupBy(f => f.Mask)
            .Select(mask => mask.Select(f => new Dictionary<string, object?>
            {
                ["score"] = f.Probability,
                ["token"] = f.Id,
                ["token_str"] = f.Token,
                ["sequence"] = f.Text,
            })), "output", TaskRow.Probability);
    }
}
