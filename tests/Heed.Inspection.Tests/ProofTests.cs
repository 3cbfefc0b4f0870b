using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;

namespace Heed.Inspection.Tests;

/// <summary>What must hold whatever the weights are: the identities of goldens/inspection/README.md, on a decoder before and after RoPE, an
/// encoder and an encoder-decoder.</summary>
public sealed class ProofTests
{
    public static TheoryData<string> Models => ["gpt2", "llama", "bert-mlm", "t5"];

    public static TheoryData<string> Decoders => ["gpt2", "llama"];

    internal static Model Load(string name, bool training = false)
        => ModelFolder.Load(Path.Combine(Repository.Goldens, "models", name), training ? new LoadOptions { ForTraining = true } : null).Model;

    internal static InspectedText TextFor(Model model) => new()
    {
        Ids = [11, 5, 23, 7, 3, 19, 8, 5],
        DecoderIds = model is SequenceToSequenceModel both ? [both.DecoderStartId, 9, 14, 21] : [],
    };

    internal static LogitDifference MetricOf(Model model) => new(17, 12, model is MaskedLanguageModel ? 4 : null);

    [Theory]
    [MemberData(nameof(Models))]
    public void Looking_changes_no_bit_and_shows_values_in_the_order_of_the_names(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        Trace trace = inspector.Trace(text);
        Assert.Equal(inspector.Logits(text).ToArray(), trace["logits"].ToArray());
        Assert.Equal(inspector.Names, trace.Names);
        Assert.Equal(trace["logits"].ToArray(),
            inspector.Logits(text, [.. inspector.Names.Where(CanChange).Select(n => Intervention.Change(n, v => v))]).ToArray(), Near);
        using TensorScope scope = TensorScope.Begin();
        ModelOutput plain = model.Run(ModelRunner.Batch([text]));
        Assert.Equal(plain.Logits!.ToArray(), trace["logits"].ToArray());
    }

    /// <summary>Replacing a score or a head's result by itself runs the steps that follow one by one: equal but for rounding.</summary>
    private static bool Near(float a, float b) => Math.Abs(a - b) <= 1e-5 * Math.Max(1, Math.Abs(a));

