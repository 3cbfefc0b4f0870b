using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Heed.Engine.Kernels;

/// <summary>The micro-kernel of 128-bit vectors, 6 × 8: 12 of 16 registers hold C; also what runs where nothing is accelerated.</summary>
/// <remarks>The accumulators are named locals because arrays of them, or loops over them, live in memory.</remarks>
internal readonly unsafe struct MatMulTile128 : IMatMulTile
{
    public static int Rows => 6;

    public static int Columns => 8;

    public static bool IsAccelerated => Vector128.IsHardwareAccelerated;

    public static void Packed(int rows, float* a, float* b, float* c, nint cStride, nint K, bool load)
    {
        switch (rows)
        {
            case 1: Run<Count1, Yes>(a, 1, 1, b, 8, c, cStride, K, load); break;
            case 2: Run<Count2, Yes>(a, 1, 2, b, 8, c, cStride, K, load); break;
            case 3: Run<Count3, Yes>(a, 1, 3, b, 8, c, cStride, K, load); break;
            case 4: Run<Count4, Yes>(a, 1, 4, b, 8, c, cStride, K, load); break;
            case 5: Run<Count5, Yes>(a, 1, 5, b, 8, c, cStride, K, load); break;
            default: Run<Count6, Yes>(a, 1, 6, b, 8, c, cStride, K, load); break;
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
            default: Run<Count6, No>(a, aRow, aStep, b, bStep, c, cStride, K, load); break;
        }
    }

    public static int StreamPanels(int rows, WeightFormat format) => 0;

    public static void Stream(int rows, WeightFormat format, float* a, nint aRow, byte* b, nint panelBytes, float* c, nint cStride, nint K, bool load) =>
        throw new NotSupportedException("Tiles of 128-bit vectors have no streams.");

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TRows, TPacked>(float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cStride, nint K, bool load)
        where TRows : struct, ICount
        where TPacked : struct, IFlag
    {
        Vector128<float> x0 = Vector128<float>.Zero, y0 = Vector128<float>.Zero;
        Vector128<float> x1 = Vector128<float>.Zero, y1 = Vector128<float>.Zero;
        Vector128<float> x2 = Vector128<float>.Zero, y2 = Vector128<float>.Zero;
        Vector128<float> x3 = Vector128<float>.Zero, y3 = Vector128<float>.Zero;
        Vector128<float> x4 = Vector128<float>.Zero, y4 = Vector128<float>.Zero;
        Vector128<float> x5 = Vector128<float>.Zero, y5 = Vector128<float>.Zero;
        if (load)
        {
            x0 = Vector128.Load(c); y0 = Vector128.Load(c + 4);
            if (TRows.Value > 1) { x1 = Vector128.Load(c + (1 * cStride) + 0); y1 = Vector128.Load(c + (1 * cStride) + 4); }
            if (TRows.Value > 2) { x2 = Vector128.Load(c + (2 * cStride) + 0); y2 = Vector128.Load(c + (2 * cStride) + 4); }
            if (TRows.Value > 3) { x3 = Vector128.Load(c + (3 * cStride) + 0); y3 = Vector128.Load(c + (3 * cStride) + 4); }
            if (TRows.Value > 4) { x4 = Vector128.Load(c + (4 * cStride) + 0); y4 = Vector128.Load(c + (4 * cStride) + 4); }
            if (TRows.Value > 5) { x5 = Vector128.Load(c + (5 * cStride) + 0); y5 = Vector128.Load(c + (5 * cStride) + 4); }
        }

        if (TPacked.Value)
        {
            aRow = 1;
            aStep = TRows.Value;
            bStep = 8;
        }

        float* a0 = a;
        float* a3 = a + (3 * aRow);
        for (nint k = K; k > 0; k--)
        {
            Vector128<float> x = Vector128.Load(b);
            Vector128<float> y = Vector128.Load(b + 4);
            Vector128<float> e;
            e = Vector128.Create(TPacked.Value ? a[0] : a0[0]); x0 = Fma(e, x, x0); y0 = Fma(e, y, y0);
            if (TRows.Value > 1) { e = Vector128.Create(TPacked.Value ? a[1] : a0[aRow]); x1 = Fma(e, x, x1); y1 = Fma(e, y, y1); }
            if (TRows.Value > 2) { e = Vector128.Create(TPacked.Value ? a[2] : a0[2 * aRow]); x2 = Fma(e, x, x2); y2 = Fma(e, y, y2); }
            if (TRows.Value > 3) { e = Vector128.Create(TPacked.Value ? a[3] : a3[0]); x3 = Fma(e, x, x3); y3 = Fma(e, y, y3); }
            if (TRows.Value > 4) { e = Vector128.Create(TPacked.Value ? a[4] : a3[aRow]); x4 = Fma(e, x, x4); y4 = Fma(e, y, y4); }
            if (TRows.Value > 5) { e = Vector128.Create(TPacked.Value ? a[5] : a3[2 * aRow]); x5 = Fma(e, x, x5); y5 = Fma(e, y, y5); }
            if (TPacked.Value)
            {
                a += aStep;
            }
            else
            {
                a0 += aStep;
                if (TRows.Value > 3) a3 += aStep;
            }

            b += bStep;
        }

        x0.Store(c); y0.Store(c + 4);
        if (TRows.Value > 1) { x1.Store(c + (1 * cStride) + 0); y1.Store(c + (1 * cStride) + 4); }
        if (TRows.Value > 2) { x2.Store(c + (2 * cStride) + 0); y2.Store(c + (2 * cStride) + 4); }
        if (TRows.Value > 3) { x3.Store(c + (3 * cStride) + 0); y3.Store(c + (3 * cStride) + 4); }
        if (TRows.Value > 4) { x4.Store(c + (4 * cStride) + 0); y4.Store(c + (4 * cStride) + 4); }
        if (TRows.Value > 5) { x5.Store(c + (5 * cStride) + 0); y5.Store(c + (5 * cStride) + 4); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Fma(Vector128<float> x, Vector128<float> y, Vector128<float> z) =>
        System.Runtime.Intrinsics.X86.Fma.IsSupported || AdvSimd.IsSupported ? Vector128.FusedMultiplyAdd(x, y, z) : (x * y) + z;
}
