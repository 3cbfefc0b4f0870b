using Heed.Engine.Kernels;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class AttentionGoldenTests
{
    // [B, H, T, K] → [B·T, H·K].
    private static float[] Rows(float[] x, int batch, int heads, int length, int width, bool back = false)
    {
        float[] y = new float[x.Length];
        for (int b = 0; b < batch; b++)
            for (int h = 0; h < heads; h++)
                for (int t = 0; t < length; t++)
                {
                    int split = (((((b * heads) + h) * length) + t) * width), row = ((((b * length) + t) * heads) + h) * width;
                    Array.Copy(x, back ? row : split, y, back ? split : row, width);
                }

        return y;
    }

    [Fact]
    public void Reference_values_are_reproduced()
    {
        using ModuleGolden golden = new("attention");
        int count = 0;
        foreach (string name in golden.Cases.Where(c => c.StartsWith("sdpa.", StringComparison.Ordinal)))
        {
            long[] qs = golden.Shape(name + "/q"), ks = golden.Shape(name + "/k"), vs = golden.Shape(name + "/v");
            int B = (int)qs[0], H = (int)qs[1], T = (int)qs[2], K = (int)qs[3], G = (int)ks[1], S = (int)ks[2], V = (int)vs[3];
            AttentionOptions options = new() { Heads = H, KeyHeads = G, HeadWidth = K, ValueWidth = V, Scale = 1f / MathF.Sqrt(K), Causal = name.EndsWith("causal", StringComparison.Ordinal) };
            bool[] mask = [];
            float[] bias = [];
            int sharing = 1, entries = 0;           // mask entries of a sequence; sequences a mask serves
            if (golden.Has(name + "/mask"))
            {
                long[] shape = golden.Shape(name + "/mask");
                long[] full = [.. Enumerable.Repeat(1L, 4 - shape.Length), .. shape];
                bool perHead = full[1] == H && H > 1, perKey = full[2] == 1 && T > 1;
                sharing = full[0] == 1 ? B : 1;
                DenseLayout layout = perHead ? DenseLayout.PerHead : perKey ? DenseLayout.Keys : DenseLayout.Shared;
                if (name.EndsWith("bias", StringComparison.Ordinal))
                {
                    bias = golden[name + "/mask"];
                    options = options with { Bias = layout };
                }
                else
                {
                    mask = golden.Booleans(name + "/mask");
                    options = options with { Mask = layout };
                }

                entries = (int)(full[1] * full[2] * full[3]);
            }

            AttentionSequence[] sequences = [.. Enumerable.Range(0, B).Select(b => new AttentionSequence(b * T, T, b * S, S) { BiasStart = sharing > 1 ? 0 : b * entries, MaskStart = sharing > 1 ? 0 : b * entries })];
            AttentionInputs<float> inputs = new()
            {
                Query = Rows(golden[name + "/q"], B, H, T, K),
                QueryStride = H * K,
                Key = Rows(golden[name + "/k"], B, G, S, K),
                KeyStride = G * K,
                Value = Rows(golden[name + "/v"], B, G, S, V),
                ValueStride = G * V,
                Bias = bias,
                Mask = mask,
            };
            float[] z = new float[B * T * H * V], lse = new float[B * T * H];
            AttentionKernel.Forward(inputs, options, sequences, z, lse);
            golden.Forward(name + "/output", Rows(z, B, H, T, V, back: true));

            float[] dy = golden[name + "/grad_output"], dq = new float[B * T * H * K], dk = new float[B * S * G * K], dv = new float[B * S * G * V];
            AttentionKernel.Backward(inputs, options, sequences, z, lse, Rows(dy, B, H, T, V), new AttentionGradients<float>
            {
                Query = dq,
                QueryStride = H * K,
                Key = dk,
                KeyStride = G * K,
                Value = dv,
                ValueStride = G * V,
            });
            golden.Gradient(name + "/grad.q", Rows(dq, B, H, T, K, back: true), dy);
            golden.Gradient(name + "/grad.k", Rows(dk, B, G, S, K, back: true), dy);
            golden.Gradient(name + "/grad.v", Rows(dv, B, G, S, V, back: true), dy);
            count++;
        }

        Assert.Equal(17, count);
    }
}
