using System.Text.Json;
using Heed.Tokenizers;
using Heed.Training.Objectives;

namespace Heed.Verification;

/// <summary>Rows of texts corrupted for pre-training, from given draws.</summary>
internal static class CorruptionCases
{
    private const int Sentinels = 100;

    /// <summary>How a row departs; null if it does not, <see cref="TaskVerification.NotMine"/> for other tasks.</summary>
    public static string? Difference(TaskFolder models, string task, JsonElement row) => task switch
    {
        "masking" => Masking(models, row),
        "word-groups" => Words(models, row),
        "span-corruption" => SpanRow(models.OpenTokenizer(row.Text("model")), row),
        "span-lengths" => Lengths(row),
        "infilling" => Infilling(models.OpenTokenizer(row.Text("model")), row),
        _ => TaskVerification.NotMine,
    };

    private static string? Masking(TaskFolder models, JsonElement row)
    {
        JsonElement given = row.Settings(), numbers = row.GetProperty("numbers");
        string name = row.Text("model");
        Tokenizer tokenizer = models.OpenTokenizer(name), cutting = tokenizer.WithTruncation(new TruncationOptions(models.LengthOf(name)));
        MaskingSettings settings = new()
        {
            MaskId = Id(tokenizer, "mask_token"),
            Rate = given.OptionalReal("mlm_probability") ?? 0.15,
            MaskPart = given.OptionalReal("mask_replace_prob") ?? 0.8,
            RandomPart = given.OptionalReal("random_replace_prob") ?? 0.1,
            WholeWords = given.FlagOr("whole_word_mask", false),
        };
        bool byEncoding = given.FlagOr("special_tokens_mask", true);
        TokenEncoding[] texts = [.. row.GetProperty("inputs").Texts().Select(t => cutting.Encode(t))];
        int multiple = given.NumberOr("pad_to_multiple_of", 1), width = (texts.Max(t => t.Count) + multiple - 1) / multiple * multiple;
        List<IReadOnlyList<int>> originals = [], inputs = [], labels = [], groups = [];
        for (int b = 0; b < texts.Length; b++)
        {
            int[] padded = [.. texts[b].Ids, .. Enumerable.Repeat(Id(tokenizer, "pad_token"), width - texts[b].Count)];
            int[] words = [.. WordGroups.Of(texts[b]), .. Enumerable.Repeat(-1, width - texts[b].Count)];
            originals.Add(row.GetProperty("original_ids")[b].GetArrayLength() == texts[b].Count ? texts[b].Ids : padded);
            groups.Add(words);
            int[] units = [.. words.Select((word, t) => IsSpecial(t) ? -1 : settings.WholeWords ? word : t)];
            bool[] chosen = TokenMasking.Choose(units, settings, numbers.GetProperty("choose")[b].Reals(), []);
            CorruptedText found = TokenMasking.Replace(padded, chosen, settings, numbers.GetProperty("mask")[b].Reals(),
                numbers.GetProperty("random")[b].Reals(), numbers.GetProperty("random_ids")[b].Integers());
            inputs.Add([.. found.Inputs]);
            labels.Add([.. found.Labels]);

            bool IsSpecial(int t) => t >= texts[b].Count || (byEncoding ? texts[b].SpecialTokensMask[t] != 0
                : tokenizer.AddedTokens.TryGetValue(padded[t], out AddedToken? added) && added.Special);
        }

        return ScoreComparison.Difference(row.GetProperty("original_ids"), originals, "original_ids")
            ?? (row.TryGetProperty("words", out JsonElement expected) ? ScoreComparison.Difference(expected, groups, "words") : null)
            ?? ScoreComparison.Difference(row.GetProperty("input_ids"), inputs, "input_ids")
            ?? ScoreComparison.Difference(row.GetProperty("labels"), labels, "labels");
    }

    private static string? Words(TaskFolder models, JsonElement row)
    {
        string name = row.Text("model");
        TokenEncoding encoding = models.OpenTokenizer(name).WithTruncation(new TruncationOptions(models.LengthOf(name)))
            .Encode(row.Text("inputs"));
        return ScoreComparison.Difference(row.GetProperty("input_ids"), encoding.Ids, "input_ids")
            ?? ScoreComparison.Difference(row.GetProperty("words"), WordGroups.Of(encoding), "words");
    }

    private static string? SpanRow(Tokenizer tokenizer, JsonElement row)
    {
        int[] sentinels = [.. Enumerable.Range(0, Sentinels).Select(k
            => tokenizer.TokenToId(FormattableString.Invariant($"<extra_id_{k}>"))).OfType<int>()];
        CorruptedText found = SpanCorruption.Corrupt(row.GetProperty("ids").Integers(), Spans(row), sentinels, Id(tokenizer, "eos_token"));
        foreach ((string name, object value) in ((string, object)[])
        [
            ("input_ids", found.Inputs), ("labels", found.Labels), ("input_text",
                tokenizer.Decode([.. found.Inputs], skipSpecialTokens: false)),
            ("label_text", tokenizer.Decode([.. found.Labels], skipSpecialTokens: false)),
        ])
        {
            if (row.TryGetProperty(name, out JsonElement expected) && ScoreComparison.Difference(expected, value,
                name) is { } off) return off;
        }

        return null;
    }

    private static string? Lengths(JsonElement row)
    {
        double density = row.Real("noise_density"), mean = row.Real("mean_noise_span_length");
        SpanCorruption.Lengths found = SpanCorruption.LengthsFor(row.Number("inputs_length"), density, mean);
        SpanCorruption.Noise noise = SpanCorruption.NoiseOf(found.Tokens, density, mean);
        return ScoreComparison.Difference(row.GetProperty("tokens_length"), found.Tokens, "tokens_length")
            ?? ScoreComparison.Difference(row.GetProperty("targets_length"), found.Targets, "targets_length")
            ?? ScoreComparison.Difference(row.GetProperty("noise_tokens_and_spans"), (int[])[noise.Tokens, noise.Spans],
                "noise_tokens_and_spans");
    }

    private static string? Infilling(Tokenizer tokenizer, JsonElement row)
    {
        int[][] parts = row.GetProperty("sentence_ids").IntegerRows();
        int[] ids = [.. parts.SelectMany(p => p)];
        int begin = Id(tokenizer, "bos_token"), end = Id(tokenizer, "eos_token");
        List<TokenSpan> sentences = [];
        foreach (int[] part in parts) sentences.Add(new TokenSpan(sentences.Sum(s => s.Length), part.Length));
        int[] permuted = TextInfilling.Permute(ids, [.. sentences], row.GetProperty("order").Integers()), labels = [begin, .. ids, end];
        return ScoreComparison.Difference(row.GetProperty("input_ids"),
                (int[])[begin, .. TextInfilling.Infill(permuted, Spans(row), Id(tokenizer, "mask_token")), end], "input_ids")
            ?? ScoreComparison.Difference(row.GetProperty("labels"), labels, "labels")
            ?? ScoreComparison.Difference(row.GetProperty("decoder_input_ids"),
                Training.Collators.RewritingTokens.DecoderInputs(labels, end, 0), "decoder_input_ids");
    }

    private static TokenSpan[] Spans(JsonElement row)
        => [.. row.GetProperty("spans").EnumerateArray().Select(s => new TokenSpan(s[0].GetInt32(), s[1].GetInt32()))];

    private static int Id(Tokenizer tokenizer, string role)
        => tokenizer.SpecialTokens.TryGetValue(role, out string? token) && tokenizer.TokenToId(token) is { } id ? id
            : throw new FormatException($"the tokenizer has no {role}");
}
