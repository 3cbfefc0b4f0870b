using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Objectives;

namespace Heed.Training.Tests.Objectives;

/// <summary>What a generator samples, and what the discriminator is told of it.</summary>
public sealed class ReplacedTokenTests
{
    [Fact]
    public void Samples_have_the_shares_of_the_softmax()
    {
        const int Rows = 20_000;
        float[] logits = [0.5f, -1, 2, 0, 1];
        Tensor all = Tensor.Create([.. Enumerable.Repeat(logits, Rows).SelectMany(l => l)], Rows, logits.Length);
        int[] sampled = ReplacedTokens.Sample(all, (m, values) => new CounterRandom(1, (ulong)m).Uniform(values));
        double sum = logits.Sum(l => Math.Exp(l));
        for (int v = 0; v < logits.Length; v++)
            Assert.Equal(Math.Exp(logits[v]) / sum, (double)sampled.Count(s => s == v) / Rows, 0.01);
    }

    [Fact]
    public void Of_a_hundred_thousand_tokens_fifteen_percent_are_masked_and_a_sample_that_hits_is_no_replacement()
    {
        const int Tokens = 100_000, Mask = 4;
        Random random = new(3);
        int[] ids = [.. Enumerable.Range(0, Tokens).Select(_ => random.Next(5, 50))];
        MaskingSettings settings = new() { MaskId = Mask, MaskPart = 1 };
        double[] choose = new double[Tokens], mask = new double[Tokens];
        for (int t = 0; t < Tokens; t++) (choose[t], mask[t]) = (random.NextDouble(), random.NextDouble());
        bool[] chosen = TokenMasking.Choose([.. Enumerable.Range(0, Tokens)], settings, choose, []);
        CorruptedText text = TokenMasking.Replace(ids, chosen, settings, mask, mask, ids);
        int masked = text.Inputs.Count(i => i == Mask);
        Assert.InRange(100.0 * masked / Tokens, 14.7, 15.3);
        Assert.Equal(masked, text.Labels.Count(l => l != CausalLanguageModel.IgnoredLabel));

        // Every third sample is the text's own token.
        List<int> samples = [];
        for (int t = 0; t < Tokens; t++)
            if (chosen[t]) samples.Add(samples.Count % 3 == 0 ? ids[t] : 5 + ((ids[t] - 5 + 1) % 45));
        ModelInputs read = ReplacedTokens.Replaced(
            new ModelInputs { InputIds = new TokenGrid(1, Tokens, text.Inputs), Labels = new TokenGrid(1, Tokens, text.Labels) }, [.. samples]);
        int replaced = 0;
        for (int t = 0; t < Tokens; t++)
        {
            Assert.Equal(read.InputIds.Cells[t] == ids[t] ? 0 : 1, read.Labels!.Cells[t]);
            replaced += read.Labels.Cells[t];
        }

        Assert.Equal(samples.Count - ((samples.Count + 2) / 3), replaced);
        Assert.DoesNotContain(Mask, read.InputIds.Cells);
    }

    [Fact]
    public void Padding_has_no_label()
    {
        ModelInputs read = ReplacedTokens.Replaced(new ModelInputs
        {
            InputIds = new TokenGrid(2, 3, [7, 4, 9, 4, 0, 0]),
            AttentionMask = new TokenGrid(2, 3, [1, 1, 1, 1, 0, 0]),
            Labels = new TokenGrid(2, 3, [-100, 8, -100, 6, -100, -100]),
        }, [8, 5]);
        Assert.Equal([7, 8, 9, 5, 0, 0], read.InputIds.Cells);
        Assert.Equal([0, 0, 0, 1, -100, -100], read.Labels!.Cells);
    }
}
