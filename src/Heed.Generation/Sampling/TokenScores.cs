namespace Heed.Generation.Sampling;

/// <summary>Log-probabilities of one step before any processing.</summary>
internal sealed class TokenScores
{
    private readonly float[] _logProbabilities;
    private readonly TokenLogProbability[] _top = [];

    public TokenScores(ReadOnlySpan<float> scores, int top)
    {
        _logProbabilities = scores.ToArray();
        Probabilities.LogSoftmax(_logProbabilities);
        if (top <= 0) return;
        PriorityQueue<int, float> best = new();
        for (int i = 0; i < _logProbabilities.Length; i++)
        {
            if (best.Count < top) best.Enqueue(i, _logProbabilities[i]);
            else if (best.TryPeek(out _, out float least) && _logProbabilities[i] > least) best.DequeueEnqueue(i, _logProbabilities[i]);
        }

        _top = new TokenLogProbability[best.Count];
        for (int i = _top.Length - 1; i >= 0 && best.TryDequeue(out int id, out float score); i--)
            _top[i] = new TokenLogProbability(id, score, []);
    }

    /// <summary>The id that was chosen, with the likeliest ones.</summary>
    public TokenLogProbability Report(int id) => new(id, _logProbabilities[id], _top);
}
