using System.Text.Json;
using Heed.Generation;
using Heed.Generation.Understanding;

namespace Heed.Verification;

/// <summary>Rows of labelled tokens.</summary>
internal static class EntityTaskCases
{
    /// <summary>How a row departs; null if it does not, <see cref="TaskVerification.NotMine"/> for other tasks.</summary>
    public static string? Difference(TaskFolder models, string task, JsonElement row)
    {
        if (task != "token-classification") return TaskVerification.NotMine;
        JsonElement settings = row.Settings(), inputs = row.GetProperty("inputs"), expected = row.GetProperty("output");
        EntityAggregation aggregation = settings.TextOrNull("aggregation_strategy") switch
        {
            null or "none" => EntityAggregation.None,
            "simple" => EntityAggregation.Simple,
            "first" => EntityAggregation.First,
            "average" => EntityAggregation.Average,
            "max" => EntityAggregation.Max,
            string other => throw new FormatException($"the strategy '{other}' is not known"),
        };
        bool isWords = settings.FlagOr("is_split_into_words", false), isList = inputs.ValueKind == JsonValueKind.Array && !isWords;
        EntityText[] texts = isWords ? [new EntityText(inputs.Texts(), settings.TextOrNull("delimiter") ?? " ")]
            : [.. inputs.OneOrMore().Select(t => new EntityText(t))];
        TextReading reading = models.Reading(row.Text("model"));
        List<LabelledPart>[] found = EntityFinding.Find(reading, texts, aggregation,
            settings.Has("ignore_labels", out JsonElement ignored) ? ignored.Texts() : ["O"],
            settings.Has("stride", out JsonElement stride) ? stride.GetInt32() : null, default);
        // The reference's walk over windows begins with the first part against itself: an empty one comes out twice.
        if (row.FlagOr("doubled", false) && found[0].Count > 0) found[0].Insert(0, found[0][0]);
        object[] output = [.. found.Select((parts, t) => parts.Select((p, i) => Named(reading, p, texts[t].Text, aggregation,
            Word(isList ? expected[t] : expected, i))))];
        return ScoreComparison.Difference(expected, isList ? output : output[0], "output", TaskRow.Probability);
    }

    /// <summary>A part under the reference's names.</summary>
    /// <param name="expected">The reference's word. Where it decoded words and then their group, which can break characters and lose
    /// spaces, it may stand for ours if decoding twice gives it.</param>
    private static Dictionary<string, object?> Named(TextReading reading, LabelledPart part, string text, EntityAggregation aggregation,
        string? expected)
    {
        int[] places = TaskRow.CodePoints(text);
        bool isGroup = aggregation != EntityAggregation.None,
            isOfWords = aggregation is not (EntityAggregation.None or EntityAggregation.Simple);
        Dictionary<string, object?> named = new()
        {
            [isGroup ? "entity_group" : "entity"] = part.Label,
            ["score"] = part.Score,
            ["word"] = isOfWords && expected == DecodedTwice(reading, part) ? expected : part.Word,
            ["start"] = places[part.Start],
            ["end"] = places[part.End],
        };
        if (!isGroup) named["index"] = part.Index;
        return named;
    }

    private static string DecodedTwice(TextReading reading, LabelledPart part)
        => reading.Tokenizer.DecodeTokens([.. part.Items.Select(word => reading.Tokenizer.DecodeTokens([.. word]))]);

    private static string? Word(JsonElement parts, int index)
        => index < parts.GetArrayLength() && parts[index].TryGetProperty("word", out JsonElement word) ? word.GetString() : null;
}
