namespace Heed.Generation.Processors;

/// <summary>Adds to the score of the token that would complete a sequence; −∞ forbids it.</summary>
/// <param name="biases">Sequences of at least one id, and what is added.</param>
internal sealed class SequenceBiasProcessor(IReadOnlyList<SequenceBias> biases) : ILogitsProcessor
{
    private readonly (int[] Tokens, float Bias)[] _biases = [.. biases.Select(b => (b.Ids.ToArray(), b.Bias))];

    /// <summary>Forbids sequences, but for those that are an end of text alone.</summary>
    public static SequenceBiasProcessor Forbid(IReadOnlyList<IReadOnlyList<int>> words, IReadOnlyList<int> endIds)
        => new([.. words.Where(w => w.Count != 1 || !endIds.Contains(w[0])).Select(w => new SequenceBias(w, float.NegativeInfinity))]);

    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        foreach ((int[] tokens, float bias) in _biases)
        {
            int last = tokens[^1];
            if ((uint)last >= (uint)scores.Length) continue;
            // The head may be the whole history.
            if (history.EndsWith(tokens.AsSpan(0, tokens.Length - 1))) scores[last] += bias;
        }
    }
}
