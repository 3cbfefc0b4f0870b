using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>Cross-entropy of rows of logits with their targets: a scalar.  logits: [N, C].</summary>
internal sealed class CrossEntropyOp : Op
{
    private readonly Variable _logits;
    private readonly int[] _targets;
    private readonly CrossEntropySettings _settings;
    private readonly Tensor _logSums;
    private readonly double _divisor;

    private CrossEntropyOp(Variable logits, int[] targets, CrossEntropySettings settings, Tensor logSums, double divisor)
        => (_logits, _targets, _settings, _logSums, _divisor) = (Save(logits), targets, settings, Save(logSums), divisor);

    public static Variable Apply(Variable logits, int[] targets, CrossEntropySettings settings)
    {
        (int N, int C) = logits.Shape.Bind2(nameof(logits), "[N, C]");
        double divisor = settings.DivisorOf(targets);
        Tensor losses = Tensor.Uninitialized(N), logSums = Tensor.Uninitialized(2 * N);
        CrossEntropyKernel.Invoke(logits.Value.Span, targets, C, settings.ForKernel(), losses.Span, logSums.Span);
        Tensor y = Tensor.Scalar(divisor == 0 ? 0 : (float)(ReductionKernel.Sum(losses.Span) / divisor));
        return IsRecorded(logits) ? Tape.Record(new CrossEntropyOp(logits, targets, settings, logSums, divisor), y) : y;
    }

    // dlogits = dy / divisor · (p·(w_y(1−ε) + ε·Σw/C) − ε·w/C − [c = y]·w_y(1−ε)); nothing where there was nothing to predict
    protected override void Backward(Tensor dy)
    {
        if (_divisor == 0) return;
        Tensor dx = _logits.Value.Clone();
        CrossEntropyKernel.Gradient(dx.Span, _targets, dx.Shape.Last, _settings.ForKernel(), _logSums.Span, [(float)(dy.ToScalar() / _divisor)]);
        Accumulate(_logits, dx);
    }
}
