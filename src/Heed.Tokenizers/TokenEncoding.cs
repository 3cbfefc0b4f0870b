using System.Diagnostics.CodeAnalysis;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers;

/// <summary>
/// The result of encoding one text or pair: parallel arrays of N tokens, special tokens and padding included.
/// </summary>
/// <remarks>
/// Offsets are <c>[start, end)</c> in UTF-16 units of the text (or word) they come from; <c>CodePointRanges</c> gives code points.
/// Token texts, type ids and masks are spread out into arrays when they are first asked for.
/// </remarks>
public sealed class TokenEncoding
{
    private readonly TokenRun[] _runs = [];
    private readonly ITokenModel? _model;

    /// <summary>An encoding of arrays that the caller gives.</summary>
    public TokenEncoding()
    {
    }

    [SetsRequiredMembers]
    internal TokenEncoding(EncodingBuilder made)
    {
        int n = made.Count;
        (Ids, Starts, Ends, WordIds) = (Copy(made.Ids, n), Copy(made.Starts, n), Copy(made.Ends, n), Copy(made.WordIds, n));
        (_runs, _model) = (made.Runs.ToArray(), made.Model);
        SequenceCount = Math.Max(1, System.Numerics.BitOperations.PopCount((uint)made.SequenceBits));
        if (made.Overflowing.Count > 0) Overflowing = [.. made.Overflowing.Select(window => window.ToEncoding())];
    }

    /// <summary>Token ids, [N].</summary>
    public required int[] Ids { get; init; }

    /// <summary>Token texts, [N].</summary>
    public required string[] Tokens { get => field ??= TokenRun.Texts(_runs, Ids, _model); init; }

    /// <summary>Start of each token in its text, in UTF-16 units, [N]; 0 for special tokens and padding.</summary>
    public required int[] Starts { get; init; }

    /// <summary>End (exclusive) of each token in its text, in UTF-16 units, [N].</summary>
    public required int[] Ends { get; init; }

    /// <summary>Index of the word (pre-token, or pre-split word) each token lies in, [N]; −1 for special tokens and padding.</summary>
    public required int[] WordIds { get; init; }

    /// <summary>Segment of each token (0 for the first text, usually 1 for the second), [N].</summary>
    public required int[] TypeIds { get => field ??= TokenRun.Spread(_runs, Count, static run => run.TypeId); init; }

    /// <summary>1 for tokens that the post-processor or padding added, else 0, [N].</summary>
    public required int[] SpecialTokensMask { get => field ??= TokenRun.Spread(_runs, Count, static run => run.Special); init; }

    /// <summary>1 for real tokens, 0 for padding, [N].</summary>
    public required int[] AttentionMask { get => field ??= TokenRun.Spread(_runs, Count, static run => run.Attention); init; }

    /// <summary>0 or 1 for tokens of the first or second text, −1 for special tokens and padding, [N].</summary>
    public required int[] SequenceIds { get => field ??= TokenRun.Spread(_runs, Count, static run => run.Sequence); init; }

    /// <summary>What truncation cut off: further windows of the same text, in order; empty without truncation.</summary>
    public IReadOnlyList<TokenEncoding> Overflowing { get; init; } = [];

    /// <summary>Number of texts that took part: 1 or 2; 0 for an encoding that no text reached.</summary>
    public int SequenceCount { get; init; } = 1;

    /// <summary>Number of tokens, N.</summary>
    public int Count => Ids.Length;

    /// <summary>The offsets as pairs, [N].</summary>
    internal IEnumerable<(int Start, int End)> Offsets
    {
        get
        {
            for (int i = 0; i < Starts.Length; i++) yield return (Starts[i], Ends[i]);
        }
    }

    /// <summary>Offsets in Unicode code points instead of UTF-16 units, [N].</summary>
    /// <param name="text">The text that was encoded.</param>
    /// <param name="pair">The second text if a pair was encoded.</param>
    public IReadOnlyList<Range> CodePointRanges(string text, string? pair = null) => Array.ConvertAll(ToCodePoints(text, pair), o => o.Start..o.End);

    /// <summary>Offsets in Unicode code points of pre-split words: each counts within its word, [N].</summary>
    /// <param name="words">The words that were encoded.</param>
    /// <param name="pair">The second list if a pair was encoded.</param>
    public IReadOnlyList<Range> CodePointRanges(IReadOnlyList<string> words, IReadOnlyList<string>? pair = null)
        => Array.ConvertAll(ToCodePoints(words, pair), o => o.Start..o.End);

    internal (int Start, int End)[] ToCodePoints(string text, string? pair = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        return ToCodePoints(i => SequenceIds[i] == 1 && pair is not null ? pair : text);
    }

    internal (int Start, int End)[] ToCodePoints(IReadOnlyList<string> words, IReadOnlyList<string>? pair = null)
    {
        ArgumentNullException.ThrowIfNull(words);
        return ToCodePoints(i => WordIds[i] < 0 ? "" : (SequenceIds[i] == 1 && pair is not null ? pair : words)[WordIds[i]]);
    }

    private static int[] Copy(int[] source, int count)
    {
        int[] copy = GC.AllocateUninitializedArray<int>(count);
        source.AsSpan(0, count).CopyTo(copy);
        return copy;
    }

    private (int Start, int End)[] ToCodePoints(Func<int, string> textOf)
    {
        (int, int)[] offsets = new (int, int)[Count];
        Dictionary<string, int[]> maps = new(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < offsets.Length; i++)
        {
            string text = textOf(i);
            if (!maps.TryGetValue(text, out int[]? map)) maps.Add(text, map = CodePointIndex(text));
            offsets[i] = (map[Math.Min(Starts[i], text.Length)], map[Math.Min(Ends[i], text.Length)]);
        }

        return offsets;
    }

    private static int[] CodePointIndex(string text)
    {
        int[] map = new int[text.Length + 1];
        for (int i = 0; i < text.Length; i++)
        {
            bool secondHalf = i > 0 && char.IsLowSurrogate(text[i]) && char.IsHighSurrogate(text[i - 1]);
            map[i + 1] = map[i] + (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) && !secondHalf ? 0 : 1);
        }

        return map;
    }
}
