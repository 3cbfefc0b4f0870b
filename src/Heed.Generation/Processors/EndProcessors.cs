namespace Heed.Generation.Processors;

/// <summary>Forbids the end before a number of tokens.</summary>
/// <param name="length">Ids (the prompt included) below which the end is forbidden.</param>
/// <param name="endIds">Ids that end a text.</param>
internal sealed class MinimumLengthProcessor(int length, IReadOnlyList<int> endIds) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        if (history.Length < length) Suppression.Remove(endIds, scores);
    }
}

/// <summary>Forces one id at a length: it scores 0, all others −∞.</summary>
/// <param name="length">Number of ids so far at which the force acts.</param>
/// <param name="ids">The ids that remain possible.</param>
internal sealed class ForcedTokenProcessor(int length, IReadOnlyList<int> ids) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        if (history.Length != length) return;
        int vocabulary = scores.Length;
        if (!ids.Any(id => (uint)id < (uint)vocabulary))
            throw new InputException($"forced_bos_token_id, forced_eos_token_id: {string.Join(", ", ids)} is not in the vocabulary of "
                + $"{vocabulary} ids. Correct it, or take it out.");
        scores.Fill(float.NegativeInfinity);
        foreach (int id in ids)
            if ((uint)id < (uint)vocabulary) scores[id] = 0;
    }
}

/// <summary>Raises the end's score more and more from a length on: score += |score|·(factor^k − 1), k tokens past it.</summary>
/// <param name="start">Number of ids, the prompt included, from which it acts.</param>
/// <param name="factor">Growth a token.</param>
/// <param name="endIds">Ids that end a text.</param>
internal sealed class ExponentialDecayProcessor(int start, float factor, IReadOnlyList<int> endIds) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        if (history.Length <= start) return;
        float growth = (float)(Math.Pow(factor, history.Length - start) - 1);
        foreach (int id in endIds)
            if ((uint)id < (uint)scores.Length) scores[id] += MathF.Abs(scores[id]) * growth;
    }
}

/// <summary>Removes ids always, or only as the first new token.</summary>
/// <param name="ids">The ids.</param>
/// <param name="onlyAt">Number of ids so far at which they are removed; null: always.</param>
internal sealed class Suppression(IReadOnlyList<int> ids, int? onlyAt = null) : ILogitsProcessor
{
    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> history, Span<float> scores)
    {
        if (onlyAt is null || onlyAt == history.Length) Remove(ids, scores);
    }

    internal static void Remove(IReadOnlyList<int> ids, Span<float> scores)
    {
        foreach (int id in ids)
            if ((uint)id < (uint)scores.Length) scores[id] = float.NegativeInfinity;
    }
}
