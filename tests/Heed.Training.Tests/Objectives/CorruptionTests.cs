using Heed.Engine.Kernels;
using Heed.Models;
using Heed.Training.Objectives;

namespace Heed.Training.Tests.Objectives;

/// <summary>What must hold of each corruption whatever is drawn, and the shares that are drawn of 1e5 tokens.</summary>
public sealed class CorruptionTests
{
    private const int Tokens = 100_000, Vocabulary = 1000, Mask = 4, Sentinels = 2000, End = 1;

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(false, 3)]
    [InlineData(true, 3)]
    public void Fifteen_percent_of_the_tokens_are_predicted(bool wholeWords, int longest)
    {
        MaskingSettings settings = new() { MaskId = Mask, WholeWords = wholeWords, LongestRun = longest };
        int[] ids = Ids(), words = new int[Tokens];
        DrawSequence lengths = new(new CounterRandom(5, 1));
        for (int t = 1, left = 0; t < Tokens; t++)
        {
            bool continues = wholeWords && left-- > 0;
            words[t] = words[t - 1] + (continues ? 0 : 1);
            if (!continues) left = lengths.Integer(3);
        }

        CorruptedText found = Masked(ids, words, settings, seed: 1);
        int predicted = 0, masked = 0, kept = 0;
        for (int t = 0; t < Tokens; t++)
        {
            if (found.Labels[t] == CausalLanguageModel.IgnoredLabel)
            {
                Assert.Equal(ids[t], found.Inputs[t]);
                continue;
            }

            Assert.Equal(ids[t], found.Labels[t]);
            predicted++;
            if (found.Inputs[t] == Mask) masked++;
            else if (found.Inputs[t] == ids[t]) kept++;
            if (t > 0 && words[t] == words[t - 1]) Assert.NotEqual(CausalLanguageModel.IgnoredLabel, found.Labels[t - 1]);
        }

        Assert.InRange(100.0 * predicted / Tokens, 14.7, 15.3);
        if (wholeWords)
        {
            Assert.Equal(predicted, masked);
            return;
        }

        Assert.InRange(100.0 * masked / predicted, 79, 81);
        // Of a thousand random tokens one is the right one.
        Assert.InRange(100.0 * kept / predicted, 9.3, 10.7);
        Assert.InRange(100.0 * (predicted - masked - kept) / predicted, 9.3, 10.7);
    }

    [Fact]
    public void Runs_of_masked_tokens_have_the_lengths_of_their_distribution()
    {
        // One in a hundred: runs seldom touch. E = 3 ÷ (1 + ½ + ⅓).
        MaskingSettings settings = new() { MaskId = Mask, LongestRun = 3, Rate = 0.01 };
        CorruptedText found = Masked(Ids(), [.. Enumerable.Range(0, Tokens)], settings, seed: 3);
        bool[] chosen = Array.ConvertAll(found.Labels, l => l != CausalLanguageModel.IgnoredLabel);
        int runs = 0;
        for (int t = 0; t < Tokens; t++)
            if (chosen[t] && (t == 0 || !chosen[t - 1])) runs++;
        Assert.InRange((double)chosen.Count(c => c) / runs, 1.55, 1.75);
    }

    [Fact]
    public void Special_tokens_are_never_masked()
    {
        MaskingSettings settings = new() { MaskId = Mask, Rate = 0.9, LongestRun = 4 };
        int[] words = [.. Enumerable.Range(0, Tokens).Select(t => t % 7 == 0 ? -1 : t)];
        CorruptedText found = Masked(Ids(), words, settings, seed: 2);
        for (int t = 0; t < Tokens; t += 7) Assert.Equal(CausalLanguageModel.IgnoredLabel, found.Labels[t]);
    }

    [Theory]
    [InlineData(512, 0.15, 3)]
    [InlineData(128, 0.5, 2)]
    [InlineData(16, 0.15, 3)]
    public void Sentinels_give_the_text_back_and_spans_have_their_mean_length(int inputs, double density, double mean)
    {
        int[] sentinels = [.. Enumerable.Range(0, 500).Select(k => Sentinels - k)];
        SpanCorruption.Lengths lengths = SpanCorruption.LengthsFor(inputs, density, mean);
        SpanCorruption.Noise noise = SpanCorruption.NoiseOf(lengths.Tokens, density, mean);
        int[] ids = Ids();
        long replaced = 0, spans = 0, read = 0;
        int longest = 0;
        for (int row = 0; (row + 1) * lengths.Tokens <= Tokens; row++)
        {
            ReadOnlySpan<int> text = ids.AsSpan(row * lengths.Tokens, lengths.Tokens);
            TokenSpan[] drawn = SpanCorruption.Draw(text.Length, noise, new DrawSequence(new CounterRandom(1, (ulong)row)));
            CorruptedText found = SpanCorruption.Corrupt(text, drawn, sentinels, End);
            Assert.True(found.Inputs.Length <= inputs);
            Assert.Equal(noise.Tokens + noise.Spans + 1, found.Labels.Length);
            Assert.Equal(text.ToArray(), Restored(found));
            Assert.Equal(text.Length, drawn[^1].Start + drawn[^1].Length);
            replaced += drawn.Sum(s => s.Length);
            spans += drawn.Length;
            read += text.Length;
            longest = Math.Max(longest, drawn.Max(s => s.Length));
        }

        if (inputs < 100) return;
        Assert.InRange((double)replaced / read, density - 0.003, density + 0.003);
        Assert.InRange((double)replaced / spans, mean - 0.1, mean + 0.1);
        Assert.True(longest > mean + 2, $"{longest}");
    }

    [Fact]
    public void Infilled_spans_cover_a_third_and_have_the_lengths_of_a_Poisson_distribution()
    {
        const int Row = 500;
        int[] ids = Ids();
        long covered = 0, spans = 0, empty = 0, read = 0;
        for (int row = 0; (row + 1) * Row <= Tokens; row++)
        {
            ReadOnlySpan<int> text = ids.AsSpan(row * Row, Row);
            TokenSpan[] drawn = TextInfilling.Draw(Row, 0.3, 3, new DrawSequence(new CounterRandom(1, (ulong)row)));
            int[] infilled = TextInfilling.Infill(text, drawn, Mask);
            Assert.Equal(drawn.Length, infilled.Count(i => i == Mask));
            int at = 0;
            List<int> restored = [];
            foreach (int id in infilled)
            {
                if (id == Mask) restored.AddRange(text.Slice(drawn[at].Start, drawn[at++].Length));
                else restored.Add(id);
            }

            Assert.Equal(text.ToArray(), restored);
            covered += drawn.Sum(s => s.Length);
            spans += drawn.Length;
            empty += drawn.Count(s => s.Length == 0);
            read += Row;
        }

        Assert.InRange((double)covered / read, 0.297, 0.303);
        Assert.InRange((double)covered / spans, 2.9, 3.1);
        Assert.InRange((double)empty / spans, Math.Exp(-3) - 0.01, Math.Exp(-3) + 0.01);
    }

    [Fact]
    public void Short_means_never_make_a_row_longer()
    {
        for (ulong row = 0; row < 2000; row++)
        {
            TokenSpan[] drawn = TextInfilling.Draw(10, 0.3, 1, new DrawSequence(new CounterRandom(2, row)));
            Assert.True(TextInfilling.Infill(new int[10], drawn, Mask).Length <= 10);
        }
    }

    [Fact]
    public void Sentences_end_with_the_last_of_their_ends_and_every_order_is_drawn()
    {
        bool[] ends = [false, true, false, false, false, false];
        TokenSpan[] sentences = TextInfilling.Sentences([2, 1, 1, 3, 4, 1, 5], ends);
        Assert.Equal([new TokenSpan(0, 3), new TokenSpan(3, 3), new TokenSpan(6, 1)], sentences);
        Assert.Equal([3, 4, 1, 5, 2, 1, 1], TextInfilling.Permute([2, 1, 1, 3, 4, 1, 5], sentences, [1, 2, 0]));
        Dictionary<string, int> orders = [];
        for (ulong i = 0; i < 6000; i++)
        {
            string order = string.Join(' ', new DrawSequence(new CounterRandom(9, i)).Permutation(3));
            orders[order] = orders.GetValueOrDefault(order) + 1;
        }

        Assert.Equal(6, orders.Count);
        Assert.All(orders.Values, n => Assert.InRange(n, 850, 1150));
    }

    private static CorruptedText Masked(int[] ids, int[] words, MaskingSettings settings, ulong seed)
    {
        DrawSequence draws = new(new CounterRandom(seed, 7));
        double[][] numbers = [.. Enumerable.Range(0, 4).Select(_ => Enumerable.Range(0, Tokens).Select(_ => draws.Uniform()).ToArray())];
        int[] random = [.. Enumerable.Range(0, Tokens).Select(_ => 10 + draws.Integer(Vocabulary))];
        bool[] chosen = TokenMasking.Choose(words, settings, numbers[0], numbers[1]);
        return TokenMasking.Replace(ids, chosen, settings, numbers[2], numbers[3], random);
    }

    /// <summary>The text of a corrupted one: each sentinel of the inputs stands for what follows it in the labels.</summary>
    private static List<int> Restored(CorruptedText text)
    {
        List<int> restored = [];
        foreach (int id in text.Inputs[..^1])
        {
            if (id <= Vocabulary + 10)
            {
                restored.Add(id);
                continue;
            }

            int at = Array.IndexOf(text.Labels, id) + 1;
            while (text.Labels[at] != End && text.Labels[at] <= Vocabulary + 10) restored.Add(text.Labels[at++]);
        }

        return restored;
    }

    private static int[] Ids()
    {
        DrawSequence draws = new(new CounterRandom(4, 4));
        return [.. Enumerable.Range(0, Tokens).Select(_ => 10 + draws.Integer(Vocabulary))];
    }
}
