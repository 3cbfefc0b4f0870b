using System.Globalization;
using Heed.Training.Runs;

namespace Heed.Training.Symptoms;

/// <summary>A training loss above where it began: the rate is too high, or rises to its peak without warm-up.</summary>
/// <param name="config">The run's settings.</param>
internal sealed class RisingLoss(TrainingConfig config)
{
    /// <summary>The rule's name where the run has a warm-up, or rises later.</summary>
    public const string RateRule = "rate-too-high";

    /// <summary>The rule's name where the rate begins at its peak and the loss rises at once.</summary>
    public const string WarmupRule = "no-warm-up";

    private const int Window = 10, Early = 100;

    // A first batch may be an easy one: a run without warm-up, whose second loss is spoilt already, is held against its first loss.
    private const double Factor = 1.3, Margin = 0.3, ColdFactor = 2, ColdMargin = 0.5;
    private readonly Queue<double> _last = new();
    private double _first = double.NaN, _begin, _sum;
    private int _seen;
    private bool _found;

    /// <summary>Looks at a step; a finding comes once.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="loss">Mean loss of its targets before the update; NaN for a step without any.</param>
    public Finding? Add(long step, double loss)
    {
        if (_found || double.IsNaN(loss)) return null;
        if (_seen == 0) _first = loss;
        if (_seen < Window) _begin += loss / Window;
        _seen++;
        _last.Enqueue(loss);
        _sum += loss;
        if (_last.Count > Window) _sum -= _last.Dequeue();
        double now = _sum / Window;
        bool isCold = config.WarmupSteps == 0 && step <= Early && config.Optimizer != "sgd";
        if (isCold && _seen > Window && now > (ColdFactor * _first) + ColdMargin) return Of(step, _first, now, isCold);
        return _seen >= 2 * Window && now > (Factor * _begin) + Margin ? Of(step, _begin, now, isCold) : null;
    }

    private Finding Of(long step, double before, double now, bool isCold)
    {
        _found = true;
        string evidence = string.Create(CultureInfo.InvariantCulture,
            $"the mean loss of {Window} steps is {now:0.###}, and {before:0.###} when the run began; the rate "
                + $"is {config.LearningRate:0.0e+0}"
                + $"{(config.WarmupSteps == 0 ? " from the first step on" : "")} ({config.Optimizer})");
        string place = FormattableString.Invariant($"step {step}");
        return isCold
            ? new Finding(WarmupRule, place, evidence,
                "Adam's first steps are as long as the rate whatever the gradient: at full rate they throw the weights away.",
                FormattableString.Invariant($"Set --warmup-steps {Math.Max(10, config.Steps * 6 / 100)}, and begin in another folder."))
            : new Finding(RateRule, place, evidence,
                "Steps this long leap over what they should find; a trained model forgets what it knew.",
                FormattableString.Invariant($"Set --learning-rate {config.LearningRate / 3:0.0e+0}, and begin in another folder."));
    }
}
