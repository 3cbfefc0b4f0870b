using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>
/// A weight W: [N, K] in the order in which products read it, y = x·Wᵀ: panels of as many outputs as a register tile is wide, each
/// [K][lane], in any <see cref="WeightFormat"/>.
/// </summary>
/// <remarks>
/// It owns native memory, aligned to cache lines. Results have the bits of the product of the same values in float32, for every number of
/// rows. Concurrent products and reads are safe; filling is not. Disposing beside them is: the last of them frees the memory, and later
/// ones are refused.
/// </remarks>
internal sealed unsafe partial class PackedMatrix : IDisposable
{
    // Values of W that are widened at once for a product over its rows: 1 MiB.
    private const int StripValues = 1 << 18;

    private readonly int _lane;
    private readonly nint _panelBytes;
    private readonly MemoryBudget _budget;
    private byte* _memory;
    private UseCount _uses;

    /// <summary>Memory for a weight whose values follow by <see cref="SetRows"/> or <see cref="SetColumns"/>; until then they are
    /// undefined.</summary>
    /// <param name="outputs">N ≥ 1.</param>
    /// <param name="inputs">K ≥ 1.</param>
    /// <param name="format">How values are stored; float32 if omitted.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    /// <exception cref="BudgetException">The memory could not be allocated.</exception>
    public PackedMatrix(int outputs, int inputs, WeightFormat? format = null)
        : this(outputs, inputs, format ?? WeightFormat.Float32,
               Vector512.IsHardwareAccelerated ? MatMulTile512.Columns : Vector256.IsHardwareAccelerated ? MatMulTile256.Columns : MatMulTile128.Columns)
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
        UInt128 panelBytes = (UInt128)format.RowBytes(inputs) * (uint)lane;
        UInt128 bytes = panelBytes * (uint)panels;
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
            throw new BudgetException($"A weight of {outputs} × {inputs} values needs {Bytes} bytes, which this computer does not have free; use a smaller model or a narrower format.");
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
    /// <param name="format">How values are stored; float32 if omitted.</param>
    /// <param name="transposed">The weight lies input by input (GPT-2's Conv1D).</param>
    /// <exception cref="ArgumentException">The span has not N·K elements.</exception>
    public static PackedMatrix Pack(ReadOnlySpan<float> weight, int outputs, int inputs, WeightFormat? format = null, bool transposed = false)
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
        if (transposed) SetColumns(0, bytes);
        else SetRows(0, bytes);
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
        epilogue.Check(Outputs);
        using Use use = BeginUse();
        fixed (float* px = x, py = y, bias = epilogue.Bias)
        {
            var operands = new MatMulOperands
            {
                A = px,
                ARow = xLayout.IsTransposed ? 1 : xStride,
                AStep = xLayout.IsTransposed ? xStride : 1,
                B = _memory,
                Source = Format == WeightFormat.Float32 ? MatMulSource.Panels : MatMulSource.NarrowPanels,
                Format = Format,
                C = py,
                CStride = Outputs,
                M = M,
                N = Outputs,
                K = Inputs,
                Accumulate = accumulate,
                Epilogue = epilogue.Pin(bias),
            };
            if (_lane == MatMulTile512.Columns) MatMulKernel.Multiply<MatMulTile512>(in operands);
            else if (_lane == MatMulTile256.Columns) MatMulKernel.Multiply<MatMulTile256>(in operands);
            else MatMulKernel.Multiply<MatMulTile128>(in operands);
        }
    }

    /// <summary>dx (+)= dy·W, the gradient with respect to x.  dy: [M, N], dx: [M, K].</summary>
    /// <remarks>Chains run over n in ascending order, as in the product of unpacked values; W is widened a strip of rows at a
    /// time.</remarks>
    internal void MultiplyTransposed(ReadOnlySpan<float> dy, Span<float> dx, int M, bool accumulate = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(M);
        ObjectDisposedException.ThrowIf(_memory == null, this);
        MatrixLayout.RowMajor.Check(M, Outputs, dy.Length, nameof(dy));
        MatrixLayout.RowMajor.Check(M, Inputs, dx.Length, nameof(dx));
        if (M == 0) return;
        using TensorScope scope = TensorScope.Begin();
        int strip = Math.Clamp(StripValues / Inputs, 1, Outputs);
        Span<float> values = Tensor.Uninitialized(strip, Inputs).Span;
        for (int n = 0; n < Outputs; n += strip)
        {
            int count = Math.Min(strip, Outputs - n);
            ReadRows(n, values[..(count * Inputs)]);
            MatMulKernel.Invoke(dy[n..], MatrixLayout.RowsApart(Outputs), values, MatrixLayout.RowMajor, dx, M, Inputs, count, accumulate || n > 0);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_uses.Close()) Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Keeps the memory until the result is disposed, also if another thread disposes the weight meanwhile.</summary>
    private Use BeginUse()
    {
        ObjectDisposedException.ThrowIf(!_uses.TryBegin(), this);
        return new Use(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
        _budget.Release(MemoryOwner.Weights, Bytes);
    }

    private readonly ref struct Use(PackedMatrix matrix)
    {
        public void Dispose()
        {
            if (matrix._uses.End()) matrix.Free();
        }
    }
}
