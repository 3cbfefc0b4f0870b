using System.Numerics.Tensors;
namespace Heed.Engine.Kernels;
/// <summary>Attention row by row: the plain form of the fused kernel.</summary>
internal static unsafe class AttentionKernel
{
    public static void Forward(ReadOnlySpan<float> q, int qs, KeyValuePages[] pages, ReadOnlySpan<float> rel, AttentionOptions o, AttentionSequence[] seqs, Span<float> z, Span<float> lse)
    {
        int K = o.HeadWidth, G = o.KeyHeads;
        for (int b = 0; b < seqs.Length; b++)
        {
            AttentionSequence s = seqs[b];
            float[] k = new float[s.KeyCount * G * K], v = new float[s.KeyCount * G * K];
            for (int j = 0; j < s.KeyCount; j++)
                for (int g = 0; g < G; g++)
                    for (int d = 0; d < K; d++)
                    {
                        float* page = (float*)pages[b].Pages[j / 64];
                        k[(((j * G) + g) * K) + d] = AttentionPages.Keys(page, g, K)[(d * 64) + (j % 64)];
                        v[(((j * G) + g) * K) + d] = AttentionPages.Values(page, G, g, K, K)[((j % 64) * AttentionProblem.Pad(K)) + d];
                    }
            float[] part = new float[s.QueryCount * o.Heads * K];
            Forward(new AttentionInputs<float> { Query = q[(s.QueryStart * qs)..], QueryStride = qs, Key = k, KeyStride = G * K, Value = v, ValueStride = G * K, RelativeBias = rel }, o, [s with { QueryStart = 0, KeyStart = 0 }], part, []);
            part.CopyTo(z[(s.QueryStart * o.Heads * K)..]);
        }
    }

    private static float Score(in AttentionInputs<float> x, AttentionOptions o, in AttentionSequence s, int h, int i, int j)
    {
        int g = h * o.KeyHeads / o.Heads, K = o.HeadWidth; int p = s.QueryOffset + i;
        var (lo, hi) = o.Visible(p, s.KeyCount); if (j < lo || j >= hi) return float.NegativeInfinity;
        float d = TensorPrimitives.Dot(x.Query.Slice((s.QueryStart + i) * x.QueryStride + h * K, K), x.Key.Slice((s.KeyStart + j) * x.KeyStride + g * K, K)) * o.Scale;
        if (o.RelativeRange > 0) d += x.RelativeBias[h * o.RelativeRange + j - p + o.RelativeOffset];
        return d;
    }
    public static void Forward(in AttentionInputs<float> x, AttentionOptions o, AttentionSequence[] seqs, Span<float> z, Span<float> lse)
    {
        int K = o.HeadWidth;
        z.Clear();
        foreach (var s in seqs) for (int h = 0; h < o.Heads; h++) for (int i = 0; i < s.QueryCount; i++)
        {
            float[] sc = new float[s.KeyCount]; float m = float.NegativeInfinity; double sum = 0;
            for (int j = 0; j < sc.Length; j++) { sc[j] = Score(x, o, s, h, i, j); m = Math.Max(m, sc[j]); }
            if (m == float.NegativeInfinity) continue;
            for (int j = 0; j < sc.Length; j++) { sc[j] = MathF.Exp(sc[j] - m); sum += sc[j]; }
            var row = z.Slice((s.QueryStart + i) * o.Heads * K + h * K, K); int g = h * o.KeyHeads / o.Heads;
            for (int j = 0; j < sc.Length; j++) { float p = (float)(sc[j] / sum); var v = x.Value.Slice((s.KeyStart + j) * x.ValueStride + g * K, K); for (int d = 0; d < K; d++) row[d] += p * v[d]; }
            if (lse.Length > 0) lse[(s.QueryStart + i) * o.Heads + h] = (float)(m + Math.Log(sum));
        }
    }
    public static void Backward(in AttentionInputs<float> x, AttentionOptions o, AttentionSequence[] seqs, ReadOnlySpan<float> z, ReadOnlySpan<float> lse, ReadOnlySpan<float> dz, in AttentionGradients<float> g)
    {
        int K = o.HeadWidth; g.RelativeBias.Clear();
        foreach (var s in seqs) { for (int i = 0; i < s.QueryCount; i++) g.Query.Slice((s.QueryStart + i) * g.QueryStride, o.Heads * K).Clear();
            for (int j = 0; j < s.KeyCount; j++) { g.Key.Slice((s.KeyStart + j) * g.KeyStride, o.KeyHeads * K).Clear(); g.Value.Slice((s.KeyStart + j) * g.ValueStride, o.KeyHeads * K).Clear(); } }
        foreach (var s in seqs) for (int h = 0; h < o.Heads; h++) for (int i = 0; i < s.QueryCount; i++)
        {
            int gh = h * o.KeyHeads / o.Heads; int at = (s.QueryStart + i) * o.Heads * K + h * K;
            float delta = TensorPrimitives.Dot(z.Slice(at, K), dz.Slice(at, K));
            for (int j = 0; j < s.KeyCount; j++)
            {
                float sc = Score(x, o, s, h, i, j); if (sc == float.NegativeInfinity) continue;
                float p = MathF.Exp(sc - lse[(s.QueryStart + i) * o.Heads + h]);
                float dp = TensorPrimitives.Dot(dz.Slice(at, K), x.Value.Slice((s.KeyStart + j) * x.ValueStride + gh * K, K));
                float ds = p * (dp - delta);
                for (int d = 0; d < K; d++)
                {
                    g.Query[(s.QueryStart + i) * g.QueryStride + h * K + d] += ds * o.Scale * x.Key[(s.KeyStart + j) * x.KeyStride + gh * K + d];
                    g.Key[(s.KeyStart + j) * g.KeyStride + gh * K + d] += ds * o.Scale * x.Query[(s.QueryStart + i) * x.QueryStride + h * K + d];
                    g.Value[(s.KeyStart + j) * g.ValueStride + gh * K + d] += p * dz[at + d];
                }
                if (g.RelativeBias.Length > 0) g.RelativeBias[h * o.RelativeRange + j - i - s.QueryOffset + o.RelativeOffset] += ds;
            }
        }
    }
}
