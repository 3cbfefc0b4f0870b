using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = x·Wᵀ + b.  x: [M, K], W: [N, K] of any kind, b: [N], y: [M, N].</summary>
internal sealed class LinearOp : Op
{
    private readonly Variable _x;
    private readonly Weight _weight;
    private readonly Variable? _bias;

    private LinearOp(Variable x, Weight weight, Variable? bias)
    {
        // x is needed for dW, W for dx: neither is held where the other needs no gradient.
        _x = weight.NeedsGradient ? Save(x) : x;
        if (x.NeedsGradient && weight.Plain is { } values) Save(values);
        _weight = weight;
        _bias = bias;
    }

    /// <param name="x">[..., K].</param>
    /// <param name="weight">W.</param>
    /// <param name="bias">[N] or null.</param>
    /// <param name="activation">Follows the product while nothing records: with a tape the activation is an op of its own.</param>
    public static Variable Apply(Variable x, Weight weight, Variable? bias, Activation activation = Activation.Identity)
    {
        int K = x.Shape.Last, M = x.Shape.Rows, N = weight.Outputs;
        if (weight.Inputs != K)
            throw new ShapeException("Linear", nameof(weight), weight.Shape, weight.IsInputMajor ? $"[{K}, N]" : $"[N, {K}]", $"K = {K} was bound by 'x' {x.Shape}");
        if (bias is { } given && given.Shape.Count != N) throw new ShapeException("Linear", nameof(bias), given.Shape, $"[{N}]", $"N = {N} was bound by 'weight' {weight.Shape}");
        bool record = Tape.IsRecording && (x.NeedsGradient || weight.NeedsGradient || bias is { NeedsGradient: true });
        Tensor y = Tensor.Uninitialized(x.Shape.WithLast(N));
        weight.Multiply(x.Value.Span, y.Span, M, new Epilogue { Bias = bias is { } b ? b.Value.Span : default, Activation = record ? Activation.Identity : activation });
        if (!record) return y;
        Variable recorded = Tape.Record(new LinearOp(x, weight, bias), y);
        return activation == Activation.Identity ? recorded : ActivationOp.Apply(recorded, activation);
    }

    protected override void Backward(Tensor dy)
    {
        int N = dy.Shape.Last, M = dy.Shape.Rows;
        if (_x.NeedsGradient)
        {
            // dx = dy·W
            Tensor dx = OpenGradient(_x, out bool add);
            _weight.MultiplyTransposed(dy.Span, dx.Span, M, add);
        }

        if (_weight is { NeedsGradient: true, Plain: { } values })
        {
            // dW = dyᵀ·x
            Tensor dw = OpenGradient(values, out bool add);
            _weight.Gradient(dy.Span, _x.Value.Span, dw.Span, M, add);
        }

        if (_bias is { NeedsGradient: true } bias)
        {
            // db = Σ over rows of dy
            Tensor db = Tensor.Uninitialized(bias.Shape);
            ReductionKernel.SumRows(dy.Span, N, db.Span);
            Accumulate(bias, db);
        }
    }
}
