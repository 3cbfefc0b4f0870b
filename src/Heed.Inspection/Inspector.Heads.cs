using Heed.Engine.Kernels;
using Heed.Generation.Understanding;
using Heed.Models;

namespace Heed.Inspection;

public sealed partial class Inspector
{
    /// <summary>What each head attends to, in numbers that tell kinds of heads apart. They say where information was read, not
    /// why.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[L, H] by stack, attention and score: <c>decoder.attn.entropy</c> (nats), <c>.first</c> (mean weight of position 0),
    /// <c>.distance</c> (mean distance in tokens), <c>.previous</c> (mean weight of the token before); of cross-attention the first
    /// two.</returns>
    /// <exception cref="InputException">The model has no attention layers.</exception>
    public IReadOnlyDictionary<string, ValueArray> HeadScores(InspectedText text, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach ((string attention, ValueArray patterns) in Patterns([text], cancellationToken)) AddScores(found, attention, patterns);
        return found;
    }

    /// <summary>The scores of patterns that are known, [L, B, H, T, S].</summary>
    internal static void AddScores(Dictionary<string, ValueArray> found, string attention, ValueArray patterns)
    {
        found[$"{attention}.entropy"] = Mean(patterns, 0, (p, q, k) => p > 0 ? -p * Math.Log(p) : 0);
        found[$"{attention}.first"] = Mean(patterns, 0, (p, _, k) => k == 0 ? p : 0);
        if (attention.EndsWith(".cross_attn", StringComparison.Ordinal)) return;
        found[$"{attention}.distance"] = Mean(patterns, 0, (p, q, k) => p * Math.Abs(q - k));
        found[$"{attention}.previous"] = Mean(patterns, 1, (p, q, k) => k == q - 1 ? p : 0);
    }

