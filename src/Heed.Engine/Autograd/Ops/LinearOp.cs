using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = x·Wᵀ + b + r.  x: [M, K], W: [N, K] (or [K, N] where it lies input-major), b: [N], r and y: [M, N].</summary>
internal sealed class LinearOp : Op
{
    private readonly Variable _x;
    private readonly Variable _weight;
    private readonly Variable? _bias;
    private readonly Variable? _residual;
    private readonly bool _inputMajor;

    private LinearOp(Variable x, Variable weight, bool inputMajor, Variable? bias, Variable? residual)
    {
        // x is needed for dW, W for dx: neither is held where the other needs no gradient.
        _x = weight.NeedsGradient ? Save(x) : x;
        _weight = x.NeedsGradient ? Save(weight) : weight;
        _inputMajor = inputMajor;
        _bias = bias;
        _residual = residual;
    }

    public static Variable Apply(Variable x, Variable weight, bool inputMajor, Variable? bias, Variable? residual = null)
    {
        int K = x.Shape.Last, M = x.Shape.Rows, N = inputMajor ? weight.Shape.Last : weight.Shape[0];
        if ((inputMajor ? weight.Shape[0] : weight.Shape.Last) != K)
            throw new ShapeException("Linear", nameof(weight), weight.Shape, inputMajor ? $"[{K}, N]" : $"[N, {K}]", $"K = {K} was bound by 'x' {x.Shape}");
        Tensor y = Tensor.Uninitialized(x.Shape.WithLast(N));
        Epilogue epilogue = new() { Bias = bias is { } b ? b.Value.Span : default, Residual = residual is { } r ? r.Value.Span : default };
        MatMulKernel.Invoke(x.Value.Span, MatrixLayout.RowMajor, weight.Value.Span, inputMajor ? MatrixLayout.RowMajor : MatrixLayout.Transposed, y.Span, M, N, K, accumulate: false, epilogue);
        bool record = Tape.IsRecording && (x.NeedsGradient || weight.NeedsGradient || bias is { NeedsGradient: true } || residual is { NeedsGradient: true });
        return record ? Tape.Record(new LinearOp(x, weight, inputMajor, bias, residual), y) : y;
    }

    protected override void Backward(Tensor dy)
    {
        int N = dy.Shape.Last, M = dy.Shape.Rows, K = _x.Shape.Last;
        if (_x.NeedsGradient)
        {
            // dx = dy·W
            Tensor dx = OpenGradient(_x, out bool add);
            MatMulKernel.Invoke(dy.Span, MatrixLayout.RowMajor, _weight.Value.Span, _inputMajor ? MatrixLayout.Transposed : MatrixLayout.RowMajor, dx.Span, M, K, N, add, default);
        }

        if (_weight.NeedsGradient)
        {
            // dW = dyᵀ·x, or its transpose
            Tensor dw = OpenGradient(_weight, out bool add);
            if (_inputMajor) MatMulKernel.Invoke(_x.Value.Span, MatrixLayout.Transposed, dy.Span, MatrixLayout.RowMajor, dw.Span, K, N, M, add, default);
            else MatMulKernel.Invoke(dy.Span, MatrixLayout.Transposed, _x.Value.Span, MatrixLayout.RowMajor, dw.Span, N, K, M, add, default);
        }

        if (_bias is { NeedsGradient: true } bias)
        {
            // db = Σ over rows of dy
            Tensor db = Tensor.Uninitialized(bias.Shape);
            ReductionKernel.SumRows(dy.Span, N, db.Span);
            Accumulate(bias, db);
        }

        if (_residual is { } residual) HandOver(residual, dy);
    }
}
