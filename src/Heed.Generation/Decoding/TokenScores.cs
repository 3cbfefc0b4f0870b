using Heed.Generation.Processors;

namespace Heed.Generation.Decoding;

/// <summary>Logarithms of probabilities of one step before any processing.</summary>
internal sealed class TokenScores
{
    private readonly float[] _logProbabilities;

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

        (int, float)[] list = new (int, float)[best.Count];
        for (int i = list.Length - 1; i >= 0 && best.TryDequeue(out int id, out float score); i--) list[i] = (id, score);
        Top = list;
    }

    public IReadOnlyList<(int Id, float LogProbability)> Top { get; } = [];

    public float Of(int id) => _logProbabilities[id];
}
