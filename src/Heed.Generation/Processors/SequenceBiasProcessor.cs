namespace Heed.Generation.Processors;

/// <summary>Adds to the score of the token that would complete a sequence; −∞ forbids it.</summary>
/// <param name="biases">Sequences of at least one id, and what is added.</param>
public sealed class SequenceBiasProcessor(IReadOnlyList<(int[] Tokens, float Bias)> biases) : ILogitsProcessor
{
    /// <summary>Forbids sequences, but for those that are an end of text alone.</summary>
    public static SequenceBiasProcessor Forbid(IReadOnlyList<int[]> words, IReadOnlyList<int> endIds)
        => new([.. words.Where(w => w.Length != 1 || !endIds.Contains(w[0])).Select(w => (w, float.NegativeInfinity))]);

    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        foreach ((int[] tokens, float bias) in biases)
        {
            int last = tokens[^1];
            if ((uint)last >= (uint)scores.Length) continue;
            // A longer sequence counts only where the whole of it would fit into the history.
            bool completes = tokens.Length == 1 || (tokens.Length <= history.Length && history.EndsWith(tokens.AsSpan(0, tokens.Length - 1)));
            if (completes) scores[last] += bias;
        }
    }
}