    /// <summary>Which heads look for an earlier copy, on blocks of random tokens that stand twice, without a beginning token.</summary>
    /// <param name="block">n, tokens of a block.</param>
    /// <param name="samples">Number of blocks.</param>
    /// <param name="seed">Decides the tokens.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[L, H]: <c>decoder.attn.induction</c>, the mean weight of the token after the earlier copy, and
    /// <c>decoder.attn.duplicate</c>, that of the copy itself, both over the second halves.</returns>
    /// <exception cref="InputException">The model has no attention layers, two stacks, or reads fewer than 2n tokens.</exception>
    /// <remarks>Olsson et al. 2022, arXiv:2209.11895.</remarks>
    public IReadOnlyDictionary<string, ValueArray> InductionScores(
        int block = 24, int samples = 4, ulong seed = 1, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(block, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        if (_runner.HasTwoStacks) throw new InputException("induction: is a score of models with one stack, which read what they repeat.");
        if (2L * block > Model.Config.MaximumLength)
            throw new InputException(
                $"block {block}: two of them have {2 * block} tokens and the model reads at most {Model.Config.MaximumLength}. Choose "
                    + "fewer tokens.");
        CounterRandom random = new(seed, 0);
        float[] drawn = new float[samples * block];
        random.Uniform(drawn);
        int V = Model.Config.Vocabulary;
        InspectedText[] texts =
            [.. drawn.Chunk(block).Select(row => Array.ConvertAll(row, u => Math.Min(V - 1, (int)(u * V))))
                .Select(ids => new InspectedText { Ids = [.. ids, .. ids] })];
        return InductionScores(texts, block, cancellationToken);
    }

    /// <summary>The scores on given texts, each a block of n tokens twice.</summary>
    internal Dictionary<string, ValueArray> InductionScores(IReadOnlyList<InspectedText> texts, int n, CancellationToken cancellationToken)
    {
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach ((string attention, ValueArray patterns) in Patterns(texts, cancellationToken))
        {
            found[$"{attention}.induction"] = Mean(patterns, n, (p, q, k) => k == q - n + 1 ? p : 0);
            found[$"{attention}.duplicate"] = Mean(patterns, n, (p, q, k) => k == q - n ? p : 0);
        }

        return found;
    }

    /// <summary>
    /// Attention rollout: how much of each row after each layer came from each token, if attention's mean over heads and the stream beside
    /// it were all that moved information. Layers are multiplied from the left.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="residual">True: ½ mean + ½ I in each layer; false: the mean alone.</param>
    /// <param name="stack">Which stack; null: the one that the text goes into.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[L, T, T]; rows sum to 1.</returns>
    /// <exception cref="InputException">There is no such stack.</exception>
    /// <remarks>Abnar and Zuidema 2020, arXiv:2005.00928 §3.</remarks>
    public ValueArray Rollout(InspectedText text, bool residual = true, string? stack = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        StackParts parts = stack is null ? FirstStack : PartsOf(stack);
        ValueArray patterns = Patterns([text], cancellationToken)[$"{parts.Name}.attn"];                // [L, 1, H, T, T]
        int L = patterns.Shape[0], T = patterns.Shape[3];
        double[] rollout = [];
        List<ValueArray> layers = [];
        for (int l = 0; l < L; l++)
        {
            rollout = AttentionRollout.Next(rollout, patterns.At(l, 0).Span, patterns.Shape[2], residual);
            layers.Add(new ValueArray(Array.ConvertAll(rollout, v => (float)v), T, T));
        }

        return Stacked(layers);
    }

    /// <summary>The weights of attention times the length of what is moved: ‖P(q, k) · v_k W_O,h‖, with the value's bias and without the
    /// output's.</summary>
    /// <param name="text">The text.</param>
    /// <param name="attention">Which attention, such as <c>decoder.blocks.3.attn</c>.</param>
    /// <param name="summed">False: [H, T, S], head by head; true: [T, S], of the sum over heads.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">There is no such attention.</exception>
    /// <remarks>Kobayashi et al. 2020, arXiv:2004.10102.</remarks>
    public ValueArray ValueNorms(InspectedText text, string attention, bool summed = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(attention);
        string pattern = Find($"{attention}.pattern"), value = $"{pattern[..^".pattern".Length]}.v";
        Dictionary<string, ValueArray> values = Gather([text], n => n == pattern || n == value, null, cancellationToken);
        return ValueNorms(pattern, values[pattern].At(0), values[value].At(0), summed, cancellationToken);
    }

    /// <summary>The norms of a pattern [H, T, S] and values [S, G, K] that are known.</summary>
    /// <param name="site">The pattern's name, as <see cref="Names"/> has it.</param>
    /// <param name="p">The pattern.</param>
    /// <param name="v">The values.</param>
    /// <param name="summed">As the public method says.</param>
    /// <param name="cancellationToken">Looked at before each query.</param>
    internal ValueArray ValueNorms(string site, ValueArray p, ValueArray v, bool summed, CancellationToken cancellationToken)
    {
        string[] at = site.Split('.');
        StackParts stack = PartsOf(at[0]);
        int layer = int.Parse(at[2], System.Globalization.CultureInfo.InvariantCulture);
        (int H, int T, int S, int G, int K) = (p.Shape[0], p.Shape[1], p.Shape[2], v.Shape[1], v.Shape[2]);
        float[] matrix;
        using (ModelUse use = Model.Enter()) matrix = Matrices.Of(stack.Blocks[layer].Of(at[3]).Output);    // [H·K, D]
        int D = matrix.Length / (H * K);
        float[] moved = new float[H * S * D];
        for (int h = 0; h < H; h++)
            for (int k = 0; k < S; k++)
                for (int i = 0; i < K; i++)
                {
                    float number = v.Span[(((k * G) + (h * G / H)) * K) + i];
                    Span<float> row = moved.AsSpan(((h * S) + k) * D, D);
                    ReadOnlySpan<float> w = matrix.AsSpan(((h * K) + i) * D, D);
                    for (int d = 0; d < D; d++) row[d] += number * w[d];
                }

        if (!summed)
        {
            float[] each = new float[H * T * S];
            for (int h = 0; h < H; h++)
                for (int k = 0; k < S; k++)
                {
                    double length = Length(moved.AsSpan(((h * S) + k) * D, D));
                    for (int q = 0; q < T; q++) each[(((h * T) + q) * S) + k] =
                        (float)(Math.Abs((double)p.Span[(((h * T) + q) * S) + k]) * length);
                }

            return new ValueArray(each, H, T, S);
        }

        float[] joint = new float[T * S];
        float[] sum = new float[D];
        for (int q = 0; q < T; q++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int k = 0; k < S; k++)
            {
                Array.Clear(sum);
                for (int h = 0; h < H; h++)
                {
                    float weight = p.Span[(((h * T) + q) * S) + k];
                    if (weight == 0) continue;
                    ReadOnlySpan<float> row = moved.AsSpan(((h * S) + k) * D, D);
                    for (int d = 0; d < D; d++) sum[d] += weight * row[d];
                }

                joint[(q * S) + k] = (float)Length(sum);
            }
        }

        return new ValueArray(joint, T, S);

        static double Length(ReadOnlySpan<float> x)
        {
            double square = 0;
            foreach (float number in x) square += (double)number * number;
            return Math.Sqrt(square);
        }
    }

    /// <summary>All patterns of some texts of equal length, by stack and attention: [L, B, H, T, S].</summary>
    private Dictionary<string, ValueArray> Patterns(IReadOnlyList<InspectedText> texts, CancellationToken cancellationToken)
    {
        Dictionary<string, ValueArray> values =
            Gather(texts, n => n.EndsWith(".pattern", StringComparison.Ordinal), null, cancellationToken);
        return EachAttention((stack, attention)
            => Stacked([.. Enumerable.Range(0, stack.Blocks.Count).Select(l => values[$"{stack.Name}.blocks.{l}.{attention}.pattern"])]));
    }

    /// <summary>Σ over keys of something, its mean over texts and queries from one on: [L, H].</summary>
    internal static ValueArray Mean(ValueArray patterns, int first, Func<double, int, int, double> of)
    {
        (int L, int B, int H, int T, int S) =
            (patterns.Shape[0], patterns.Shape[1], patterns.Shape[2], patterns.Shape[3], patterns.Shape[4]);
        float[] means = new float[L * H];
        for (int l = 0; l < L; l++)
            for (int h = 0; h < H; h++)
            {
                double sum = 0;
                for (int b = 0; b < B; b++)
                {
                    ReadOnlySpan<float> p = patterns.At(l, b, h).Span;
                    for (int q = first; q < T; q++)
                        for (int k = 0; k < S; k++) sum += of(p[(q * S) + k], q, k);
                }

                means[(l * H) + h] = T > first ? (float)(sum / (B * (T - first))) : 0;
            }

        return new ValueArray(means, L, H);
    }
}
