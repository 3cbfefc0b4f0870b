using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>Where B's values lie.</summary>
internal enum MatMulSource
{
    /// <summary>b[k·stride + n].</summary>
    Rows,

    /// <summary>b[n·stride + k].</summary>
    Columns,

    /// <summary>Panels of float32 that hold all of K: read in place.</summary>
    Panels,

    /// <summary>Panels in another <see cref="WeightFormat"/>: widened a block of K at a time.</summary>
    NarrowPanels,
}

/// <summary>One product's operands, pinned.</summary>
internal unsafe struct MatMulOperands
{
    public float* A;
    public nint ARow;
    public nint AStep;
    public void* B;
    public nint BStride;
    public MatMulSource Source;
    public WeightFormat? Format;
    public float* C;
    public nint CStride;
    public int M;
    public int N;
    public int K;
    public bool Accumulate;
    public PinnedEpilogue Epilogue;

    /// <summary>Whether B lies in panels already.</summary>
    public readonly bool IsPacked => Source >= MatMulSource.Panels;

    /// <summary>Bytes from one panel of packed B to the next.</summary>
    public readonly nint PanelBytes<TTile>()
        where TTile : struct, IMatMulTile => (nint)Format!.RowBytes(K) * TTile.Columns;

    /// <summary>The block [k0, k0 + kc) of panel <paramref name="panel"/> as [kc][Columns] floats: in place where it lies so, else written
    /// to <paramref name="scratch"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly float* Panel<TTile>(int panel, int k0, int kc, float* scratch)
        where TTile : struct, IMatMulTile
    {
        if (Source != MatMulSource.Panels) return Written<TTile>(panel, k0, kc, scratch);
        return (float*)B + (((panel * (nint)K) + k0) * TTile.Columns);
    }

    private readonly float* Written<TTile>(int panel, int k0, int kc, float* scratch)
        where TTile : struct, IMatMulTile
    {
        int column = panel * TTile.Columns;
        int count = Math.Min(TTile.Columns, N - column);
        switch (Source)
        {
            case MatMulSource.Rows: MatMulPacking.Straight((float*)B + (k0 * BStride) + column, BStride, count, kc, scratch, TTile.Columns); break;
            case MatMulSource.Columns: MatMulPacking.Transposing((float*)B + (column * BStride) + k0, BStride, count, kc, scratch, TTile.Columns); break;
            default: Format!.ReadPanel((byte*)B + (panel * PanelBytes<TTile>()), TTile.Columns, k0, kc, scratch); break;
        }

        return scratch;
    }
}
