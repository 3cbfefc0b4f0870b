using Heed.Models;
using Heed.Training.Logging;

namespace Heed.Training.Tasks;

/// <summary>What an evaluation adds up over its batches: the parts of the loss, and how often something was so.</summary>
internal sealed class HeldOutSums
{
    private readonly List<string> _order = [];
    private readonly Dictionary<string, (double Sum, long Count, float Weight)> _parts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (long True, long All)> _shares = new(StringComparer.Ordinal);

    /// <summary>Targets of the loss's first part.</summary>
    public long Targets => _order.Count == 0 ? 0 : _parts[_order[0]].Count;

    /// <summary>Adds the losses of a batch.</summary>
    public void Add(IReadOnlyList<LossPart> losses)
    {
        foreach (LossPart part in losses)
        {
            if (!_parts.TryGetValue(part.Name, out (double Sum, long Count, float Weight) before)) _order.Add(part.Name);
            double sum = part.Count == 0 ? 0 : part.Sum.Value.ToScalar();
            _parts[part.Name] = (before.Sum + sum, before.Count + part.Count, part.Weight);
        }
    }

    /// <summary>Counts how often something is so.</summary>
    /// <param name="name">The measure.</param>
    /// <param name="isTrue">Whether it is.</param>
    public void Count(string name, bool isTrue)
    {
        (long yes, long all) = _shares.GetValueOrDefault(name);
        _shares[name] = (yes + (isTrue ? 1 : 0), all + 1);
    }

    /// <summary>The mean of a part; NaN if it has no target.</summary>
    public double Mean(string part) => _parts.TryGetValue(part, out (double Sum, long Count, float Weight) p) && p.Count > 0
        ? p.Sum / p.Count
        : double.NaN;

    /// <summary>Σ weight · mean, as a step's loss; the mean of each part where there are several, perplexity of masked tokens, and the
    /// shares.</summary>
    public EvaluationReport ToReport()
    {
        double loss = 0;
        Dictionary<string, double> measures = new(StringComparer.Ordinal);
        foreach (string name in _order)
        {
            (double sum, long count, float weight) = _parts[name];
            if (count == 0) continue;
            loss += weight * sum / count;
            string measure = NameOf(name);
            if (_order.Count > 1) measures[measure + "_loss"] = sum / count;
            if (measure == "masked") measures["perplexity"] = Math.Exp(sum / count);
        }

        foreach ((string name, (long yes, long all)) in _shares) measures[name] = (double)yes / all;
        return new EvaluationReport(loss, Targets) { Measures = measures };
    }

    private static string NameOf(string part) => part == "tokens" ? "masked" : part.Replace(' ', '_');
}
