using Heed.Engine.Nn;
using Heed.Training.Runs;

namespace Heed.Training.Symptoms;

/// <summary>The cheap rules that a run watches itself by, and that the doctor reads from its log: each finding comes once.</summary>
/// <param name="config">The run's settings.</param>
internal sealed class RunSymptoms(TrainingConfig config)
{
    /// <summary>The step, counted from the run's start or resumption, at which gradients are looked at: an adapter's first factor has none
    /// before the second one has moved, and a warm-up's first rate is zero.</summary>
    private const int GradientStep = 3;

    private readonly RisingLoss _loss = new(config);
    private readonly ExplodingNorm _norm = new();
    private int _steps;
    private Finding? _unreached;

    /// <summary>Looks at the gradients of one early step, before the optimizer takes it.</summary>
    public void Look(ParameterSet parameters)
    {
        if (++_steps == GradientStep) _unreached = UnreachedLayers.Of(parameters);
    }

    /// <summary>What a step that is done shows.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="loss">Its mean loss; NaN without targets.</param>
    /// <param name="norm">Its gradient norm before clipping.</param>
    public IEnumerable<Finding> After(long step, double loss, double norm)
    {
        if (_unreached is { } unreached)
        {
            _unreached = null;
            yield return unreached;
        }

        if (_loss.Add(step, loss) is { } rising) yield return rising;
        if (_norm.Add(step, norm) is { } exploding) yield return exploding;
    }
}
