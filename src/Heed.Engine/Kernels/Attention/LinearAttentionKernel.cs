using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>
/// Attention whose weights are products of features, q'·k' ≥ 0: z(i) = Σ (q'(i)·k'(j))·v(j) / (Σ q'(i)·k'(j) + ε) over the keys that query
/// i sees, all or those up to its own position. Summed first over keys, so that time and memory grow with the length and not with its
/// square.
/// </summary>
/// <remarks>
/// Katharopoulos et al., arXiv:2006.16236, §3.2 to 3.3; Choromanski et al., arXiv:2009.14794, §2. Keys join the sum one by one in order, so
/// a row's bits are the same in a prompt and token by token.
/// </remarks>
internal static unsafe class LinearAttentionKernel
{
    /// <summary>Added to the sum of a row's weights, as in the paper's published code.</summary>
    public const float Epsilon = 1e-6f;

    /// <summary>z: [N, H·V].</summary>
    /// <param name="query">[N, H·M], features ≥ 0.</param>
    /// <param name="key">[S, H·M], features ≥ 0.</param>
    /// <param name="value">[S, H·V].</param>
    /// <param name="options">Heads, <see cref="AttentionOptions.HeadWidth"/> = M, <see cref="AttentionOptions.ValueWidth"/> and
    /// <see cref="AttentionOptions.Causal"/>; the others do not apply.</param>
    /// <param name="sequences">Which rows belong together.</param>
    /// <param name="output">[N, H·V].</param>
    /// <param name="normalizer">[N, H]: the sum of each row's weights plus ε; 0 where it sees no key.</param>
    /// <param name="sums">One a sequence: earlier tokens' sum, which the rows resume from and are added to; null where each sequence begins
    /// with its rows.</param>
    /// <exception cref="ArgumentException">A span is too short, or sequences, options and sums do not fit.</exception>
    /// <exception cref="BudgetException">There is no room for a sum.</exception>
    public static void Forward(
        ReadOnlySpan<float> query, ReadOnlySpan<float> key, ReadOnlySpan<float> value, AttentionOptions options, AttentionSequence[] sequences, Span<float> output, Span<float> normalizer, FeatureSum[]? sums = null)
    {
        Check(query.Length, key.Length, value.Length, output.Length, normalizer.Length, options, sequences);
        nint[] before = [], after = [];
        if (sums is not null)
        {
            if (!options.Causal || sums.Length != sequences.Length) throw new ArgumentException("Sums of earlier tokens go with causal attention, one a sequence.", nameof(sums));
            before = Array.ConvertAll(sums, sum => sum.Page);
            after = new nint[sums.Length];
            for (int b = 0; b < after.Length; b++)
                if (sequences[b].KeyCount > 0) after[b] = sums[b].Advance(sequences[b].KeyCount);
        }

        fixed (AttentionSequence* s = sequences)
        fixed (nint* from = before, to = after)
        fixed (float* q = query, k = key, v = value, z = output, n = normalizer)
        {
            LinearAttentionWork work = new()
            {
                Options = new AttentionProblem(options) { Sequences = s, Query = q, Key = k, Value = v },
                Output = z,
                Normalizer = n,
                Before = (float**)from,
                After = (float**)to,
            };
            LaneParts.Run(work, sequences.Length * options.Heads);
        }
    }

    /// <summary>Gradients from those of the output; the rows of the sequences are overwritten.</summary>
    /// <exception cref="ArgumentException">A span is too short, or sequences and options do not fit.</exception>
    public static void Backward(
        ReadOnlySpan<float> query, ReadOnlySpan<float> key, ReadOnlySpan<float> value, AttentionOptions options, AttentionSequence[] sequences, ReadOnlySpan<float> output,
        ReadOnlySpan<float> normalizer, ReadOnlySpan<float> outputGradient, Span<float> queryGradient, Span<float> keyGradient, Span<float> valueGradient)
    {
        Check(query.Length, key.Length, value.Length, output.Length, normalizer.Length, options, sequences);
        Check(queryGradient.Length, keyGradient.Length, valueGradient.Length, outputGradient.Length, normalizer.Length, options, sequences);
        fixed (AttentionSequence* s = sequences)
        fixed (float* q = query, k = key, v = value, z = output, n = normalizer, dz = outputGradient, dq = queryGradient, dk = keyGradient, dv = valueGradient)
        {
            LinearAttentionWork work = new()
            {
                Options = new AttentionProblem(options) { Sequences = s, Query = q, Key = k, Value = v },
                Output = z,
                Normalizer = n,
                OutputGradient = dz,
                QueryGradient = dq,
                KeyGradient = dk,
                ValueGradient = dv,
            };
            LaneParts.Run(work, sequences.Length * options.Heads);
        }
    }

