namespace Heed.Generation.Processors;

/// <summary>Forbids the token that would make n ids occur a second time.</summary>
/// <param name="size">n, at least 1.</param>
/// <remarks>Paulus et al., arXiv:1705.04304 §2.5.</remarks>
internal sealed class NoRepeatNgramProcessor(int size) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        if (history.Length + 1 < size) return;
        ReadOnlySpan<int> beginning = history[^(size - 1)..];
        for (int i = 0; i + size <= history.Length; i++)
        {
            int next = history[i + size - 1];
            if ((uint)next < (uint)scores.Length && history.Slice(i, size - 1).SequenceEqual(beginning))
                scores[next] = float.NegativeInfinity;
        }
    }
}