    private static bool CanChange(string name)
        => !name.EndsWith(".mean", StringComparison.Ordinal) && !name.EndsWith(".scale", StringComparison.Ordinal)
            && !name.EndsWith(".normalized", StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Models))]
    public void A_value_replaced_by_itself_leaves_the_bits(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        float[] plain = inspector.Logits(text).ToArray();
        foreach (string site in inspector.Names
            .Where(n => CanChange(n) && !ValueAxes.IsScore(n) && !n.EndsWith(".result", StringComparison.Ordinal)
                && !n.EndsWith(".gate", StringComparison.Ordinal)))
            Assert.Equal(plain, inspector.Logits(text, [Intervention.Change(site, v => v)]).ToArray());
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Patterns_are_distributions_and_make_what_the_heads_write(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        Trace trace = inspector.Trace(TextFor(model));
        foreach (StackParts stack in inspector.Parts)
        {
            foreach (string attention in stack.AttentionNames)
            {
                for (int l = 0; l < stack.Blocks.Count; l++)
                {
                    string at = $"{stack.Name}.blocks.{l}.{attention}";
                    ValueArray p = trace[$"{at}.pattern"], masked = trace[$"{at}.masked"], v = trace[$"{at}.v"], z = trace[$"{at}.z"],
                        result = trace[$"{at}.result"], o = trace[$"{at}.out"];
                    (int H, int T, int S, int G, int K) = (p.Shape[0], p.Shape[1], p.Shape[2], v.Shape[1], v.Shape[2]);
                    float[]? bias = Matrices.Bias(stack.Blocks[l].Of(attention).Output);
                    for (int q = 0; q < T; q++)
                    {
                        for (int h = 0; h < H; h++)
                        {
                            double sum = 0;
                            for (int k = 0; k < S; k++)
                            {
                                sum += p[h, q, k];
                                Assert.Equal(float.IsNegativeInfinity(masked[h, q, k]), p[h, q, k] == 0);
                            }

                            Assert.InRange(sum, 1 - 1e-6, 1 + 1e-6);
                            for (int i = 0; i < K; i++)
                                Assert.Equal(Enumerable.Range(0, S).Sum(k => (double)p[h, q, k] * v[k, h * G / H, i]), z[q, h, i], 1e-4);
                        }

                        for (int d = 0; d < o.Shape[1]; d++)
                            Assert.Equal(Enumerable.Range(0, H).Sum(h => (double)result[q, h, d]) + (bias?[d] ?? 0), o[q, d], 1e-4);
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Neurons_add_up_to_the_feed_forward_part_and_the_largest_are_found(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        foreach (StackParts stack in inspector.Parts)
        {
            Ranking top = inspector.TopNeurons(text, stack.Name, 4);
            Trace trace = inspector.Trace(text, n => n.Contains(".mlp.", StringComparison.Ordinal));
            for (int l = 0; l < stack.Blocks.Count; l++)
            {
                ValueArray post = trace[$"{stack.Name}.blocks.{l}.mlp.post"], o = trace[$"{stack.Name}.blocks.{l}.mlp.out"];
                float[] w = Matrices.Of(stack.Blocks[l].Mlp!.Down);
                float[]? bias = Matrices.Bias(stack.Blocks[l].Mlp!.Down);
                (int T, int F, int D) = (post.Shape[0], post.Shape[1], o.Shape[1]);
                for (int t = 0; t < T; t++)
                {
                    for (int d = 0; d < D; d++)
                        Assert.Equal(Enumerable.Range(0, F).Sum(j => (double)post[t, j] * w[(j * D) + d]) + (bias?[d] ?? 0), o[t, d], 1e-4);
                    double Size(int j) => Math.Abs((double)post[t, j]) * Math.Sqrt(w.AsSpan(j * D, D).ToArray().Sum(x => (double)x * x));
                    int[] sorted = [.. Enumerable.Range(0, F).OrderByDescending(j => (float)Size(j)).Take(4)];
                    Assert.Equal(sorted, top.Ids.Skip(((l * T) + t) * 4).Take(4));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void The_lens_ends_with_the_scores_and_computes_its_norm_anew(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        ValueArray lens = inspector.Lens(text), logits = inspector.Logits(text);
        int L = lens.Shape[0] - 1;
        Assert.Equal(logits.ToArray(), lens.At(L).ToArray());
        Assert.Equal(lens.At(L - 1, 2).ToArray(), inspector.Lens(text, 2).At(L - 1).ToArray());
        // A state ten times as long has other scores through a frozen scale, and the same through its own.
        string state = inspector.Parts[^1].StateName(L);
        if (inspector.Parts[^1].FinalNorm is null) return;
        float[] scaled = inspector.Logits(text,
            [Intervention.Change(state, v => ValueArray.Create([.. v.ToArray().Select(x => 10 * x)], v.Shape))]).ToArray();
        Assert.True(scaled.Zip(logits.ToArray()).All(p => Math.Abs(p.First - p.Second) < 1e-2),
            "the final norm's statistics were not computed anew");
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Shares_add_up_to_the_score(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        DirectAttribution found = inspector.DirectAttribution(TextFor(model), MetricOf(model));
        Assert.Equal(name != "bert-mlm", found.IsExact);
        Assert.Equal(inspector.Score(TextFor(model), MetricOf(model)), found.Score);
        Assert.InRange(found.Shares.Sum(s => (double)s.Value), found.Score - (1e-4 * Math.Abs(found.Score)) - 1e-6, found.Score
            + (1e-4 * Math.Abs(found.Score)) + 1e-6);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Taking_a_head_out_equals_zero_rows_of_its_projection(string name)
    {
        using Model model = Load(name, training: true);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        string at = $"{inspector.Stacks[^1]}.blocks.1.attn";
        ValueArray z = inspector.Trace(text, n => n == $"{at}.z")[$"{at}.z"];
        float[] plain = inspector.Logits(text).ToArray();
        Assert.Equal(plain, inspector.Logits(text, [Intervention.Set($"{at}.z", z, head: 1)]).ToArray());
        Assert.Equal(plain, inspector.Logits(text, []).ToArray());
        float[] ablated = inspector.Logits(text, [inspector.AblateHead(at, 1)]).ToArray();
        // Heads are taken out from the layer on, where the ones before it are known: with the bits of the whole run.
        LogitDifference metric = MetricOf(model);
        float effect = (float)((double)inspector.Score(text, metric, [inspector.AblateHead(at, 1)]) - inspector.Score(text, metric));
        Assert.Equal(effect, inspector.AblateEach(text, metric, at)[1]);
        Linear output = (Linear)inspector.Parts[^1].Blocks[1].Attention.Output;
        int K = z.Shape[2];
        Tensor w = output.Weight.Value;
        bool inputMajor = output.Weight.InputMajor == true;
        for (int i = 0; i < output.Inputs; i++)
            for (int o = 0; o < output.Outputs; o++)
                if (i / K == 1) w.Span[inputMajor ? (i * output.Outputs) + o : (o * output.Inputs) + i] = 0;
        Assert.Equal(inspector.Logits(text).ToArray(), ablated);
        Assert.NotEqual(plain, ablated);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Patching_returns_nothing_of_itself_and_all_of_the_state(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText clean = TextFor(model), corrupt = clean.With(2, 40);
        LogitDifference metric = MetricOf(model);
        string stack = inspector.Stacks[0], first = $"{stack}.blocks.0.resid_pre";
        ValueArray state = inspector.Trace(clean, n => n == first)[first];
        Assert.Equal(inspector.Logits(clean).ToArray(), inspector.Logits(corrupt, [Intervention.Set(first, state)]).ToArray());
        ValueArray own = inspector.Trace(corrupt, n => n == first)[first];
        Assert.Equal(inspector.Logits(corrupt).ToArray(), inspector.Logits(corrupt, [Intervention.Set(first, own)]).ToArray());
        ValueArray shares = inspector.Patch(clean, corrupt, metric, $"{stack}.resid_pre");
        for (int t = 0; t < clean.Ids.Count; t++) Assert.Equal(t == 2 ? 1 : 0, shares[0, t], 1e-6f);
        Assert.Equal(shares.At(0).ToArray(), inspector.Patch(clean, corrupt, metric, first).ToArray());
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void The_gradient_foretells_a_small_change(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        LogitDifference metric = MetricOf(model);
        foreach (string site in (string[])[$"{inspector.Stacks[0]}.embed.token", $"{inspector.Stacks[^1]}.blocks.1.resid_pre",
            $"{inspector.Stacks[^1]}.blocks.0.attn.z"])
        {
            ValueArray g = inspector.Gradients(text, metric, [site], default)[site];
            // A step along the gradient that should raise F by 0.02, there and back.
            double square = g.ToArray().Sum(x => (double)x * x), step = 0.02 / square;
            ValueArray there = ValueArray.Create([.. g.ToArray().Select(x => (float)(x * step))], g.Shape);
            ValueArray back = ValueArray.Create([.. there.ToArray().Select(x => -x)], g.Shape);
            double up = inspector.Score(text, metric, [Intervention.Add(site, there)]);
            double down = inspector.Score(text, metric, [Intervention.Add(site, back)]);
            double ratio = (up - down) / 0.04;
            Assert.InRange(ratio, 0.99, 1.01);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Tracing_without_noise_or_with_all_restored_is_the_clean_run(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        int? position = MetricOf(model).Position;
        CausalTracing a = inspector.CausalTrace(text, 17, [1, 2], 2, 5, position), b =
            inspector.CausalTrace(text, 17, [1, 2], 2, 5, position);
        Assert.Equal(a.Restored[inspector.Stacks[0]].ToArray(), b.Restored[inspector.Stacks[0]].ToArray());
        Assert.NotEqual(a.Corrupt[0], a.Corrupt[1]);
        int D = model.Config.Width;
        CausalTracing quiet = inspector.CausalTrace(text, 17, [1, 2], new ValueArray(new float[2 * D], 1, 2, D), position, 0, default);
        Assert.Equal(quiet.Clean, quiet.Corrupt[0]);
        Assert.All(quiet.Restored.Values, r => Assert.All(r.ToArray(), p => Assert.Equal(quiet.Clean, p)));
        // The state that is read, after the last layer, brings the clean answer back whatever came before it.
        ValueArray last = a.Restored[inspector.Stacks[^1]];
        int read = position ?? (text.DecoderIds.Count > 0 ? text.DecoderIds.Count - 1 : text.Ids.Count - 1);
        Assert.Equal(a.Clean, last[0, last.Shape[1] - 1, read]);
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void Heads_without_queries_find_copies_by_chance_alone(string name)
    {
        using Model model = Load(name, training: true);
        Inspector inspector = new(model);
        foreach (BlockParts block in inspector.Parts[0].Blocks)
        {
            if (block.Attention.QueryKeyValue is Linear joint)
            {
                int third = joint.Outputs / 3;
                for (int i = 0; i < joint.Inputs; i++) joint.Weight.Value.Span.Slice(i * joint.Outputs, third).Clear();
                joint.Bias!.Value.Span[..third].Clear();
            }
            else
            {
                Linear query = (Linear)block.Attention.Query!;
                query.Weight.Value.Span.Clear();
                query.Bias?.Value.Span.Clear();
            }
        }

        const int n = 7;
        double chance = Enumerable.Range(n + 1, n).Sum(q => 1.0 / q) / n;
        foreach (ValueArray score in inspector.InductionScores(n, 2, 3).Values)
            Assert.All(score.ToArray(), s => Assert.Equal(chance, s, 1e-6));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Rollout_is_a_distribution_and_stays_causal(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        foreach (bool residual in (bool[])[true, false])
        {
            ValueArray r = inspector.Rollout(text, residual);
            for (int l = 0; l < r.Shape[0]; l++)
                for (int q = 0; q < r.Shape[1]; q++)
                {
                    Assert.Equal(1, r.At(l, q).ToArray().Sum(x => (double)x), 1e-6);
                    if (inspector.Stacks[0] == "decoder") Assert.All(r.At(l, q).ToArray()[(q + 1)..], x => Assert.Equal(0, x));
                }
        }

        // By hand: one layer is half of the mean and half of the row itself.
        string at = $"{inspector.Stacks[0]}.blocks.0.attn.pattern";
        ValueArray p = inspector.Trace(text, n => n == at)[at], first = inspector.Rollout(text).At(0);
        double mean = Enumerable.Range(0, p.Shape[0]).Average(h => (double)p[h, 3, 1]);
        Assert.Equal(mean / 2, first[3, 1], 1e-6);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Integrated_gradients_show_their_gap_and_close_it_with_more_steps(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        LogitDifference metric = MetricOf(model);
        IntegratedGradients found = inspector.IntegratedGradients(text, metric);
        Assert.Equal(found.Gap, found.ByToken.ToArray().Sum(v => (double)v) - ((double)found.Score - found.BaselineScore), 1e-4);
        Assert.True(found.IsComplete || found.Steps == 1024, $"{found.Steps} steps with a gap of {found.RelativeGap:P2}");
        if (name == "t5") return;                                    // its ReLUs jump between steps
        double coarse = Math.Abs(inspector.IntegratedGradients(text, metric, steps: 8).Gap), fine =
            Math.Abs(inspector.IntegratedGradients(text, metric, steps: 32).Gap);
        Assert.True(fine < coarse / 4, $"the gap fell from {coarse:G3} to {fine:G3} with four times the steps");
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Value_norms_are_the_lengths_of_what_adds_up_to_the_heads_result(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model);
        StackParts stack = inspector.Parts[^1];
        foreach (string attention in stack.AttentionNames)
        {
            string at = $"{stack.Name}.blocks.1.{attention}";
            Trace trace = inspector.Trace(text, n => n.StartsWith(at, StringComparison.Ordinal));
            ValueArray p = trace[$"{at}.pattern"], v = trace[$"{at}.v"], result = trace[$"{at}.result"], norms =
                inspector.ValueNorms(text, at);
            float[] w = Matrices.Of(stack.Blocks[1].Of(attention).Output);
            (int H, int S, int G, int K, int D) = (p.Shape[0], p.Shape[2], v.Shape[1], v.Shape[2], result.Shape[2]);
            for (int h = 0; h < H; h++)
            {
                double[] sum = new double[D];
                for (int k = 0; k < S; k++)
                {
                    double[] moved = new double[D];
                    for (int i = 0; i < K; i++)
                        for (int d = 0; d < D; d++) moved[d] += (double)p[h, 2, k] * v[k, h * G / H, i] * w[(((h * K) + i) * D) + d];
                    Assert.Equal(Math.Sqrt(moved.Sum(x => x * x)), norms[h, 2, k], 1e-4);
                    for (int d = 0; d < D; d++) sum[d] += moved[d];
                }

                for (int d = 0; d < D; d++) Assert.Equal(sum[d], result[2, h, d], 1e-4);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void States_are_like_themselves_whatever_their_scale(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        foreach (StateSimilarity s in inspector.Similarity([TextFor(model), TextFor(model).With(1, 33)]).Values)
        {
            for (int a = 0; a < s.Anisotropy.Count; a++)
            {
                Assert.Equal(1, s.Cka[a, a], 1e-6);
                Assert.Equal(1, s.Cosine[a, a], 1e-6);
                for (int b = 0; b < s.Anisotropy.Count; b++) Assert.Equal(s.Cka[a, b], s.Cka[b, a], 1e-6);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void A_later_token_changes_no_bit_of_what_stands_before_it(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        InspectedText text = TextFor(model), other = text.With(6, 44);
        ValueArray a = inspector.Logits(text), b = inspector.Logits(other);
        for (int t = 0; t < 6; t++) Assert.Equal(a.At(t).ToArray(), b.At(t).ToArray());
        Assert.NotEqual(a.At(6).ToArray(), b.At(6).ToArray());
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void A_padded_row_has_the_bits_of_the_row_alone(string name)
    {
        using Model model = Load(name);
        Inspector inspector = new(model);
        if (model is SequenceToSequenceModel) return;                // the decoder's rows have no padding there
        InspectedText text = TextFor(model);
        int T = text.Ids.Count;
        ModelInputs inputs = new()
        {
            InputIds = TokenGrid.Of([[.. text.Ids, 6, 6], [6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]),
            AttentionMask = TokenGrid.Of([[.. Enumerable.Repeat(1, T), 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]),
        };
        ValueArray padded = PaddedValues.Gather(inspector, inputs, default)["logits"];
        Assert.Equal(inspector.Logits(text).ToArray(), padded.Span[..(T * padded.Shape[2])].ToArray());
    }
}