    /// <summary>The definition, pair by pair.</summary>
    public static void Scalar<T>(ReadOnlySpan<T> query, ReadOnlySpan<T> key, ReadOnlySpan<T> value, AttentionOptions o, AttentionSequence[] sequences, Span<T> output)
        where T : IFloatingPointIeee754<T>
    {
        int H = o.Heads, M = o.HeadWidth, V = o.ValueWidth;
        foreach (AttentionSequence s in sequences)
        {
            for (int h = 0; h < H; h++)
            {
                for (int i = 0; i < s.QueryCount; i++)
                {
                    Span<T> z = output.Slice((((s.QueryStart + i) * H) + h) * V, V);
                    z.Clear();
                    T sum = T.Zero;
                    int keys = o.Visible(s.QueryOffset + i, s.KeyCount).High;
                    for (int j = 0; j < keys; j++)
                    {
                        T weight = T.Zero;
                        for (int d = 0; d < M; d++) weight += query[((((s.QueryStart + i) * H) + h) * M) + d] * key[((((s.KeyStart + j) * H) + h) * M) + d];
                        sum += weight;
                        for (int d = 0; d < V; d++) z[d] += weight * value[((((s.KeyStart + j) * H) + h) * V) + d];
                    }

                    for (int d = 0; d < V && keys > 0; d++) z[d] /= sum + ScalarMath.Of<T>(Epsilon);
                }
            }
        }
    }

    /// <summary>The gradient of <see cref="Scalar"/>, pair by pair: with w = q'·k' and n = Σ w + ε, dw = dz·(v − z)/n and dv +=
    /// w·dz/n.</summary>
    public static void ScalarGradient<T>(
        ReadOnlySpan<T> query, ReadOnlySpan<T> key, ReadOnlySpan<T> value, AttentionOptions o, AttentionSequence[] sequences, ReadOnlySpan<T> outputGradient,
        Span<T> queryGradient, Span<T> keyGradient, Span<T> valueGradient)
        where T : IFloatingPointIeee754<T>
    {
        int H = o.Heads, M = o.HeadWidth, V = o.ValueWidth;
        queryGradient.Clear();
        keyGradient.Clear();
        valueGradient.Clear();
        T[] output = new T[outputGradient.Length];
        Scalar(query, key, value, o, sequences, output);
        foreach (AttentionSequence s in sequences)
        {
            T[] weights = new T[s.KeyCount];
            for (int h = 0; h < H; h++)
            {
                for (int i = 0; i < s.QueryCount; i++)
                {
                    int row = ((s.QueryStart + i) * H) + h, keys = o.Visible(s.QueryOffset + i, s.KeyCount).High;
                    ReadOnlySpan<T> q = query.Slice(row * M, M), z = output.AsSpan(row * V, V), dz = outputGradient.Slice(row * V, V);
                    T sum = ScalarMath.Of<T>(Epsilon);
                    for (int j = 0; j < keys; j++) sum += weights[j] = ReductionKernel.Scalar(q, key.Slice((((s.KeyStart + j) * H) + h) * M, M));
                    for (int j = 0; j < keys; j++)
                    {
                        int at = ((s.KeyStart + j) * H) + h;
                        T slope = T.Zero;
                        for (int d = 0; d < V; d++)
                        {
                            slope += dz[d] * (value[(at * V) + d] - z[d]);
                            valueGradient[(at * V) + d] += weights[j] * dz[d] / sum;
                        }

                        for (int d = 0; d < M; d++)
                        {
                            queryGradient[(row * M) + d] += slope / sum * key[(at * M) + d];
                            keyGradient[(at * M) + d] += slope / sum * q[d];
                        }
                    }
                }
            }
        }
    }

    private static void Check(int query, int key, int value, int output, int normalizer, AttentionOptions o, AttentionSequence[] sequences)
    {
        if (o.KeyHeads != o.Heads || o.Window > 0 || o.RelativeRange > 0 || o.Bias != DenseLayout.None || o.Mask != DenseLayout.None || o.Blocks is not null || o.Dropout > 0)
            throw new ArgumentException("Linear attention has heads of its own for keys and knows no window, bias, mask, block pattern or dropout.", nameof(o));
        (int queries, int keys) = AttentionChecks.Sequences(o, sequences);
        AttentionChecks.Rows(nameof(query), query, o.Heads * o.HeadWidth, queries, o.Heads * o.HeadWidth);
        AttentionChecks.Rows(nameof(key), key, o.Heads * o.HeadWidth, keys, o.Heads * o.HeadWidth);
        AttentionChecks.Rows(nameof(value), value, o.Heads * o.ValueWidth, keys, o.Heads * o.ValueWidth);
        AttentionChecks.Rows(nameof(output), output, o.Heads * o.ValueWidth, queries, o.Heads * o.ValueWidth);
        AttentionChecks.Rows(nameof(normalizer), normalizer, o.Heads, queries, o.Heads);
    }
}
