using System.Numerics;

namespace Heed.Engine.Kernels;

internal static unsafe partial class AttentionKernel
{
    /// <summary>The definition, row by row: z and log Σ exp.</summary>
    public static void Scalar<T>(in AttentionInputs<T> x, AttentionOptions o, AttentionSequence[] sequences, Span<T> output, Span<T> logSumExp)
        where T : IFloatingPointIeee754<T>
    {
        foreach (AttentionSequence s in sequences)
        {
            T[] weights = new T[s.KeyCount];
            for (int h = 0; h < o.Heads; h++)
            {
                for (int i = 0; i < s.QueryCount; i++)
                {
                    long row = ((long)(s.QueryStart + i) * o.Heads) + h;
                    Span<T> z = output.Slice(checked((int)(row * o.ValueWidth)), o.ValueWidth);
                    z.Clear();
                    T lse = ScalarWeights(x, o, s, h, i, weights);
                    if (logSumExp.Length > 0) logSumExp[(int)row] = lse;
                    for (int j = 0; j < s.KeyCount; j++)
                    {
                        T p = weights[j] * ScalarKeep<T>(o, s, h, i, j);
                        if (p == T.Zero) continue;
                        ReadOnlySpan<T> v = ScalarRow(x.Value, x.ValueStride, s.KeyStart + j, h / (o.Heads / o.KeyHeads), o.ValueWidth);
                        for (int d = 0; d < v.Length; d++) z[d] += p * v[d];
                    }
                }
            }
        }
    }

    /// <summary>The gradient of <see cref="Scalar"/>, row by row.</summary>
    public static void ScalarGradient<T>(in AttentionInputs<T> x, AttentionOptions o, AttentionSequence[] sequences, ReadOnlySpan<T> outputGradient, in AttentionGradients<T> gradients)
        where T : IFloatingPointIeee754<T>
    {
        gradients.RelativeBias.Clear();
        gradients.Bias.Clear();
        T scale = ScalarMath.Of<T>(o.Scale);
        foreach (AttentionSequence s in sequences)
        {
            for (int i = 0; i < s.QueryCount; i++) gradients.Query.Slice((s.QueryStart + i) * gradients.QueryStride, o.Heads * o.HeadWidth).Clear();
            for (int j = 0; j < s.KeyCount; j++)
            {
                gradients.Key.Slice((s.KeyStart + j) * gradients.KeyStride, o.KeyHeads * o.HeadWidth).Clear();
                gradients.Value.Slice((s.KeyStart + j) * gradients.ValueStride, o.KeyHeads * o.ValueWidth).Clear();
            }

            T[] weights = new T[s.KeyCount], slopes = new T[s.KeyCount];
            for (int h = 0; h < o.Heads; h++)
            {
                int g = h / (o.Heads / o.KeyHeads);
                for (int i = 0; i < s.QueryCount; i++)
                {
                    ScalarWeights(x, o, s, h, i, weights);
                    ReadOnlySpan<T> dz = outputGradient.Slice((((s.QueryStart + i) * o.Heads) + h) * o.ValueWidth, o.ValueWidth);
                    ReadOnlySpan<T> q = ScalarRow(x.Query, x.QueryStride, s.QueryStart + i, h, o.HeadWidth);
                    T mean = T.Zero;
                    for (int j = 0; j < s.KeyCount; j++)
                    {
                        slopes[j] = T.Zero;
                        if (weights[j] == T.Zero) continue;
                        T keep = ScalarKeep<T>(o, s, h, i, j), used = weights[j] * keep, dot = T.Zero;
                        ReadOnlySpan<T> v = ScalarRow(x.Value, x.ValueStride, s.KeyStart + j, g, o.ValueWidth);
                        Span<T> dv = gradients.Value.Slice(((s.KeyStart + j) * gradients.ValueStride) + (g * o.ValueWidth), o.ValueWidth);
                        for (int d = 0; d < v.Length; d++)
                        {
                            dot += dz[d] * v[d];
                            if (used != T.Zero) dv[d] += used * dz[d];
                        }

                        slopes[j] = dot * keep;
                        mean += weights[j] * slopes[j];
                    }

                    Span<T> dq = gradients.Query.Slice(((s.QueryStart + i) * gradients.QueryStride) + (h * o.HeadWidth), o.HeadWidth);
                    for (int j = 0; j < s.KeyCount; j++)
                    {
                        if (weights[j] == T.Zero) continue;
                        T ds = weights[j] * (slopes[j] - mean);
                        ReadOnlySpan<T> k = ScalarRow(x.Key, x.KeyStride, s.KeyStart + j, g, o.HeadWidth);
                        Span<T> dk = gradients.Key.Slice(((s.KeyStart + j) * gradients.KeyStride) + (g * o.HeadWidth), o.HeadWidth);
                        for (int d = 0; d < k.Length; d++)
                        {
                            dq[d] += ds * scale * k[d];
                            dk[d] += ds * scale * q[d];
                        }

                        if (gradients.RelativeBias.Length > 0 && o.RelativeRange > 0) gradients.RelativeBias[(h * o.RelativeRange) + j - (s.QueryOffset + i) + o.RelativeOffset] += ds;
                        if (gradients.Bias.Length > 0) gradients.Bias[(int)(s.BiasStart + AttentionProblem.DenseRow(o.Bias, s, h, i)) + j] += ds;
                    }
                }
            }
        }
    }

