using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>
/// A matrix W: [N, K] as an input of operations, whatever holds its values: plain float32, or panels in any <see cref="WeightFormat"/>.
/// Every operation here works on every kind with the bits that plain float32 of the same values gives, and none makes a copy of the whole
/// matrix.
/// </summary>
/// <remarks>Gradients flow to x through every kind; to the weight itself only where it is plain.</remarks>
public readonly struct Weight
{
    private readonly Variable _plain;
    private readonly PackedMatrix? _packed;

    /// <summary>Plain values.</summary>
    /// <param name="values">[N, K], or [K, N] where <paramref name="inputMajor"/>.</param>
    /// <param name="inputMajor">True: the values lie input by input (GPT-2's Conv1D).</param>
    /// <exception cref="ShapeException">The values are no matrix.</exception>
    public Weight(Variable values, bool inputMajor = false)
    {
        if (values.Shape.Rank != 2) throw new ShapeException("Weight", nameof(values), values.Shape, inputMajor ? "[K, N]" : "[N, K]");
        _plain = values;
        IsInputMajor = inputMajor;
    }

    internal Weight(PackedMatrix packed, bool inputMajor)
    {
        _packed = packed;
        IsInputMajor = inputMajor;
    }

    /// <summary>N: rows of W, columns of the product.</summary>
    public int Outputs => _packed is { } packed ? packed.Outputs : _plain.Shape[IsInputMajor ? 1 : 0];

    /// <summary>K: columns of W, length of the reduction.</summary>
    public int Inputs => _packed is { } packed ? packed.Inputs : _plain.Shape[IsInputMajor ? 0 : 1];

    /// <summary>The sizes as stored: [N, K], or [K, N] where it lies input-major.</summary>
    public Shape Shape => IsInputMajor ? new Shape(Inputs, Outputs) : new Shape(Outputs, Inputs);

    /// <summary>True where the stored form is [K, N].</summary>
    public bool IsInputMajor { get; }

    /// <summary>How values are held.</summary>
    public WeightFormat Format => _packed?.Format ?? WeightFormat.Float32;

    /// <summary>True where a gradient will flow back to here.</summary>
    public bool NeedsGradient => _plain.Op is not null;

    /// <summary>The values where they are plain.</summary>
    internal Variable? Plain => _packed is null ? _plain : default(Variable?);

    /// <summary>y = x·Wᵀ + b.</summary>
    /// <param name="x">[..., K].</param>
    /// <param name="bias">[N] or null.</param>
    /// <returns>[..., N].</returns>
    /// <exception cref="ShapeException">The last axis of <paramref name="x"/> is not K, or the bias is not [N].</exception>
    public Variable Multiply(Variable x, Variable? bias = null) => LinearOp.Apply(x, this, bias);

    /// <summary>Rows of W by number: y[n] = W[rows[n]].</summary>
    /// <param name="rows">[M]; the array must not change before the backward pass.</param>
    /// <param name="without">A row that gets no gradient (a padding token's), or −1.</param>
    /// <returns>[M, K].</returns>
    /// <exception cref="ArgumentOutOfRangeException">A row is not there.</exception>
    /// <exception cref="NotSupportedException">The weight lies input-major: it has no rows to look up.</exception>
    public Variable Gather(int[] rows, int without = -1)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (IsInputMajor) throw new NotSupportedException("Weight.Gather: the weight lies input-major, [K, N], and has no rows to look up.");
        if (_packed is not { } packed) return GatherRowsOp.Apply(_plain, rows, without);
        Tensor y = Tensor.Uninitialized(rows.Length, Inputs);
        packed.ReadRows(rows, y.Span);
        return y;
    }

    /// <summary>y (+)= x·Wᵀ, then the epilogue.  x: [M, K], y: [M, N].</summary>
    internal void Multiply(ReadOnlySpan<float> x, Span<float> y, int M, Epilogue epilogue = default)
    {
        if (_packed is { } packed) packed.Multiply(x, MatrixLayout.RowMajor, y, M, accumulate: false, epilogue);
        else MatMulKernel.Invoke(x, MatrixLayout.RowMajor, _plain.Value.Span, Layout(!IsInputMajor), y, M, Outputs, Inputs, accumulate: false, epilogue);
    }

    /// <summary>dx (+)= dy·W.  dy: [M, N], dx: [M, K].</summary>
    internal void MultiplyTransposed(ReadOnlySpan<float> dy, Span<float> dx, int M, bool accumulate = false)
    {
        if (_packed is { } packed) packed.MultiplyTransposed(dy, dx, M, accumulate);
        else MatMulKernel.Invoke(dy, MatrixLayout.RowMajor, _plain.Value.Span, Layout(IsInputMajor), dx, M, Inputs, Outputs, accumulate);
    }

    /// <summary>dW (+)= dyᵀ·x, as stored.  dy: [M, N], x: [M, K].</summary>
    internal void Gradient(ReadOnlySpan<float> dy, ReadOnlySpan<float> x, Span<float> dw, int M, bool accumulate)
    {
        if (IsInputMajor) MatMulKernel.Invoke(x, MatrixLayout.Transposed, dy, MatrixLayout.RowMajor, dw, Inputs, Outputs, M, accumulate);
        else MatMulKernel.Invoke(dy, MatrixLayout.Transposed, x, MatrixLayout.RowMajor, dw, Outputs, Inputs, M, accumulate);
    }

    private static MatrixLayout Layout(bool transposed) => transposed ? MatrixLayout.Transposed : MatrixLayout.RowMajor;
}
