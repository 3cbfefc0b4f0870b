namespace Heed.Training.Objectives;

/// <summary>Sentences in another order, and spans that one mask token each stands for (Lewis et al. 2020, §2.2).</summary>
internal static class TextInfilling
{
    /// <summary>Sentences of a row: each ends with the last of the tokens that end one; what follows them is one too.</summary>
    /// <param name="ids">The row.</param>
    /// <param name="endsSentence">[V]: true for tokens that end a sentence.</param>
    public static TokenSpan[] Sentences(ReadOnlySpan<int> ids, ReadOnlySpan<bool> endsSentence)
    {
        List<TokenSpan> sentences = [];
        int start = 0;
        for (int t = 0; t < ids.Length; t++)
        {
            bool isLast = t + 1 == ids.Length;
            if (!isLast && !(endsSentence[ids[t]] && !endsSentence[ids[t + 1]])) continue;
            sentences.Add(new TokenSpan(start, t + 1 - start));
            start = t + 1;
        }

        return [.. sentences];
    }

    /// <summary>The sentences in another order.</summary>
    /// <param name="ids">The row.</param>
    /// <param name="sentences">Cover the row.</param>
    /// <param name="order">Which comes first, second, …</param>
    public static int[] Permute(ReadOnlySpan<int> ids, ReadOnlySpan<TokenSpan> sentences, ReadOnlySpan<int> order)
    {
        int[] permuted = new int[ids.Length];
        int at = 0;
        foreach (int k in order)
        {
            ids.Slice(sentences[k].Start, sentences[k].Length).CopyTo(permuted.AsSpan(at));
            at += sentences[k].Length;
        }

        return permuted;
    }

    /// <summary>
    /// Spans with lengths from a Poisson distribution that cover a part of a row; the last one is cut to fit. All ways to place them
    /// between the other tokens are equally likely. A span of length 0 inserts a mask; there are never so many that the row grows.
    /// </summary>
    /// <param name="tokens">Tokens of the row.</param>
    /// <param name="rate">Part of the tokens that is covered.</param>
    /// <param name="meanLength">λ, at least 1.</param>
    /// <param name="draws">Random numbers.</param>
    public static TokenSpan[] Draw(int tokens, double rate, double meanLength, DrawSequence draws)
    {
        int covered = (int)Math.Round(tokens * rate, MidpointRounding.ToEven), left = covered;
        List<int> lengths = [];
        while (left > 0)
        {
            int length = Math.Min(left, draws.Poisson(meanLength));
            if (length == 0 && lengths.Count + left >= covered) continue;
            lengths.Add(length);
            left -= length;
        }

        bool[] isSpan = draws.Subset(tokens - covered + lengths.Count, lengths.Count);
        List<TokenSpan> spans = [];
        int at = 0;
        foreach (bool here in isSpan)
        {
            int length = here ? lengths[spans.Count] : 1;
            if (here) spans.Add(new TokenSpan(at, length));
            at += length;
        }

        return [.. spans];
    }

    /// <summary>Each span becomes one mask; one of length 0 puts a mask before its token.</summary>
    /// <param name="ids">The row.</param>
    /// <param name="spans">In the order of the row.</param>
    /// <param name="maskId">Id of the mask token.</param>
    public static int[] Infill(ReadOnlySpan<int> ids, ReadOnlySpan<TokenSpan> spans, int maskId)
    {
        List<int> row = [];
        int at = 0;
        foreach (TokenSpan span in spans)
        {
            row.AddRange(ids[at..span.Start]);
            row.Add(maskId);
            at = span.Start + span.Length;
        }

        row.AddRange(ids[at..]);
        return [.. row];
    }
}
