namespace Heed.Training.Objectives;

/// <summary>Spans replaced by sentinels, which the decoder spells out (Raffel et al. 2020, §3.1.4 and §3.3.4).</summary>
internal static class SpanCorruption
{
    /// <summary>
    /// Tokens of a text whose corrupted form fills the encoder, and what the decoder then writes; each with its end token.
    /// </summary>
    /// <param name="Tokens">Tokens of the text.</param>
    /// <param name="Targets">Ids of the labels.</param>
    public readonly record struct Lengths(int Tokens, int Targets);

    /// <summary>How much of a text is replaced.</summary>
    /// <param name="Tokens">Tokens in spans.</param>
    /// <param name="Spans">Number of spans.</param>
    public readonly record struct Noise(int Tokens, int Spans);

    /// <summary>The longest text whose corrupted form has at most so many ids.</summary>
    /// <param name="inputs">Ids that the encoder reads, the end token included.</param>
    /// <param name="density">Part of the tokens in spans.</param>
    /// <param name="meanLength">Mean length of a span.</param>
    public static Lengths LengthsFor(int inputs, double density, double meanLength)
    {
        int tokens = inputs;
        while (InputsOf(tokens + 1) <= inputs) tokens++;
        int targets = TargetsOf(tokens);
        return density == 0.5 && targets > InputsOf(tokens) ? new Lengths(tokens - 1, targets - 1) : new Lengths(tokens, targets);

        int InputsOf(int n) => n - Rounded(n * density) + SpansOf(n) + 1;
        int TargetsOf(int n) => Rounded(n * density) + SpansOf(n) + 1;
        int SpansOf(int n) => Rounded(Rounded(n * density) / meanLength);
    }

    /// <summary>How much of a text of at least two tokens is replaced.</summary>
    public static Noise NoiseOf(int tokens, double density, double meanLength)
    {
        int noise = Math.Clamp(Rounded(tokens * density), 1, tokens - 1);
        return new Noise(noise, Math.Max(1, Rounded(Math.Min(noise, tokens - noise) / meanLength)));
    }

    /// <summary>
    /// Spans at random: all ways to part what is replaced, and what is kept, into pieces of at least one token are equally likely.
    /// The text begins with a kept piece.
    /// </summary>
    /// <param name="tokens">Tokens of the text, at least 2.</param>
    /// <param name="noise">From <see cref="NoiseOf"/>.</param>
    /// <param name="draws">Random numbers.</param>
    public static TokenSpan[] Draw(int tokens, Noise noise, DrawSequence draws)
    {
        int[] replaced = Pieces(noise.Tokens, noise.Spans, draws), kept = Pieces(tokens - noise.Tokens, noise.Spans, draws);
        TokenSpan[] spans = new TokenSpan[noise.Spans];
        int at = 0;
        for (int i = 0; i < spans.Length; i++)
        {
            spans[i] = new TokenSpan(at + kept[i], replaced[i]);
            at += kept[i] + replaced[i];
        }

        return spans;
    }

    /// <summary>
    /// Each span becomes the next sentinel of the inputs, each other stretch the next one of the labels; both end with the end token.
    /// </summary>
    /// <param name="ids">The text.</param>
    /// <param name="spans">In the order of the text, not touching each other.</param>
    /// <param name="sentinels">Ids of <c>&lt;extra_id_0&gt;</c>, <c>&lt;extra_id_1&gt;</c>, …; one more than spans.</param>
    /// <param name="endId">Id of the end token.</param>
    public static CorruptedText Corrupt(ReadOnlySpan<int> ids, ReadOnlySpan<TokenSpan> spans, ReadOnlySpan<int> sentinels, int endId)
    {
        bool[] isNoise = new bool[ids.Length];
        foreach (TokenSpan span in spans) isNoise.AsSpan(span.Start, Math.Min(span.Length, ids.Length - span.Start)).Fill(true);
        return new CorruptedText(Side(ids, isNoise, hidden: true, sentinels, endId), Side(ids, isNoise, hidden: false, sentinels, endId));
    }

    private static int[] Side(ReadOnlySpan<int> ids, bool[] isNoise, bool hidden, ReadOnlySpan<int> sentinels, int endId)
    {
        List<int> side = [];
        int used = 0;
        for (int t = 0; t < ids.Length; t++)
        {
            if (isNoise[t] != hidden) side.Add(ids[t]);
            else if (t == 0 || isNoise[t - 1] != hidden) side.Add(sentinels[used++]);
        }

        side.Add(endId);
        return [.. side];
    }

    private static int[] Pieces(int tokens, int pieces, DrawSequence draws)
    {
        bool[] ends = draws.Subset(tokens - 1, pieces - 1);
        int[] lengths = new int[pieces];
        int piece = 0;
        for (int t = 0; t < tokens; t++)
        {
            lengths[piece]++;
            if (t < ends.Length && ends[t]) piece++;
        }

        return lengths;
    }

    /// <summary>Half to even, as the reference rounds.</summary>
    private static int Rounded(double value) => (int)Math.Round(value, MidpointRounding.ToEven);
}
