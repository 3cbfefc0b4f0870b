using System.Text.Json;
using Heed.Models;
using Heed.Templates;
using Heed.Tokenizers;
using Heed.Training.Collators;
using Heed.Training.Data;

namespace Heed.Verification;

/// <summary>Rows of prepared training data: labels of words, windows of questions, conversations, pairs for encoder-decoders.</summary>
internal static class TrainingDataCases
{
    /// <summary>How a row departs; null if it does not, <see cref="TaskVerification.NotMine"/> for other tasks.</summary>
    public static string? Difference(TaskFolder models, string task, JsonElement row) => task switch
    {
        "entity-labels" => EntityLabels(models, row),
        "question-features" => QuestionFeatures(models, row),
        "chat-masks" => ChatMasks(models, row),
        "seq2seq-labels" => RewritingLabels(models, row),
        "packing" => Packing(models, row),
        "flattening" => Flattening(models, row),
        _ => TaskVerification.NotMine,
    };

    private static string? EntityLabels(TaskFolder models, JsonElement row)
    {
        JsonElement settings = row.Settings();
        string name = row.Text("model");
        Tokenizer tokenizer = models.OpenTokenizer(name),
            cutting = tokenizer.WithTruncation(new TruncationOptions(settings.NumberOr("max_length", models.LengthOf(name))));
        string[] labelNames = row.GetProperty("label_names").Texts();
        TaggedExample[] examples = [.. row.GetProperty("inputs").EnumerateArray()
            .Select(i => new TaggedExample(default, i.GetProperty("words").Texts(), i.GetProperty("tags").Texts()))];
        TaggedTokens[] found = [.. examples.Select(e => TagAlignment.Align(cutting, e, labelNames,
            settings.FlagOr("label_all_tokens", false)))];
        string? off = ScoreComparison.Difference(row.GetProperty("features"), found.Select((f, i) => new Dictionary<string, object?>
        {
            ["input_ids"] = f.Ids,
            ["word_ids"] = cutting.EncodeWords(examples[i].Words).WordIds.Select(w => w < 0 ? (object?)null : w),
            ["labels"] = f.Labels,
            ["lost_words"] = f.LostWords,
        }), "features");
        if (off is not null || !row.TryGetProperty("batch", out JsonElement batch)) return off;
        int width = Width(found.Max(f => f.Ids.Count), settings);
        Dictionary<string, object?> padded = new()
        {
            ["input_ids"] = found.Select(f => Padded(f.Ids, width, Id(tokenizer, "pad_token"))),
            ["labels"] = found.Select(f => Padded(f.Labels, width, IgnoredLabel.Value)),
            ["attention_mask"] = found.Select(f => Padded(Ones(f.Ids.Count), width, 0)),
        };
        if (batch.TryGetProperty("token_type_ids", out _)) padded["token_type_ids"] = found.Select(_ => new int[width]);
        return ScoreComparison.Difference(batch, padded, "batch");
    }

    private static string? QuestionFeatures(TaskFolder models, JsonElement row)
    {
        JsonElement settings = row.Settings(), expected = row.GetProperty("features");
        Tokenizer tokenizer = models.OpenTokenizer(row.Text("model"));
        int length = settings.Number("max_seq_length"), number = 0;
        bool pads = settings.FlagOr("pad_to_max_length", false);
        List<Dictionary<string, object?>> features = [];
        foreach (JsonElement input in row.GetProperty("inputs").EnumerateArray())
        {
            string context = input.Text("context");
            int[] places = TaskRow.CodePoints(context);
            foreach (QuestionWindow window in QuestionWindows.Of(tokenizer, Question(input, context, places), length,
                settings.Number("doc_stride")))
            {
                int width = pads ? Math.Max(length, window.Ids.Count) : window.Ids.Count;
                JsonElement other = features.Count < expected.GetArrayLength() ? expected[features.Count] : default;
                Dictionary<string, object?> feature = new()
                {
                    ["example"] = number,
                    ["input_ids"] = Padded(window.Ids, width, Id(tokenizer, "pad_token")),
                    ["context"] = window.ContextEnd > 0 ? (int[])[window.ContextStart, window.ContextEnd] : null,
                    ["offsets"] = Enumerable.Range(window.ContextStart, window.ContextEnd - window.ContextStart)
                        .Select(t => (int[])[places[window.Starts[t]], places[window.Ends[t]]]),
                    ["start_position"] = window.StartPosition,
                    ["end_position"] = window.EndPosition,
                };
                if (pads) feature["attention_mask"] = Padded(Ones(window.Ids.Count), width, 0);
                if (other.ValueKind == JsonValueKind.Object)
                {
                    if (other.TryGetProperty("token_type_ids", out _)) feature["token_type_ids"] = Padded(window.TypeIds, width, 0);
                    // Where the reference's own script lands: past the window, which is not done here.
                    if (other.TryGetProperty("script_start", out JsonElement script)) feature["script_start"] = script.GetInt32();
                }

                features.Add(feature);
            }

            number++;
        }

        return ScoreComparison.Difference(expected, features, "features");
    }

    private static QuestionExample Question(JsonElement input, string context, int[] places)
    {
        List<ContextAnswer> answers = [];
        if (input.TryGetProperty("answers", out JsonElement given))
        {
            foreach ((string text, int start) in given.GetProperty("text").Texts().Zip(given.GetProperty("answer_start").Integers()))
                answers.Add(new ContextAnswer(text, Array.IndexOf(places, start)));
        }

        return new QuestionExample(default, "", input.Text("question"), context, answers);
    }

