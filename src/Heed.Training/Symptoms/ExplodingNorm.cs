using System.Globalization;

namespace Heed.Training.Symptoms;

/// <summary>Gradient norms far above those of the run so far, several steps in a row.</summary>
internal sealed class ExplodingNorm
{
    /// <summary>The rule's name.</summary>
    public const string Rule = "exploding-norm";

    private const int Least = 20, Remembered = 200, InARow = 5;
    private const double Factor = 20, Large = 10;
    private readonly List<double> _norms = [];
    private double _median = double.NaN;
    private int _row, _sinceMedian;
    private bool _found;

    /// <summary>Looks at a step; a finding comes once.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="norm">L2 norm of all gradients before clipping.</param>
    public Finding? Add(long step, double norm)
    {
        // A step without targets has none.
        if (_found || !(norm > 0)) return null;
        if (_norms.Count >= Least && (double.IsNaN(_median) || _sinceMedian >= Least))
            (_median, _sinceMedian) = (Median(), 0);
        if (_norms.Count >= Least && norm > Large && norm > Factor * _median)
        {
            if (++_row < InARow) return null;
            _found = true;
            return new Finding(Rule, FormattableString.Invariant($"step {step}"), string.Create(CultureInfo.InvariantCulture,
                $"the gradient norm is {norm:0.###}, {norm / _median:0} times the median {_median:0.###} of the steps before, for the "
                    + $"{InARow}th step in a row"),
                "Clipping keeps the length of a step and not its direction: what was learned is lost within a few steps.",
                "Lower --learning-rate to a third, keep --clip-norm 1, and begin in another folder; look at the data of these steps.");
        }

        _row = 0;
        _sinceMedian++;
        if (_norms.Count == Remembered) _norms.RemoveAt(0);
        _norms.Add(norm);
        return null;
    }

    private double Median()
    {
        double[] sorted = [.. _norms.Order()];
        return sorted[sorted.Length / 2];
    }
}
