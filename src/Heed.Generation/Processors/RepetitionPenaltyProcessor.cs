namespace Heed.Generation.Processors;

/// <summary>Divides the positive and multiplies the negative scores of every id that occurred, once each.</summary>
/// <param name="penalty">Above 1 against repetition, below 1 for it.</param>
/// <remarks>Keskar et al., arXiv:1909.05858 §4.1.</remarks>
internal sealed class RepetitionPenaltyProcessor(float penalty) : ILogitsProcessor
{
    private readonly HashSet<int> _seen = [];

    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        _seen.Clear();
        foreach (int id in history)
        {
            if ((uint)id >= (uint)scores.Length || !_seen.Add(id)) continue;
            scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
        }
    }
}
