using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Heed.Engine.Kernels;

/// <summary>One row against panels of blocks: two panels are read side by side and unpacked in registers.</summary>
internal readonly unsafe partial struct MatMulTile512
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
        Vector512<float> x0 = Vector512<float>.Zero, x1 = x0, x2 = x0, x3 = x0, m0 = x0, m1 = x0, m2 = x0, m3 = x0;
        if (load) { x0 = Vector512.Load(c); x1 = Vector512.Load(c + 16); x2 = Vector512.Load(c + 32); x3 = Vector512.Load(c + 48); }
        byte* b1 = b + panelBytes;
        for (nint k = 0; k < K; k += TBlock.Length)
        {
            Vector512<float> d0 = TBlock.Factor512(b, Columns, 0), d1 = TBlock.Factor512(b, Columns, 16);
            Vector512<float> d2 = TBlock.Factor512(b1, Columns, 0), d3 = TBlock.Factor512(b1, Columns, 16);
            Vector512<float> e0 = TBlock.Least512(b, Columns, 0), e1 = TBlock.Least512(b, Columns, 16);
            Vector512<float> e2 = TBlock.Least512(b1, Columns, 0), e3 = TBlock.Least512(b1, Columns, 16);
            int groups = (int)Math.Min(TBlock.Length, K - k) / TBlock.Group;
            for (int group = 0; group < groups; group++)
            {
                Vector512<float> s0 = TBlock.Scale512(d0, b, Columns, 0, group), s1 = TBlock.Scale512(d1, b, Columns, 16, group);
                Vector512<float> s2 = TBlock.Scale512(d2, b1, Columns, 0, group), s3 = TBlock.Scale512(d3, b1, Columns, 16, group);
                if (TBlock.HasMinimum)
                {
                    m0 = TBlock.Minimum512(e0, b, Columns, 0, group); m1 = TBlock.Minimum512(e1, b, Columns, 16, group);
                    m2 = TBlock.Minimum512(e2, b1, Columns, 0, group); m3 = TBlock.Minimum512(e3, b1, Columns, 16, group);
                }

                int end = (group + 1) * TBlock.Group;
                for (int i = group * TBlock.Group; i < end; i += TBlock.Step, a += TBlock.Step)
                {
                    x0 = TBlock.Add512(x0, b, Columns, 0, i, s0, m0, a);
                    x1 = TBlock.Add512(x1, b, Columns, 16, i, s1, m1, a);
                    x2 = TBlock.Add512(x2, b1, Columns, 0, i, s2, m2, a);
                    x3 = TBlock.Add512(x3, b1, Columns, 16, i, s3, m3, a);
                }
            }

            b += TBlock.Bytes * Columns;
            b1 += TBlock.Bytes * Columns;
        }

        x0.Store(c); x1.Store(c + 16); x2.Store(c + 32); x3.Store(c + 48);
    }
}
