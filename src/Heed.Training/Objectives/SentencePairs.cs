namespace Heed.Training.Objectives;

/// <summary>Two stretches of a corpus, and whether the second follows the first.</summary>
/// <param name="First">Ids of the first.</param>
/// <param name="Second">Ids of the second.</param>
/// <param name="Follows">True where the second stands behind the first in its document.</param>
internal readonly record struct SentencePair(TokenSpan First, TokenSpan Second, bool Follows);

/// <summary>
/// The pairs of next-sentence prediction (Devlin et al. 2019, §3.1 and appendix A.2). Each document is cut into chunks of whole sentences
/// that fill a row. A chunk is parted at a sentence drawn from it, or in its middle where it is one sentence. In half of the readings the
/// second part is the one that follows; in the others it begins at a sentence drawn from another document. What is too long loses tokens,
/// one by one, at either end of the longer part.
/// </summary>
internal sealed class SentencePairs
{
    private readonly List<TokenSpan> _sentences = [];
    private readonly List<(int First, int Count)> _documents = [];
    private readonly List<(int First, int Count, int Document)> _chunks = [];
    private readonly int _tokens;

    /// <summary>Cuts a corpus.</summary>
    /// <param name="ids">Documents, each with the end id behind it.</param>
    /// <param name="endId">Ends each document; it belongs to no sentence.</param>
    /// <param name="endsSentence">[V]: true for tokens that end a sentence.</param>
    /// <param name="tokens">Tokens of both parts together, at least 2.</param>
    public SentencePairs(ReadOnlySpan<int> ids, int endId, ReadOnlySpan<bool> endsSentence, int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 2);
        _tokens = tokens;
        for (int start = 0; start < ids.Length;)
        {
            int length = ids[start..].IndexOf(endId);
            if (length < 0) length = ids.Length - start;
            Add(ids.Slice(start, length), start, endsSentence);
            start += length + 1;
        }
    }

    /// <summary>Number of chunks: pairs of an epoch.</summary>
    public int Count => _chunks.Count;

    /// <summary>The pair of a chunk.</summary>
    /// <param name="chunk">0 … <see cref="Count"/> − 1.</param>
    /// <param name="draws">Random numbers of this reading.</param>
    public SentencePair Draw(int chunk, DrawSequence draws)
    {
        (int first, int count, int document) = _chunks[chunk];
        bool follows = draws.Uniform() < 0.5;
        (TokenSpan a, TokenSpan b) = Parted(first, count, draws);
        if (!follows) b = Elsewhere(document, a, b, draws);
        while (a.Length + b.Length > _tokens)
        {
            bool atStart = draws.Uniform() < 0.5;
            if (a.Length > b.Length) a = Shorter(a, atStart);
            else b = Shorter(b, atStart);
        }

        return new SentencePair(a, b, follows);
    }

    /// <summary>A document's sentences and chunks.</summary>
    private void Add(ReadOnlySpan<int> ids, int start, ReadOnlySpan<bool> endsSentence)
    {
        if (ids.Length < 2) return;
        int firstSentence = _sentences.Count, firstOfChunk = firstSentence, length = 0;
        foreach (TokenSpan s in TextInfilling.Sentences(ids, endsSentence))
        {
            _sentences.Add(new TokenSpan(start + s.Start, s.Length));
            length += s.Length;
            if (length >= _tokens) End();
        }

        End();
        _documents.Add((firstSentence, _sentences.Count - firstSentence));

        void End()
        {
            // One token alone has no two parts.
            if (length >= 2) _chunks.Add((firstOfChunk, _sentences.Count - firstOfChunk, _documents.Count));
            (firstOfChunk, length) = (_sentences.Count, 0);
        }
    }

    private (TokenSpan A, TokenSpan B) Parted(int first, int count, DrawSequence draws)
    {
        TokenSpan whole = Joined(first, first + count);
        int at = count == 1 ? whole.Length / 2 : Joined(first, first + 1 + draws.Integer(count - 1)).Length;
        return (whole with { Length = at }, new TokenSpan(whole.Start + at, whole.Length - at));
    }

    /// <summary>A stretch of another document that begins with a sentence; where there is one document, of the rest of that.</summary>
    private TokenSpan Elsewhere(int document, TokenSpan a, TokenSpan following, DrawSequence draws)
    {
        int other = document;
        if (_documents.Count > 1)
        {
            other = draws.Integer(_documents.Count - 1);
            if (other >= document) other++;
        }

        (int first, int count) = _documents[other];
        int sentence = first + draws.Integer(count);
        // Of a single document neither the first part itself nor what follows it counts as random.
        for (int i = 0; other == document && i < count && Touches(_sentences[sentence], a, following); i++)
            sentence = sentence + 1 < first + count ? sentence + 1 : first;
        int end = sentence + 1, length = _sentences[sentence].Length;
        while (end < first + count && length < _tokens - a.Length) length += _sentences[end++].Length;
        return Joined(sentence, end);
    }

    private TokenSpan Joined(int first, int end)
        => new(_sentences[first].Start, _sentences[end - 1].Start + _sentences[end - 1].Length - _sentences[first].Start);

    private static bool Touches(TokenSpan sentence, TokenSpan a, TokenSpan following)
        => sentence.Start < following.Start + following.Length && a.Start < sentence.Start + sentence.Length;

    private static TokenSpan Shorter(TokenSpan span, bool atStart)
        => atStart ? new TokenSpan(span.Start + 1, span.Length - 1) : span with { Length = span.Length - 1 };
}
