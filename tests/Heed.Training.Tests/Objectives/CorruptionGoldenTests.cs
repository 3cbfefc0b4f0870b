using System.Text.Json;
using Heed.Testing;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Objectives;

namespace Heed.Training.Tests.Objectives;

/// <summary>Corruptions as transformers and T5's code make them from given draws (<c>goldens/pipelines/training-data</c>).</summary>
public sealed class CorruptionGoldenTests
{
    private static readonly string Folder = Path.Combine(Repository.Goldens, "pipelines");

    [Fact]
    public void Masked_tokens_are_those_of_the_reference()
    {
        int rows = 0;
        foreach (JsonElement row in Rows("masking", "masking"))
        {
            Tokenizer tokenizer = Open(row);
            JsonElement given = row.GetProperty("settings"), numbers = row.GetProperty("numbers");
            MaskingSettings settings = new()
            {
                MaskId = (tokenizer.TokenToId("[MASK]") ?? tokenizer.TokenToId("<mask>"))!.Value,
                Rate = Number(given, "mlm_probability", 0.15),
                MaskPart = Number(given, "mask_replace_prob", 0.8),
                RandomPart = Number(given, "random_replace_prob", 0.1),
                WholeWords = given.TryGetProperty("whole_word_mask", out _),
            };
            bool byEncoding = !given.TryGetProperty("special_tokens_mask", out JsonElement flag) || flag.GetBoolean();
            string[] texts = [.. row.GetProperty("inputs").EnumerateArray().Select(t => t.GetString()!)];
            for (int b = 0; b < texts.Length; b++)
            {
                int[] ids = Integers(row.GetProperty("input_ids")[b]), original = Integers(row.GetProperty("original_ids")[b]);
                TokenEncoding encoding = tokenizer.Encode(texts[b]);
                int[] padded = new int[ids.Length], words = new int[ids.Length];
                Array.Fill(words, -1);
                Array.Fill(padded, (tokenizer.TokenToId("[PAD]") ?? tokenizer.TokenToId("<pad>"))!.Value);
                Assert.Equal(original.Take(encoding.Count), encoding.Ids);
                encoding.Ids.CopyTo(padded, 0);
                int[] groups = WordGroups.Of(encoding);
                if (settings.WholeWords) Assert.Equal(Integers(row.GetProperty("words")[b]).Take(groups.Length), groups);
                for (int t = 0; t < encoding.Count; t++)
                {
                    bool special = byEncoding ? encoding.SpecialTokensMask[t] != 0
                        : tokenizer.AddedTokens.TryGetValue(padded[t], out AddedToken? added) && added.Special;
                    words[t] = special ? -1 : settings.WholeWords ? groups[t] : t;
                }

                bool[] chosen = TokenMasking.Choose(words, settings, Doubles(numbers.GetProperty("choose")[b]), []);
                CorruptedText found = TokenMasking.Replace(padded, chosen, settings, Doubles(numbers.GetProperty("mask")[b]),
                    Doubles(numbers.GetProperty("random")[b]), Integers(numbers.GetProperty("random_ids")[b]));
                Assert.Equal(ids, found.Inputs);
                Assert.Equal(Integers(row.GetProperty("labels")[b]), found.Labels);
                rows++;
            }
        }

        Assert.True(rows >= 28, $"{rows}");
    }

    [Fact]
    public void Words_are_those_of_the_reference()
    {
        int texts = 0;
        foreach (JsonElement row in Rows("masking", "word-groups"))
        {
            int length = Integers(row.GetProperty("input_ids")).Length;
            TokenEncoding encoding = Open(row).WithTruncation(new TruncationOptions(length)).Encode(row.GetProperty("inputs").GetString()!);
            Assert.Equal(Integers(row.GetProperty("input_ids")), encoding.Ids);
            Assert.Equal(Integers(row.GetProperty("words")), WordGroups.Of(encoding));
            texts++;
        }

        Assert.Equal(24, texts);
    }

    [Fact]
    public void Spans_become_sentinels_as_in_T5()
    {
        int[] sentinels = [.. Enumerable.Range(0, 100).Select(k => 1299 - k)];
        int texts = 0;
        foreach (JsonElement row in Rows("span-corruption", "span-corruption"))
        {
            CorruptedText found = SpanCorruption.Corrupt(Integers(row.GetProperty("ids")), Spans(row), sentinels, endId: 1);
            Assert.Equal(Integers(row.GetProperty("input_ids")), found.Inputs);
            Assert.Equal(Integers(row.GetProperty("labels")), found.Labels);
            texts++;
        }

        Assert.Equal(5, texts);
    }

