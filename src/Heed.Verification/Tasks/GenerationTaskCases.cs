using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models;

namespace Heed.Verification;

/// <summary>Rows of generated texts: continuations, chats, summaries, translations.</summary>
internal static class GenerationTaskCases
{
    /// <summary>Settings of a row that are not the generator's.</summary>
    private static readonly string[] OfRow =
        ["return_full_text", "add_special_tokens", "skip_special_tokens", "prefix", "batch_size", "continue_final_message",
            "handle_long_generation", "truncation"];

    /// <summary>How a row departs; null if it does not, <see cref="TaskVerification.NotMine"/> for other tasks.</summary>
    public static string? Difference(TaskFolder models, string task, JsonElement row)
    {
        if (task == "text-generation") return Continuation(models, row);
        bool rewrites = task is "summarization" or "text2text-generation" || task.StartsWith("translation", StringComparison.Ordinal);
        return rewrites ? Rewriting(models, task, row) : TaskVerification.NotMine;
    }

    private static string? Continuation(TaskFolder models, JsonElement row)
    {
        HeedModel model = models.Open(row.Text("model"));
        JsonElement settings = row.Settings(), inputs = row.GetProperty("inputs"), expected = row.GetProperty("output");
        bool isBatch = inputs.ValueKind == JsonValueKind.Array && inputs.GetArrayLength() > 0 && inputs[0]
            .ValueKind != JsonValueKind.Object;
        JsonElement[] items = isBatch ? [.. inputs.EnumerateArray()] : [inputs];
        GenerationConfig config = Over(model.Generation, settings);
        int[][] prompts = [.. items.Select(i => Prompt(model, models.LengthOf(row.Text("model")), i, settings))];
        IReadOnlyList<GeneratedText> texts = model.Generate(prompts, config, default);
        int[] begin = prompts[0].Length > 0 ? prompts[0] : [config.BeginId ?? 0];
        if (row.TryGetProperty("ids", out JsonElement ids)
            && ScoreComparison.Difference(ids, (int[])[.. begin, .. texts[0].Ids], "ids") is { } off) return off;
        bool skips = settings.FlagOr("skip_special_tokens", true), whole = settings.FlagOr("return_full_text", true);
        object? ours = Outputs(i => skips ? texts[i].Text : Decode(i));
        // The reference decodes the new ids alone, which lets some decoders eat the space before them; older releases decoded all ids and
        // cut the prompt's text off, as is done here. Either is right.
        return ScoreComparison.Difference(expected, ours, "output") is not { } difference
            || (row.TryGetProperty("also", out JsonElement other) && ScoreComparison.Difference(other, ours, "output") is null)
            || ScoreComparison.Difference(expected, Outputs(Decode), "output") is null ? null : difference;

        string Decode(int i) => model.Tokenizer.Decode([.. texts[i].Ids], skips);

        object? Outputs(Func<int, string> text)
        {
            object?[] all = [.. items.Select((item, i) => Output(item, settings, whole, text(i)))];
            return isBatch ? all : all[0];
        }
    }

    private static int[] Prompt(HeedModel model, int limit, JsonElement item, JsonElement settings)
    {
        int[] ids = item.ValueKind == JsonValueKind.Array
            ? model.ChatIds([.. item.EnumerateArray().Select(m => new ChatMessage(m.Text("role"), m.Text("content")))],
                settings.Has("continue_final_message", out JsonElement continues) ? continues.GetBoolean() : null)
            : model.Tokenizer.Encode((settings.TextOrNull("prefix") ?? "") + item.GetString(),
                addSpecialTokens: settings.FlagOr("add_special_tokens", true)).IdArray;
        int kept = limit - settings.NumberOr("max_new_tokens", 0);
        return settings.TextOrNull("handle_long_generation") == "hole" && ids.Length > kept ? ids[^kept..] : ids;
    }

    /// <summary>A text after its prompt, or a chat with its answer.</summary>
    private static object Output(JsonElement item, JsonElement settings, bool whole, string text)
    {
        if (!whole) return text;
        if (item.ValueKind != JsonValueKind.Array) return item.GetString() + text;
        List<Dictionary<string, object?>> messages = [.. item.EnumerateArray()
            .Select(m => m.EnumerateObject().ToDictionary(p => p.Name, p => (object?)p.Value.GetString()))];
        if (settings.FlagOr("continue_final_message", (string?)messages[^1]["role"] == "assistant")) messages[^1]["content"] += text;
        else messages.Add(new() { ["role"] = "assistant", ["content"] = text });
        return messages;
    }

    private static string? Rewriting(TaskFolder models, string task, JsonElement row)
    {
        HeedModel model = models.Open(row.Text("model"));
        JsonElement settings = row.Settings(), expected = row.GetProperty("output");
        string[] texts = [row.Text("inputs")];
        bool cut = settings.FlagOr("truncation", false);
        if (row.TryGetProperty("input_ids", out JsonElement ids)
            && ScoreComparison.Difference(ids, model.RewritingIds(texts, task, cut)[0], "input_ids") is { } off) return off;
        GenerationConfig config = Over(model.RewritingConfig(task), settings);
        int start = config.DecoderStartId ?? ((SequenceToSequenceModel)model.Model).DecoderStartId;
        IReadOnlyList<GeneratedText> found = model.Rewrite(texts, task, config, cut);
        return ScoreComparison.Difference(expected, found.Select((t, i) =>
        {
            Dictionary<string, object?> output = new()
            {
                ["ids"] = Padded([start, .. t.Ids], expected, i, config.PaddingId),
                ["text"] = t.Text
            };
            if (t.Score is { } score) output["score"] = score;
            return output;
        }), "output", TaskRow.Score);
    }

    /// <summary>Ids with the padding that the reference put after a text shorter than others.</summary>
    private static int[] Padded(int[] ids, JsonElement expected, int index, int? padding)
    {
        int length = index < expected.GetArrayLength() ? expected[index].GetProperty("ids").GetArrayLength() : 0;
        return padding is { } fill && length > ids.Length ? [.. ids, .. Enumerable.Repeat(fill, length - ids.Length)] : ids;
    }

    /// <summary>Settings with those of a row over them.</summary>
    private static GenerationConfig Over(GenerationConfig config, JsonElement settings)
    {
        JsonObject own = JsonNode.Parse(settings.GetRawText())!.AsObject();
        foreach (string name in OfRow) own.Remove(name);
        using JsonDocument json = JsonDocument.Parse(own.ToJsonString());
        return config.With(new ConfigReader(json.RootElement, "settings"));
    }
}
