using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Heed.Engine.Kernels;

/// <summary>One row against panels of blocks: two panels are read side by side and unpacked in registers.</summary>
internal readonly unsafe partial struct MatMulTile256
{
    private static void Blocks(WeightFormat format, float* a, byte* b, nint panelBytes, float* c, nint K, bool load)
    {
        if (format == WeightFormat.Q8_0) Blocks<Q8Load>(a, b, panelBytes, c, K, load);
        else if (format == WeightFormat.Q4_0) Blocks<Q4Load>(a, b, panelBytes, c, K, load);
        else if (format == WeightFormat.Q4_K) Blocks<Q4KLoad>(a, b, panelBytes, c, K, load);
        else Blocks<Q6KLoad>(a, b, panelBytes, c, K, load);
    }

    // K is whole groups.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Blocks<TBlock>(float* a, byte* b, nint panelBytes, float* c, nint K, bool load)
        where TBlock : struct, IBlockLoad
    {
        Vector256<float> x0 = Vector256<float>.Zero, x1 = x0, x2 = x0, x3 = x0, m0 = x0, m1 = x0, m2 = x0, m3 = x0;
        if (load) { x0 = Vector256.Load(c); x1 = Vector256.Load(c + 8); x2 = Vector256.Load(c + 16); x3 = Vector256.Load(c + 24); }
        byte* b1 = b + panelBytes;
        for (nint k = 0; k < K; k += TBlock.Length)
        {
            Vector256<float> d0 = TBlock.Factor256(b, Columns, 0), d1 = TBlock.Factor256(b, Columns, 8);
            Vector256<float> d2 = TBlock.Factor256(b1, Columns, 0), d3 = TBlock.Factor256(b1, Columns, 8);
            Vector256<float> e0 = TBlock.Least256(b, Columns, 0), e1 = TBlock.Least256(b, Columns, 8);
            Vector256<float> e2 = TBlock.Least256(b1, Columns, 0), e3 = TBlock.Least256(b1, Columns, 8);
            int groups = (int)Math.Min(TBlock.Length, K - k) / TBlock.Group;
            for (int group = 0; group < groups; group++)
            {
                Vector256<float> s0 = TBlock.Scale256(d0, b, Columns, 0, group), s1 = TBlock.Scale256(d1, b, Columns, 8, group);
                Vector256<float> s2 = TBlock.Scale256(d2, b1, Columns, 0, group), s3 = TBlock.Scale256(d3, b1, Columns, 8, group);
                if (TBlock.HasMinimum)
                {
                    m0 = TBlock.Minimum256(e0, b, Columns, 0, group); m1 = TBlock.Minimum256(e1, b, Columns, 8, group);
                    m2 = TBlock.Minimum256(e2, b1, Columns, 0, group); m3 = TBlock.Minimum256(e3, b1, Columns, 8, group);
                }

                int end = (group + 1) * TBlock.Group;
                for (int i = group * TBlock.Group; i < end; i += TBlock.Step, a += TBlock.Step)
                {
                    x0 = TBlock.Add256(x0, b, Columns, 0, i, s0, m0, a);
                    x1 = TBlock.Add256(x1, b, Columns, 8, i, s1, m1, a);
                    x2 = TBlock.Add256(x2, b1, Columns, 0, i, s2, m2, a);
                    x3 = TBlock.Add256(x3, b1, Columns, 8, i, s3, m3, a);
                }
            }

            b += TBlock.Bytes * Columns;
            b1 += TBlock.Bytes * Columns;
        }

        x0.Store(c); x1.Store(c + 8); x2.Store(c + 16); x3.Store(c + 24);
    }
}
