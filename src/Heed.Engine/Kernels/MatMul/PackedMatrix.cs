using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>A weight W: [N, K] in the order in which products read it, y = x·Wᵀ: panels of as many outputs as a register tile is wide, each [K][lane].</summary>
/// <remarks>
/// It owns native memory, aligned to cache lines. Results have the bits of the unpacked product of the same values, for every number of rows.
/// Concurrent products and reads are safe; filling is not. Disposing beside them is: the last of them frees the memory, and later ones
/// are refused.
/// </remarks>
public sealed unsafe partial class PackedMatrix : IDisposable
{
    private readonly int _lane;
    private readonly nint _panelBytes;
    private readonly MemoryBudget _budget;
    private byte* _memory;
    private UseCount _uses;

    /// <summary>Memory for a weight whose values follow by <see cref="SetRows"/> or <see cref="SetColumns"/>; until then they are undefined.</summary>
    /// <param name="outputs">N ≥ 1.</param>
    /// <param name="inputs">K ≥ 1.</param>
    /// <param name="format">How values are stored.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or the format is not one.</exception>
    /// <exception cref="BudgetException">The context's memory is used up, or the memory could not be allocated.</exception>
    public PackedMatrix(int outputs, int inputs, WeightFormat format = WeightFormat.Float32)
        : this(outputs, inputs, format, Vector512.IsHardwareAccelerated ? MatMulTile512.Columns : Vector256.IsHardwareAccelerated ? MatMulTile256.Columns : MatMulTile128.Columns)
    {
    }

    /// <summary>The same with a chosen width of panels, which chooses the micro-kernel.</summary>
    internal PackedMatrix(int outputs, int inputs, WeightFormat format, int lane)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        Outputs = outputs;
        Inputs = inputs;
        Format = format;
        _lane = lane;
        int panels = (int)(((long)outputs + lane - 1) / lane);
        long panelBytes = (long)inputs * lane * WeightFormats.Size(format);
        UInt128 bytes = (UInt128)panelBytes * (uint)panels;
        if (bytes > long.MaxValue) throw new BudgetException($"A weight of {outputs} × {inputs} values cannot be held in memory.");
        _panelBytes = (nint)panelBytes;
        Bytes = (long)bytes;
        _budget = ComputeContext.Current.Memory;
        _budget.Reserve(MemoryOwner.Weights, Bytes, $"a weight of {outputs} × {inputs} values");
        try
        {
            _memory = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes, 4096);
        }
        catch (OutOfMemoryException)
        {
            _budget.Release(MemoryOwner.Weights, Bytes);
            throw new BudgetException($"A weight of {outputs} × {inputs} values needs {Bytes} bytes, which this computer does not have free; use a smaller model or a 16-bit format.");
        }

        if (outputs % lane != 0) NativeMemory.Clear(_memory + ((panels - 1) * _panelBytes), (nuint)_panelBytes);
    }

    /// <summary>Frees the memory of a weight that was not disposed.</summary>
    ~PackedMatrix()
    {
        if (_memory != null && _uses.Close()) Free();
    }

    /// <summary>N: rows of W, columns of the result.</summary>
    public int Outputs { get; }

    /// <summary>K: columns of W, length of the reduction.</summary>
    public int Inputs { get; }

    /// <summary>How values are stored.</summary>
    public WeightFormat Format { get; }

    /// <summary>Bytes of native memory.</summary>
    public long Bytes { get; }

    /// <summary>Packs a weight in float32.</summary>
    /// <param name="weight">[N, K], or [K, N] where <paramref name="transposed"/>.</param>
    /// <param name="outputs">N.</param>
    /// <param name="inputs">K.</param>
    /// <param name="format">How values are stored; narrowing rounds to nearest even.</param>
    /// <param name="transposed">The weight lies input by input (GPT-2's Conv1D).</param>
    /// <exception cref="ArgumentException">The span has not N·K elements.</exception>
    public static PackedMatrix Pack(ReadOnlySpan<float> weight, int outputs, int inputs, WeightFormat format = WeightFormat.Float32, bool transposed = false)
    {
        KernelThrow.UnlessLength(nameof(weight), weight.Length, (long)outputs * inputs);
        var packed = new PackedMatrix(outputs, inputs, format);
        packed.Set(weight, transposed);
        return packed;
    }

    /// <summary>Sets all values.</summary>
    internal void Set(ReadOnlySpan<float> weight, bool transposed)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(weight);
        if (transposed) SetColumns(0, bytes, WeightFormat.Float32);
        else SetRows(0, bytes, WeightFormat.Float32);
    }

    /// <summary>y = x·Wᵀ.  x: [M, K], y: [M, N].</summary>
    /// <exception cref="ArgumentException">A span has not the elements that M asks for.</exception>
    /// <exception cref="ObjectDisposedException">The weight was disposed.</exception>
    public void Multiply(ReadOnlySpan<float> x, Span<float> y, int M) => Multiply(x, MatrixLayout.RowMajor, y, M);

    /// <summary>y (+)= x·Wᵀ, then the epilogue.  x: [M, K] as its layout says, y: [M, N].</summary>
    internal void Multiply(ReadOnlySpan<float> x, MatrixLayout xLayout, Span<float> y, int M, bool accumulate = false, Epilogue epilogue = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(M);
        int xStride = xLayout.Check(M, Inputs, x.Length, nameof(x));
        MatrixLayout.RowMajor.Check(M, Outputs, y.Length, nameof(y));
        epilogue.Check(M, Outputs);
        BeginUse();
        try
        {
            fixed (float* px = x, py = y, bias = epilogue.Bias, residual = epilogue.Residual, pre = epilogue.PreActivation)
            {
                var operands = new MatMulOperands
                {
                    A = px,
                    ARow = xLayout.IsTransposed ? 1 : xStride,
                    AStep = xLayout.IsTransposed ? xStride : 1,
                    B = _memory,
                    Source = MatMulSource.Panels + (int)Format,
                    C = py,
                    CStride = Outputs,
                    M = M,
                    N = Outputs,
                    K = Inputs,
                    Accumulate = accumulate,
                    Epilogue = epilogue.Pin(bias, residual, pre, Outputs),
                };
                if (_lane == MatMulTile512.Columns) MatMulKernel.Multiply<MatMulTile512>(in operands);
                else if (_lane == MatMulTile256.Columns) MatMulKernel.Multiply<MatMulTile256>(in operands);
                else MatMulKernel.Multiply<MatMulTile128>(in operands);
            }
        }
        finally
        {
            EndUse();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_uses.Close()) Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Keeps the memory until <see cref="EndUse"/>, also if another thread disposes meanwhile.</summary>
    private void BeginUse() => ObjectDisposedException.ThrowIf(!_uses.TryBegin(), this);

    private void EndUse()
    {
        if (_uses.End()) Free();
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
        _budget.Release(MemoryOwner.Weights, Bytes);
    }
}
