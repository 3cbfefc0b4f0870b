using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = a·b.  a: [..., M, K], b: [..., K, N], y: [..., M, N]; batches broadcast.</summary>
internal sealed class MatMulOp : Op
{
    private readonly Variable _a;
    private readonly Variable _b;
    private readonly BatchedMatMul _plan;

    private MatMulOp(Variable a, Variable b, BatchedMatMul plan)
    {
        (_a, _b, _plan) = (a, b, plan);
        if (b.NeedsGradient) Save(a);
        if (a.NeedsGradient) Save(b);
    }

    public static Variable Apply(Variable a, Variable b)
    {
        BatchedMatMul plan = new(a.Shape, b.Shape, "Variable.MatMul");
        Tensor y = Tensor.Uninitialized(plan.Output);
        plan.Invoke(a.Value.Span, b.Value.Span, y.Span);
        return IsRecorded(a, b) ? Tape.Record(new MatMulOp(a, b, plan), y) : y;
    }

    // da = dy·bᵀ, db = aᵀ·dy, summed over what was repeated
    protected override void Backward(Tensor dy)
    {
        if (_a.NeedsGradient)
        {
            Tensor da = OpenGradient(_a, out bool accumulate);
            _plan.GradientA(dy.Span, _b.Value.Span, da.Span, accumulate);
        }

        if (_b.NeedsGradient)
        {
            Tensor db = OpenGradient(_b, out bool accumulate);
            _plan.GradientB(dy.Span, _a.Value.Span, db.Span, accumulate);
        }
    }
}
