using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers;

/// <summary>
/// The result of encoding one text or pair: parallel lists of N tokens, special tokens and padding included. Nothing of it changes.
/// </summary>
/// <remarks>
/// Offsets are <c>[start, end)</c> in UTF-16 units of the text (or word) they come from; <c>CodePointRanges</c> gives code points.
/// Token texts, type ids and masks are spread out when they are first asked for.
/// </remarks>
public sealed class TokenEncoding
{
    private readonly TokenRun[] _runs;
    private readonly ITokenModel? _model;
    private readonly int[] _ids, _starts, _ends, _wordIds;
    private string[]? _tokens;
    private int[]? _typeIds, _specialTokensMask, _attentionMask, _sequenceIds;

    internal TokenEncoding(EncodingBuilder made)
    {
        int n = made.Count;
        (_ids, _starts, _ends, _wordIds) = (Copy(made.Ids, n), Copy(made.Starts, n), Copy(made.Ends, n), Copy(made.WordIds, n));
        (_runs, _model) = (made.Runs.ToArray(), made.Model);
        SequenceCount = Math.Max(1, System.Numerics.BitOperations.PopCount((uint)made.SequenceBits));
        if (made.Overflowing.Count > 0) Overflowing = [.. made.Overflowing.Select(window => window.ToEncoding())];
    }

    /// <summary>Token ids, [N].</summary>
    public ImmutableArray<int> Ids => ReadOnly(_ids);

    /// <summary>Token texts, [N].</summary>
    public ImmutableArray<string> Tokens => ReadOnly(_tokens ??= TokenRun.Texts(_runs, _ids, _model));

    /// <summary>Start of each token in its text, in UTF-16 units, [N]; 0 for special tokens and padding.</summary>
    public ImmutableArray<int> Starts => ReadOnly(_starts);

    /// <summary>End (exclusive) of each token in its text, in UTF-16 units, [N].</summary>
    public ImmutableArray<int> Ends => ReadOnly(_ends);

    /// <summary>Index of the word (pre-token, or pre-split word) each token lies in, [N]; −1 for special tokens and padding.</summary>
    public ImmutableArray<int> WordIds => ReadOnly(_wordIds);

    /// <summary>Segment of each token (0 for the first text, usually 1 for the second), [N].</summary>
    public ImmutableArray<int> TypeIds => ReadOnly(_typeIds ??= TokenRun.Spread(_runs, Count, static run => run.TypeId));

    /// <summary>1 for tokens that the post-processor or padding added, else 0, [N].</summary>
    public ImmutableArray<int> SpecialTokensMask
        => ReadOnly(_specialTokensMask ??= TokenRun.Spread(_runs, Count, static run => run.Special));

    /// <summary>1 for real tokens, 0 for padding, [N].</summary>
    public ImmutableArray<int> AttentionMask => ReadOnly(_attentionMask ??= TokenRun.Spread(_runs, Count, static run => run.Attention));

    /// <summary>0 or 1 for tokens of the first or second text, −1 for special tokens and padding, [N].</summary>
    public ImmutableArray<int> SequenceIds => ReadOnly(_sequenceIds ??= TokenRun.Spread(_runs, Count, static run => run.Sequence));

    /// <summary>What truncation cut off: further windows of the same text, in order; empty without truncation.</summary>
    public IReadOnlyList<TokenEncoding> Overflowing { get; } = [];

    /// <summary>Number of texts that took part: 1 or 2; 0 for an encoding that no text reached.</summary>
    public int SequenceCount { get; }

    /// <summary>Number of tokens, N.</summary>
    public int Count => _ids.Length;

    /// <summary><see cref="Ids"/> for models, which take arrays; not to be written to.</summary>
    internal int[] IdArray => _ids;

    /// <summary><see cref="TypeIds"/> for models; not to be written to.</summary>
    internal int[] TypeIdArray => ImmutableCollectionsMarshal.AsArray(TypeIds)!;

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

    /// <summary>The array itself, which nobody writes to any more; nothing is copied.</summary>
    private static ImmutableArray<T> ReadOnly<T>(T[] values) => ImmutableCollectionsMarshal.AsImmutableArray(values);

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