    [Fact]
    public void Texts_are_as_long_as_fills_the_encoder()
    {
        int cases = 0;
        foreach (JsonElement row in Rows("span-corruption", "span-lengths"))
        {
            double density = row.GetProperty("noise_density").GetDouble(), mean = row.GetProperty("mean_noise_span_length").GetDouble();
            SpanCorruption.Lengths found = SpanCorruption.LengthsFor(row.GetProperty("inputs_length").GetInt32(), density, mean);
            Assert.Equal(row.GetProperty("tokens_length").GetInt32(), found.Tokens);
            Assert.Equal(row.GetProperty("targets_length").GetInt32(), found.Targets);
            SpanCorruption.Noise noise = SpanCorruption.NoiseOf(found.Tokens, density, mean);
            Assert.Equal(Integers(row.GetProperty("noise_tokens_and_spans")), new[] { noise.Tokens, noise.Spans });
            cases++;
        }

        Assert.Equal(45, cases);
    }

    [Fact]
    public void Sentences_are_permuted_and_spans_infilled_as_in_BART()
    {
        int texts = 0;
        foreach (JsonElement row in Rows("infilling", "infilling"))
        {
            int mask = Open(row).TokenToId("<mask>")!.Value;
            int[][] parts = [.. row.GetProperty("sentence_ids").EnumerateArray().Select(Integers)];
            int[] ids = [.. parts.SelectMany(p => p)];
            List<TokenSpan> sentences = [];
            foreach (int[] part in parts) sentences.Add(new TokenSpan(sentences.Sum(s => s.Length), part.Length));
            int[] permuted = TextInfilling.Permute(ids, [.. sentences], Integers(row.GetProperty("order")));
            Assert.Equal(Integers(row.GetProperty("input_ids")), (int[])[0, .. TextInfilling.Infill(permuted, Spans(row), mask), 2]);
            Assert.Equal(Integers(row.GetProperty("labels")), (int[])[0, .. ids, 2]);
            texts++;
        }

        Assert.Equal(6, texts);
    }

    [Fact]
    public void Texts_are_packed_end_to_end()
    {
        int blocks = 0;
        int rows = 0, batched = 0;
        foreach (JsonElement row in Rows("packing", "packing"))
        {
            Tokenizer tokenizer = Open(row);
            JsonElement settings = row.GetProperty("settings"), expected = row.GetProperty("blocks");
            int size = settings.GetProperty("block_size").GetInt32(), at = 0;
            string[] texts = [.. row.GetProperty("inputs").EnumerateArray().Select(t => t.GetString()!)];
            // The reference packs some texts at a time, and drops what is left of each.
            int batch = settings.TryGetProperty("batch", out JsonElement some) ? some.GetInt32() : texts.Length;
            if (batch < texts.Length) batched++;
            foreach (string[] packed in texts.Chunk(batch))
            {
                List<int> ids = [];
                foreach (string text in packed) tokenizer.EncodeToIds(text, ids);
                if (ids.Count < size) continue;
                TokenBlocks found = new([.. ids, 0], size, "training");
                for (int b = 0; b < found.Count; b++) Assert.Equal(Integers(expected[at++]), found.Batch([b]).InputIds.Cells);
            }

            Assert.Equal(expected.GetArrayLength(), at);
            blocks += at;
            rows++;
        }

        Assert.Equal((6, 2), (rows, batched));
        Assert.Equal(59, blocks);
    }

    private static TokenSpan[] Spans(JsonElement row)
        => [.. row.GetProperty("spans").EnumerateArray().Select(s => new TokenSpan(s[0].GetInt32(), s[1].GetInt32()))];

    private static double Number(JsonElement settings, string name, double standard)
        => settings.TryGetProperty(name, out JsonElement value) ? value.GetDouble() : standard;

    private static Tokenizer Open(JsonElement row)
        => Tokenizer.FromFolder(Path.Combine(Folder, "models", row.GetProperty("model").GetString()!));

    private static IEnumerable<JsonElement> Rows(string file, string task)
        => File.ReadLines(Path.Combine(Folder, "training-data", file + ".jsonl")).Select(l => JsonDocument.Parse(l).RootElement)
            .Where(r => r.GetProperty("task").GetString() == task);

    private static int[] Integers(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetInt32())];

    private static double[] Doubles(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetDouble())];
}
