using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Heed.Engine.Kernels;

/// <summary>The micro-kernel of 512-bit vectors, 12 × 32: 24 of 32 registers hold C.</summary>
/// <remarks>The accumulators are named locals because arrays of them, or loops over them, live in memory.</remarks>
internal readonly unsafe partial struct MatMulTile512 : IMatMulTile
{
    public static int Rows => 12;

    public static int Columns => 32;

    public static bool IsAccelerated => Vector512.IsHardwareAccelerated;

    public static void Packed(int rows, float* a, float* b, float* c, nint cStride, nint K, bool load)
    {
        switch (rows)
        {
            case 1: Run<Count1, Yes>(a, 1, 1, b, 32, c, cStride, K, load); break;
            case 2: Run<Count2, Yes>(a, 1, 2, b, 32, c, cStride, K, load); break;
            case 3: Run<Count3, Yes>(a, 1, 3, b, 32, c, cStride, K, load); break;
            case 4: Run<Count4, Yes>(a, 1, 4, b, 32, c, cStride, K, load); break;
            case 5: Run<Count5, Yes>(a, 1, 5, b, 32, c, cStride, K, load); break;
            case 6: Run<Count6, Yes>(a, 1, 6, b, 32, c, cStride, K, load); break;
            case 7: Run<Count7, Yes>(a, 1, 7, b, 32, c, cStride, K, load); break;
            case 8: Run<Count8, Yes>(a, 1, 8, b, 32, c, cStride, K, load); break;
            case 9: Run<Count9, Yes>(a, 1, 9, b, 32, c, cStride, K, load); break;
            case 10: Run<Count10, Yes>(a, 1, 10, b, 32, c, cStride, K, load); break;
            case 11: Run<Count11, Yes>(a, 1, 11, b, 32, c, cStride, K, load); break;
            default: Run<Count12, Yes>(a, 1, 12, b, 32, c, cStride, K, load); break;
        }
    }

    public static void Direct(int rows, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cStride, nint K, bool load)
    {
        switch (rows)
        {
            case 1: Run<Count1, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 2: Run<Count2, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 3: Run<Count3, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 4: Run<Count4, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 5: Run<Count5, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 6: Run<Count6, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 7: Run<Count7, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 8: Run<Count8, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 9: Run<Count9, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 10: Run<Count10, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            case 11: Run<Count11, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
            default: Run<Count12, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TRows, TPacked>(float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cStride, nint K, bool load)
        where TRows : struct, ICount
        where TPacked : struct, IFlag
    {
        Vector512<float> x0 = Vector512<float>.Zero, y0 = Vector512<float>.Zero;
        Vector512<float> x1 = Vector512<float>.Zero, y1 = Vector512<float>.Zero;
        Vector512<float> x2 = Vector512<float>.Zero, y2 = Vector512<float>.Zero;
        Vector512<float> x3 = Vector512<float>.Zero, y3 = Vector512<float>.Zero;
        Vector512<float> x4 = Vector512<float>.Zero, y4 = Vector512<float>.Zero;
        Vector512<float> x5 = Vector512<float>.Zero, y5 = Vector512<float>.Zero;
        Vector512<float> x6 = Vector512<float>.Zero, y6 = Vector512<float>.Zero;
        Vector512<float> x7 = Vector512<float>.Zero, y7 = Vector512<float>.Zero;
        Vector512<float> x8 = Vector512<float>.Zero, y8 = Vector512<float>.Zero;
        Vector512<float> x9 = Vector512<float>.Zero, y9 = Vector512<float>.Zero;
        Vector512<float> x10 = Vector512<float>.Zero, y10 = Vector512<float>.Zero;
        Vector512<float> x11 = Vector512<float>.Zero, y11 = Vector512<float>.Zero;
        if (load)
        {
            x0 = Vector512.Load(c); y0 = Vector512.Load(c + 16);
            if (TRows.Value > 1) { x1 = Vector512.Load(c + (1 * cStride) + 0); y1 = Vector512.Load(c + (1 * cStride) + 16); }
            if (TRows.Value > 2) { x2 = Vector512.Load(c + (2 * cStride) + 0); y2 = Vector512.Load(c + (2 * cStride) + 16); }
            if (TRows.Value > 3) { x3 = Vector512.Load(c + (3 * cStride) + 0); y3 = Vector512.Load(c + (3 * cStride) + 16); }
            if (TRows.Value > 4) { x4 = Vector512.Load(c + (4 * cStride) + 0); y4 = Vector512.Load(c + (4 * cStride) + 16); }
            if (TRows.Value > 5) { x5 = Vector512.Load(c + (5 * cStride) + 0); y5 = Vector512.Load(c + (5 * cStride) + 16); }
            if (TRows.Value > 6) { x6 = Vector512.Load(c + (6 * cStride) + 0); y6 = Vector512.Load(c + (6 * cStride) + 16); }
            if (TRows.Value > 7) { x7 = Vector512.Load(c + (7 * cStride) + 0); y7 = Vector512.Load(c + (7 * cStride) + 16); }
            if (TRows.Value > 8) { x8 = Vector512.Load(c + (8 * cStride) + 0); y8 = Vector512.Load(c + (8 * cStride) + 16); }
            if (TRows.Value > 9) { x9 = Vector512.Load(c + (9 * cStride) + 0); y9 = Vector512.Load(c + (9 * cStride) + 16); }
            if (TRows.Value > 10) { x10 = Vector512.Load(c + (10 * cStride) + 0); y10 = Vector512.Load(c + (10 * cStride) + 16); }
            if (TRows.Value > 11) { x11 = Vector512.Load(c + (11 * cStride) + 0); y11 = Vector512.Load(c + (11 * cStride) + 16); }
        }

        if (TPacked.Value)
        {
            aRow = 1;
            aStep = TRows.Value;
            bStep = 32;
        }

        float* a0 = a;
        float* a3 = a + (3 * aRow);
        float* a6 = a + (6 * aRow);
        float* a9 = a + (9 * aRow);
        for (nint k = K; k > 0; k--)
        {
            Vector512<float> x = Vector512.Load(b);
            Vector512<float> y = Vector512.Load(b + 16);
            Vector512<float> e;
            e = Vector512.Create(TPacked.Value ? a[0] : a0[0]); x0 = Fma(e, x, x0); y0 = Fma(e, y, y0);
            if (TRows.Value > 1) { e = Vector512.Create(TPacked.Value ? a[1] : a0[aRow]); x1 = Fma(e, x, x1); y1 = Fma(e, y, y1); }
            if (TRows.Value > 2) { e = Vector512.Create(TPacked.Value ? a[2] : a0[2 * aRow]); x2 = Fma(e, x, x2); y2 = Fma(e, y, y2); }
            if (TRows.Value > 3) { e = Vector512.Create(TPacked.Value ? a[3] : a3[0]); x3 = Fma(e, x, x3); y3 = Fma(e, y, y3); }
            if (TRows.Value > 4) { e = Vector512.Create(TPacked.Value ? a[4] : a3[aRow]); x4 = Fma(e, x, x4); y4 = Fma(e, y, y4); }
            if (TRows.Value > 5) { e = Vector512.Create(TPacked.Value ? a[5] : a3[2 * aRow]); x5 = Fma(e, x, x5); y5 = Fma(e, y, y5); }
            if (TRows.Value > 6) { e = Vector512.Create(TPacked.Value ? a[6] : a6[0]); x6 = Fma(e, x, x6); y6 = Fma(e, y, y6); }
            if (TRows.Value > 7) { e = Vector512.Create(TPacked.Value ? a[7] : a6[aRow]); x7 = Fma(e, x, x7); y7 = Fma(e, y, y7); }
            if (TRows.Value > 8) { e = Vector512.Create(TPacked.Value ? a[8] : a6[2 * aRow]); x8 = Fma(e, x, x8); y8 = Fma(e, y, y8); }
            if (TRows.Value > 9) { e = Vector512.Create(TPacked.Value ? a[9] : a9[0]); x9 = Fma(e, x, x9); y9 = Fma(e, y, y9); }
            if (TRows.Value > 10) { e = Vector512.Create(TPacked.Value ? a[10] : a9[aRow]); x10 = Fma(e, x, x10); y10 = Fma(e, y, y10); }
            if (TRows.Value > 11) { e = Vector512.Create(TPacked.Value ? a[11] : a9[2 * aRow]); x11 = Fma(e, x, x11); y11 = Fma(e, y, y11); }
            if (TPacked.Value)
            {
                a += aStep;
            }
            else
            {
                a0 += aStep;
                if (TRows.Value > 3) a3 += aStep;
                if (TRows.Value > 6) a6 += aStep;
                if (TRows.Value > 9) a9 += aStep;
            }

            b += bStep;
        }

        x0.Store(c); y0.Store(c + 16);
        if (TRows.Value > 1) { x1.Store(c + (1 * cStride) + 0); y1.Store(c + (1 * cStride) + 16); }
        if (TRows.Value > 2) { x2.Store(c + (2 * cStride) + 0); y2.Store(c + (2 * cStride) + 16); }
        if (TRows.Value > 3) { x3.Store(c + (3 * cStride) + 0); y3.Store(c + (3 * cStride) + 16); }
        if (TRows.Value > 4) { x4.Store(c + (4 * cStride) + 0); y4.Store(c + (4 * cStride) + 16); }
        if (TRows.Value > 5) { x5.Store(c + (5 * cStride) + 0); y5.Store(c + (5 * cStride) + 16); }
        if (TRows.Value > 6) { x6.Store(c + (6 * cStride) + 0); y6.Store(c + (6 * cStride) + 16); }
        if (TRows.Value > 7) { x7.Store(c + (7 * cStride) + 0); y7.Store(c + (7 * cStride) + 16); }
        if (TRows.Value > 8) { x8.Store(c + (8 * cStride) + 0); y8.Store(c + (8 * cStride) + 16); }
        if (TRows.Value > 9) { x9.Store(c + (9 * cStride) + 0); y9.Store(c + (9 * cStride) + 16); }
        if (TRows.Value > 10) { x10.Store(c + (10 * cStride) + 0); y10.Store(c + (10 * cStride) + 16); }
        if (TRows.Value > 11) { x11.Store(c + (11 * cStride) + 0); y11.Store(c + (11 * cStride) + 16); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Fma(Vector512<float> x, Vector512<float> y, Vector512<float> z) => Vector512.FusedMultiplyAdd(x, y, z);
}