    private static string? ChatMasks(TaskFolder models, JsonElement row)
    {
        JsonElement settings = row.Settings();
        string name = row.Text("model");
        ChatTemplates templates = ChatTemplates.FromFolder(models.PathOf(name)!);
        ChatTemplate template = templates.Choose();
        ChatRendering Render(bool prompt) => template.Render(new ChatRequest
        {
            Messages = row.GetProperty("inputs"),
            AddGenerationPrompt = prompt,
            Variables = templates.SpecialTokens
        });
        ChatTokens found = ChatLabels.Of(models.OpenTokenizer(name), Render(settings.FlagOr("add_generation_prompt", false)),
            settings.Has("max_length", out JsonElement length) ? length.GetInt32() : null);
        return ScoreComparison.Difference(row.GetProperty("rendered"), Render(false).Text, "rendered")
            ?? ScoreComparison.Difference(row.GetProperty("input_ids"), found.Ids, "input_ids")
            ?? ScoreComparison.Difference(row.GetProperty("labels"), found.Labels, "labels")
            ?? ScoreComparison.Difference(row.GetProperty("assistant_mask"), found.Labels.Select(l => l == IgnoredLabel.Value ? 0 : 1),
                "assistant_mask");
    }

    private static string? RewritingLabels(TaskFolder models, JsonElement row)
    {
        JsonElement settings = row.Settings();
        string name = row.Text("model");
        Tokenizer tokenizer = models.OpenTokenizer(name);
        int padding = Id(tokenizer, "pad_token"), labelPadding = settings.NumberOr("label_pad_token_id", IgnoredLabel.Value);
        int start = ((SequenceToSequenceModel)models.Open(name).Model).DecoderStartId;
        RewritingTokens[] found = [.. row.GetProperty("inputs").EnumerateArray().Select(i => RewritingTokens.Of(tokenizer,
            new RewritingExample(default, i[0].GetString()!, i[1].GetString()!), settings.TextOrNull("prefix") ?? "",
            settings.Number("max_source_length"), settings.Number("max_target_length")))];
        int width = Width(found.Max(f => f.Source.Count), settings), targets = Width(found.Max(f => f.Target.Count), settings);
        int[][] labels = [.. found.Select(f => Padded(f.Target, targets, labelPadding))];
        return ScoreComparison.Difference(row.GetProperty("batch"), new Dictionary<string, object?>
        {
            ["input_ids"] = found.Select(f => Padded(f.Source, width, padding)),
            ["attention_mask"] = found.Select(f => Padded(Ones(f.Source.Count), width, 0)),
            ["labels"] = labels,
            ["decoder_input_ids"] = labels.Select(l => RewritingTokens.DecoderInputs(l, start, padding)),
        }, "batch");
    }

    private static string? Packing(TaskFolder models, JsonElement row)
    {
        JsonElement settings = row.Settings();
        Tokenizer tokenizer = models.OpenTokenizer(row.Text("model"));
        int[][] texts = [.. row.GetProperty("inputs").Texts().Select(t => tokenizer.Encode(t).IdArray)];
        int size = settings.Number("block_size");
        List<int[]> blocks = [];
        foreach (int[][] some in texts.Chunk(settings.NumberOr("batch", Math.Max(texts.Length, 1))))
        {
            int[] ids = [.. some.SelectMany(t => t)];
            if (ids.Length < size) continue;
            // A block's last target is the next block's first id; after the last block any id will do.
            TokenBlocks found = new([.. ids, 0], size, "training");
            for (int b = 0; b < found.Count; b++) blocks.Add(found.Batch([b]).InputIds.Cells);
        }

        return ScoreComparison.Difference(row.GetProperty("lengths"), texts.Select(t => t.Length), "lengths")
            ?? ScoreComparison.Difference(row.GetProperty("blocks"), blocks, "blocks");
    }

    private static string? Flattening(TaskFolder models, JsonElement row)
    {
        Tokenizer tokenizer = models.OpenTokenizer(row.Text("model"));
        FlattenedTexts found = FlattenedTexts.Of(row.GetProperty("inputs").Texts().Where(t => t.Length > 0)
            .Select(t => tokenizer.Encode(t).IdArray));
        int longest = found.Starts.Zip(found.Starts.Skip(1), (a, b) => b - a).DefaultIfEmpty().Max();
        foreach ((string name, object value) in ((string, object)[])
        [
            ("input_ids", Rows(found.Ids)), ("labels", Rows(found.Labels)), ("position_ids", Rows(found.Positions)),
                ("seq_idx", Rows(found.Texts)),
            ("cu_seq_lens_q", found.Starts), ("cu_seq_lens_k", found.Starts), ("max_length_q", longest), ("max_length_k", longest),
        ])
        {
            if (row.TryGetProperty(name, out JsonElement expected) && ScoreComparison.Difference(expected, value,
                name) is { } off) return off;
        }

        return null;

        static IReadOnlyList<int>[] Rows(IReadOnlyList<int> one) => [one];
    }

    private static int[] Padded(IReadOnlyList<int> ids, int width, int padding)
        => [.. ids, .. Enumerable.Repeat(padding, width - ids.Count)];

    private static int[] Ones(int count) => [.. Enumerable.Repeat(1, count)];

    private static int Width(int longest, JsonElement settings)
    {
        int multiple = settings.NumberOr("pad_to_multiple_of", 1);
        return (longest + multiple - 1) / multiple * multiple;
    }

    private static int Id(Tokenizer tokenizer, string role)
        => tokenizer.SpecialTokens.TryGetValue(role, out string? token) && tokenizer.TokenToId(token) is { } id ? id
            : throw new FormatException($"the tokenizer has no {role}");
}