    /// <summary>A row's weights before dropout, 0 where hidden; returns log Σ exp.</summary>
    private static T ScalarWeights<T>(in AttentionInputs<T> x, AttentionOptions o, in AttentionSequence s, int h, int i, Span<T> weights)
        where T : IFloatingPointIeee754<T>
    {
        int p = s.QueryOffset + i;
        (int low, int high) = o.Visible(p, s.KeyCount);
        ReadOnlySpan<T> q = ScalarRow(x.Query, x.QueryStride, s.QueryStart + i, h, o.HeadWidth);
        T most = T.NegativeInfinity, sum = T.Zero;
        for (int j = 0; j < s.KeyCount; j++)
        {
            weights[j] = T.NegativeInfinity;
            if (j < low || j >= high || (o.Blocks is { } blocks && !blocks.Sees(h, p, j))) continue;
            if (o.Mask != DenseLayout.None && !x.Mask[(int)(s.MaskStart + AttentionProblem.DenseRow(o.Mask, s, h, i)) + j]) continue;
            ReadOnlySpan<T> k = ScalarRow(x.Key, x.KeyStride, s.KeyStart + j, h / (o.Heads / o.KeyHeads), o.HeadWidth);
            T dot = T.Zero;
            for (int d = 0; d < k.Length; d++) dot += q[d] * k[d];
            dot *= ScalarMath.Of<T>(o.Scale);
            if (o.RelativeRange > 0) dot += x.RelativeBias[(h * o.RelativeRange) + j - p + o.RelativeOffset];
            if (o.Bias != DenseLayout.None) dot += x.Bias[(int)(s.BiasStart + AttentionProblem.DenseRow(o.Bias, s, h, i)) + j];
            weights[j] = dot;
            most = T.Max(most, dot);
        }

        if (T.IsNegativeInfinity(most))
        {
            weights.Clear();
            return most;
        }

        for (int j = 0; j < weights.Length; j++) sum += weights[j] = T.IsNegativeInfinity(weights[j]) ? T.Zero : T.Exp(weights[j] - most);
        for (int j = 0; j < weights.Length; j++)
            if (weights[j] != T.Zero) weights[j] /= sum;                    // what is hidden stays 0, even in a row that is NaN
        return most + T.Log(sum);
    }

    /// <summary>0 where dropout takes the weight of a head, row and key, else 1/(1 − p).</summary>
    public static T ScalarKeep<T>(AttentionOptions o, in AttentionSequence s, int h, int i, int j)
        where T : IFloatingPointIeee754<T>
    {
        if (o.Dropout == 0f) return T.One;
        return new CounterRandom(o.Seed, s.DropoutStream).Bits(DropIndex(h, i, j)) >= DropThreshold(o.Dropout) ? T.One / (T.One - ScalarMath.Of<T>(o.Dropout)) : T.Zero;
    }

    private static ReadOnlySpan<T> ScalarRow<T>(ReadOnlySpan<T> rows, int stride, int row, int head, int width) => rows.Slice((row * stride) + (head * width), width);
}
