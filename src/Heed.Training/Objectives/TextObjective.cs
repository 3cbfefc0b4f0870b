namespace Heed.Training.Objectives;

/// <summary>
/// What is learned from rows of a corpus: how many of its ids make a row, and what becomes of them. A pure function of ids and random
/// numbers.
/// </summary>
internal abstract class TextObjective
{
    /// <summary>Ids of the corpus that a row is made of, at least 2.</summary>
    public abstract int RowTokens { get; }

    /// <summary>A row to learn from.</summary>
    /// <param name="ids">At most <see cref="RowTokens"/>, at least 2.</param>
    /// <param name="begins">For each id whether a word begins with it; empty if the corpus keeps no words.</param>
    /// <param name="draws">Random numbers of this row.</param>
    public abstract CorruptedText Corrupt(ReadOnlySpan<int> ids, ReadOnlySpan<int> begins, DrawSequence draws);
}

/// <summary>
/// Spans that become sentinels, for encoder-decoders (T5). Rows are as long as makes the corrupted text fill the encoder.
/// </summary>
/// <param name="blockLength">S, ids that the encoder reads.</param>
/// <param name="tokens">Special tokens, with sentinels.</param>
/// <param name="density">Part of the tokens in spans.</param>
/// <param name="meanLength">Mean length of a span.</param>
internal sealed class SpanObjective(int blockLength, ObjectiveTokens tokens, double density, double meanLength) : TextObjective
{
    private readonly int[] _sentinels = [.. tokens.Sentinels];

    public override int RowTokens { get; } = SpanCorruption.LengthsFor(blockLength, density, meanLength).Tokens;

    public override CorruptedText Corrupt(ReadOnlySpan<int> ids, ReadOnlySpan<int> begins, DrawSequence draws)
    {
        SpanCorruption.Noise noise = SpanCorruption.NoiseOf(ids.Length, density, meanLength);
        return SpanCorruption.Corrupt(ids, SpanCorruption.Draw(ids.Length, noise, draws), _sentinels, tokens.EndId);
    }
}

/// <summary>Sentences in another order with infilled spans, from which the decoder restores the row (BART).</summary>
/// <param name="blockLength">T, ids that the decoder writes.</param>
/// <param name="tokens">Special tokens.</param>
/// <param name="endsSentence">[V]: true for tokens that end a sentence.</param>
/// <param name="rate">Part of the tokens that is masked.</param>
/// <param name="meanLength">λ of the lengths of spans.</param>
internal sealed class DenoisingObjective(
    int blockLength, ObjectiveTokens tokens, bool[] endsSentence, double rate, double meanLength) : TextObjective
{
    public override int RowTokens => blockLength - tokens.First.Count - tokens.Last.Count;

    public override CorruptedText Corrupt(ReadOnlySpan<int> ids, ReadOnlySpan<int> begins, DrawSequence draws)
    {
        TokenSpan[] sentences = TextInfilling.Sentences(ids, endsSentence);
        int[] permuted = TextInfilling.Permute(ids, sentences, draws.Permutation(sentences.Length));
        int[] infilled = TextInfilling.Infill(permuted, TextInfilling.Draw(ids.Length, rate, meanLength, draws), tokens.MaskId);
        return new CorruptedText([.. tokens.First, .. infilled, .. tokens.Last], [.. tokens.First, .. ids, .. tokens.Last]);
    }
}
