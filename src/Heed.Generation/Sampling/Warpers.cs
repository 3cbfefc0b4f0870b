using Heed.Generation.Processors;

namespace Heed.Generation.Sampling;

/// <summary>Divides scores by a temperature: below 1 sharper, above 1 flatter.</summary>
/// <param name="temperature">Above 0. One so small that a quotient would overflow leaves the largest score alone, as greedy search
/// does.</param>
internal sealed class TemperatureWarper(float temperature) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        float max = Probabilities.Max(scores), shift = float.IsFinite(max) && !float.IsFinite(max / temperature) ? max : 0;
        for (int i = 0; i < scores.Length; i++) scores[i] = (scores[i] - shift) / temperature;
    }
}

/// <summary>Keeps the k highest scores; those equal to the k-th stay.</summary>
/// <param name="k">At least 1.</param>
/// <remarks>Fan et al., arXiv:1805.04833 §5.4.</remarks>
internal sealed class TopKWarper(int k) : ILogitsProcessor
{
    private readonly PriorityQueue<int, float> _best = new();

    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        if (k >= scores.Length) return;
        _best.Clear();
        for (int i = 0; i < scores.Length; i++)
        {
            if (_best.Count < k) _best.Enqueue(i, scores[i]);
            else if (_best.TryPeek(out _, out float least) && scores[i] > least) _best.DequeueEnqueue(i, scores[i]);
        }

        _best.TryPeek(out _, out float threshold);
        for (int i = 0; i < scores.Length; i++)
            if (scores[i] < threshold) scores[i] = float.NegativeInfinity;
    }
}

/// <summary>Keeps the likeliest tokens that together have a probability.</summary>
/// <param name="p">From 0 to 1.</param>
/// <remarks>Holtzman et al., arXiv:1904.09751 §3.1: nucleus sampling.</remarks>
internal sealed class TopPWarper(float p) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        int[] order = Probabilities.Ascending(scores);
        float[] probabilities = new float[scores.Length];
        Probabilities.Softmax(scores, probabilities);
        double sum = 0, limit = 1 - p;
        for (int i = 0; i < order.Length - 1; i++)
        {
            sum += probabilities[order[i]];
            if ((float)sum <= (float)limit) scores[order[i]] = float.NegativeInfinity;
        }
    }
}

/// <summary>Keeps tokens at least p times as likely as the likeliest.</summary>
/// <param name="p">From 0 to 1.</param>
/// <remarks>Nguyen et al., arXiv:2407.01082.</remarks>
internal sealed class MinPWarper(float p) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        float[] probabilities = new float[scores.Length];
        Probabilities.Softmax(scores, probabilities);
        float limit = p * Probabilities.Max(probabilities);
        for (int i = 0; i < scores.Length; i++)
            if (probabilities[i] < limit) scores[i] = float.NegativeInfinity;
    }
}

/// <summary>Keeps the tokens whose surprise is nearest to the entropy, up to a mass.</summary>
/// <param name="mass">From 0 to 1.</param>
/// <remarks>Meister et al., arXiv:2202.00666 §4.</remarks>
internal sealed class TypicalWarper(float mass) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        float[] probabilities = new float[scores.Length];
        Probabilities.Softmax(scores, probabilities);
        double entropy = Probabilities.Entropy(probabilities);
        float[] distance = new float[scores.Length];
        for (int i = 0; i < distance.Length; i++)
            distance[i] = probabilities[i] > 0 ? (float)Math.Abs(-Math.Log(probabilities[i]) - entropy) : float.PositiveInfinity;
        int[] order = Probabilities.Ascending(distance);
        if (order.Length == 0) return;
        double sum = 0;
        int last = order.Length - 1;
        for (int i = 0; i < order.Length; i++)
        {
            sum += probabilities[order[i]];
            if ((float)sum < mass) continue;
            last = i;
            break;
        }

        float limit = distance[order[last]];
        for (int i = 0; i < scores.Length; i++)
            if (distance[i] > limit) scores[i] = float.NegativeInfinity;
    }
}

/// <summary>Removes tokens less likely than ε; the likeliest stays.</summary>
/// <param name="epsilon">From 0 to 1.</param>
/// <param name="relativeToEntropy">True: the limit is min(ε, √ε·e^−H), the eta cut-off.</param>
/// <remarks>Hewitt et al., arXiv:2210.15191 §4.</remarks>
internal sealed class CutoffWarper(float epsilon, bool relativeToEntropy = false) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        float[] probabilities = new float[scores.Length];
        Probabilities.Softmax(scores, probabilities);
        float limit = relativeToEntropy
            ? (float)Math.Min(epsilon, Math.Sqrt(epsilon) * Math.Exp(-Probabilities.Entropy(probabilities)))
            : epsilon;
        float best = Probabilities.Max(scores);
        for (int i = 0; i < scores.Length; i++)
            if (probabilities[i] < limit && scores[i] < best) scores[i] = float.NegativeInfinity;
    }
}

/// <summary>Makes scores logarithms of probabilities that sum to 1.</summary>
internal sealed class Renormalizer : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores) => Probabilities.LogSoftmax(scores);
}
