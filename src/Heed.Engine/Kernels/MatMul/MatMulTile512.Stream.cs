using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>Few rows against packed weights: the work is reading the weights, so several panels are read side by side, each a stream of its
/// own.</summary>
internal readonly unsafe partial struct MatMulTile512
{
    // Lines of a stream that are asked for ahead of their use.
    private const int Ahead = 2048;

    public static int StreamPanels(int rows, WeightFormat format) => format is BlockFormat ? (rows == 1 ? 2 : 0) : rows switch { 1 => 4, 2 or 3 => 2, <= 6 => 1, _ => 0 };

    public static void Stream(int rows, WeightFormat format, float* a, nint aRow, byte* b, nint panelBytes, float* c, nint cStride, nint K, bool load)
    {
        if (format == WeightFormat.Float32) Stream<Float32Load>(rows, a, aRow, b, panelBytes, c, cStride, K, load);
        else if (format == WeightFormat.BFloat16) Stream<BFloat16Load>(rows, a, aRow, b, panelBytes, c, cStride, K, load);
        else if (format is BlockFormat) Blocks(format, a, b, panelBytes, c, K, load);
        else Stream<Float16Load>(rows, a, aRow, b, panelBytes, c, cStride, K, load);
    }

    private static void Stream<TFormat>(int rows, float* a, nint aRow, byte* b, nint panelBytes, float* c, nint cStride, nint K, bool load)
        where TFormat : struct, IWeightLoad
    {
        switch (rows)
        {
            case 1: Stream<Count1, Count4, TFormat>(a, aRow, b, panelBytes, c, cStride, K, load); break;
            case 2: Stream<Count2, Count2, TFormat>(a, aRow, b, panelBytes, c, cStride, K, load); break;
            case 3: Stream<Count3, Count2, TFormat>(a, aRow, b, panelBytes, c, cStride, K, load); break;
            case 4: Stream<Count4, Count1, TFormat>(a, aRow, b, panelBytes, c, cStride, K, load); break;
            case 5: Stream<Count5, Count1, TFormat>(a, aRow, b, panelBytes, c, cStride, K, load); break;
            default: Stream<Count6, Count1, TFormat>(a, aRow, b, panelBytes, c, cStride, K, load); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Stream<TRows, TPanels, TFormat>(float* a, nint aRow, byte* b, nint panelBytes, float* c, nint cStride, nint K, bool load)
        where TRows : struct, ICount
        where TPanels : struct, ICount
        where TFormat : struct, IWeightLoad
    {
        Vector512<float> x00 = Vector512<float>.Zero, y00 = Vector512<float>.Zero;
        Vector512<float> x01 = Vector512<float>.Zero, y01 = Vector512<float>.Zero;
        Vector512<float> x02 = Vector512<float>.Zero, y02 = Vector512<float>.Zero;
        Vector512<float> x03 = Vector512<float>.Zero, y03 = Vector512<float>.Zero;
        Vector512<float> x10 = Vector512<float>.Zero, y10 = Vector512<float>.Zero;
        Vector512<float> x11 = Vector512<float>.Zero, y11 = Vector512<float>.Zero;
        Vector512<float> x20 = Vector512<float>.Zero, y20 = Vector512<float>.Zero;
        Vector512<float> x21 = Vector512<float>.Zero, y21 = Vector512<float>.Zero;
        Vector512<float> x30 = Vector512<float>.Zero, y30 = Vector512<float>.Zero;
        Vector512<float> x40 = Vector512<float>.Zero, y40 = Vector512<float>.Zero;
        Vector512<float> x50 = Vector512<float>.Zero, y50 = Vector512<float>.Zero;
        if (load)
        {
            x00 = Vector512.Load(c); y00 = Vector512.Load(c + 16);
            if (TPanels.Value > 1) { x01 = Vector512.Load(c + 32); y01 = Vector512.Load(c + 48); }
            if (TPanels.Value > 2) { x02 = Vector512.Load(c + 64); y02 = Vector512.Load(c + 80); }
            if (TPanels.Value > 3) { x03 = Vector512.Load(c + 96); y03 = Vector512.Load(c + 112); }
            if (TRows.Value > 1) { x10 = Vector512.Load(c + cStride); y10 = Vector512.Load(c + cStride + 16); }
            if (TRows.Value > 1 && TPanels.Value > 1) { x11 = Vector512.Load(c + cStride + 32); y11 = Vector512.Load(c + cStride + 48); }
            if (TRows.Value > 2) { x20 = Vector512.Load(c + (2 * cStride)); y20 = Vector512.Load(c + (2 * cStride) + 16); }
            if (TRows.Value > 2 && TPanels.Value > 1) { x21 = Vector512.Load(c + (2 * cStride) + 32); y21 = Vector512.Load(c + (2 * cStride) + 48); }
            if (TRows.Value > 3) { x30 = Vector512.Load(c + (3 * cStride)); y30 = Vector512.Load(c + (3 * cStride) + 16); }
            if (TRows.Value > 4) { x40 = Vector512.Load(c + (4 * cStride)); y40 = Vector512.Load(c + (4 * cStride) + 16); }
            if (TRows.Value > 5) { x50 = Vector512.Load(c + (5 * cStride)); y50 = Vector512.Load(c + (5 * cStride) + 16); }
        }

        float* a3 = a + (3 * aRow);
        byte* b2 = b + (2 * panelBytes);
        for (nint k = K; k > 0; k--)
        {
            Vector512<float> e0 = Vector512.Create(a[0]);
            Vector512<float> e1 = TRows.Value > 1 ? Vector512.Create(a[aRow]) : default;
            Vector512<float> e2 = TRows.Value > 2 ? Vector512.Create(a[2 * aRow]) : default;
            Vector512<float> e3 = TRows.Value > 3 ? Vector512.Create(a3[0]) : default;
            Vector512<float> e4 = TRows.Value > 4 ? Vector512.Create(a3[aRow]) : default;
            Vector512<float> e5 = TRows.Value > 5 ? Vector512.Create(a3[2 * aRow]) : default;
            {
                byte* at = b;
                if (Sse.IsSupported) Sse.Prefetch0(at + Ahead);
                if (Sse.IsSupported && TFormat.Size == 4) Sse.Prefetch0(at + Ahead + 64);
                Vector512<float> x = TFormat.Load512(at), y = TFormat.Load512(at + (16 * TFormat.Size));
                x00 = Fma(e0, x, x00); y00 = Fma(e0, y, y00);
                if (TRows.Value > 1) { x10 = Fma(e1, x, x10); y10 = Fma(e1, y, y10); }
                if (TRows.Value > 2) { x20 = Fma(e2, x, x20); y20 = Fma(e2, y, y20); }
                if (TRows.Value > 3) { x30 = Fma(e3, x, x30); y30 = Fma(e3, y, y30); }
                if (TRows.Value > 4) { x40 = Fma(e4, x, x40); y40 = Fma(e4, y, y40); }
                if (TRows.Value > 5) { x50 = Fma(e5, x, x50); y50 = Fma(e5, y, y50); }
            }

            if (TPanels.Value > 1)
            {
                byte* at = b + panelBytes;
                if (Sse.IsSupported) Sse.Prefetch0(at + Ahead);
                if (Sse.IsSupported && TFormat.Size == 4) Sse.Prefetch0(at + Ahead + 64);
                Vector512<float> x = TFormat.Load512(at), y = TFormat.Load512(at + (16 * TFormat.Size));
                x01 = Fma(e0, x, x01); y01 = Fma(e0, y, y01);
                if (TRows.Value > 1) { x11 = Fma(e1, x, x11); y11 = Fma(e1, y, y11); }
                if (TRows.Value > 2) { x21 = Fma(e2, x, x21); y21 = Fma(e2, y, y21); }
            }

            if (TPanels.Value > 2)
            {
                byte* at = b2;
                if (Sse.IsSupported) Sse.Prefetch0(at + Ahead);
                if (Sse.IsSupported && TFormat.Size == 4) Sse.Prefetch0(at + Ahead + 64);
                Vector512<float> x = TFormat.Load512(at), y = TFormat.Load512(at + (16 * TFormat.Size));
                x02 = Fma(e0, x, x02); y02 = Fma(e0, y, y02);
            }

            if (TPanels.Value > 3)
            {
                byte* at = b2 + panelBytes;
                if (Sse.IsSupported) Sse.Prefetch0(at + Ahead);
                if (Sse.IsSupported && TFormat.Size == 4) Sse.Prefetch0(at + Ahead + 64);
                Vector512<float> x = TFormat.Load512(at), y = TFormat.Load512(at + (16 * TFormat.Size));
                x03 = Fma(e0, x, x03); y03 = Fma(e0, y, y03);
            }

            a++;
            if (TRows.Value > 3) a3++;
            b += 32 * TFormat.Size;
            if (TPanels.Value > 2) b2 += 32 * TFormat.Size;
        }

        x00.Store(c); y00.Store(c + 16);
        if (TPanels.Value > 1) { x01.Store(c + 32); y01.Store(c + 48); }
        if (TPanels.Value > 2) { x02.Store(c + 64); y02.Store(c + 80); }
        if (TPanels.Value > 3) { x03.Store(c + 96); y03.Store(c + 112); }
        if (TRows.Value > 1) { x10.Store(c + cStride); y10.Store(c + cStride + 16); }
        if (TRows.Value > 1 && TPanels.Value > 1) { x11.Store(c + cStride + 32); y11.Store(c + cStride + 48); }
        if (TRows.Value > 2) { x20.Store(c + (2 * cStride)); y20.Store(c + (2 * cStride) + 16); }
        if (TRows.Value > 2 && TPanels.Value > 1) { x21.Store(c + (2 * cStride) + 32); y21.Store(c + (2 * cStride) + 48); }
        if (TRows.Value > 3) { x30.Store(c + (3 * cStride)); y30.Store(c + (3 * cStride) + 16); }
        if (TRows.Value > 4) { x40.Store(c + (4 * cStride)); y40.Store(c + (4 * cStride) + 16); }
        if (TRows.Value > 5) { x50.Store(c + (5 * cStride)); y50.Store(c + (5 * cStride) + 16); }
    }
}
