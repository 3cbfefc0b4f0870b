
namespace Heed.Tokenizers.SentencePiece;

/// <summary>A stretch of the normalized text, in bytes, and the id it became.</summary>
internal readonly record struct Segment(int Start, int Length, int Id);

/// <summary>Cuts normalized text into pieces.</summary>
internal interface ISentencePieceSegmenter
{
    /// <summary>The pieces of a text, in order; adds to <paramref name="steps"/> the steps that it took: what tests of the worst case
    /// count.</summary>
    List<Segment> Cut(ReadOnlySpan<byte> text, ref long steps);
}

/// <summary>Words, each with the space symbol before it; no segmentation inside.</summary>
internal sealed class WordSegmenter(SentencePieceVocabulary vocabulary) : ISentencePieceSegmenter
{
    public List<Segment> Cut(ReadOnlySpan<byte> text, ref long steps)
    {
        List<Segment> words = [];
        int start = 0;
        for (int at = 0; at < text.Length;)
        {
            int length = Math.Min(SentencePieceNormalizer.CharacterLength(text[at]), text.Length - at);
            bool space = text.Slice(at, length).SequenceEqual("\u2581"u8);
            steps++;
            if (space && at > start)
            {
                words.Add(new Segment(start, at - start, vocabulary.IdOf(text[start..at])));
                start = at;
            }

            at += length;
        }

        if (start < text.Length) words.Add(new Segment(start, text.Length - start, vocabulary.IdOf(text[start..])));
        return words;
    }
}

/// <summary>Characters and user-defined pieces.</summary>
internal sealed class CharacterSegmenter(SentencePieceVocabulary vocabulary) : ISentencePieceSegmenter
{
    public List<Segment> Cut(ReadOnlySpan<byte> text, ref long steps)
    {
        List<Segment> characters = [];
        for (int at = 0; at < text.Length;)
        {
            int length = vocabulary.UserDefined?.LongestPrefix(text[at..]) ?? 0;
            if (length == 0) length = Math.Min(SentencePieceNormalizer.CharacterLength(text[at]), text.Length - at);
            steps++;
            characters.Add(new Segment(at, length, vocabulary.IdOf(text.Slice(at, length))));
            at += length;
        }

        return characters;
    }
}

/// <summary>Merges neighbours into the piece with the highest score, leftmost first; O(n log n) in the length of the text.</summary>
internal sealed class MergeSegmenter(SentencePieceVocabulary vocabulary) : ISentencePieceSegmenter
{
    public List<Segment> Cut(ReadOnlySpan<byte> text, ref long steps)
    {
        Symbols symbols = Split(text);
        PriorityQueue<(int Left, int Right, int Length), (float Score, int Left)> agenda = new(BestFirst.Instance);
        Dictionary<string, int> unusedSplits = new(StringComparer.Ordinal);   // unused piece → length of its left part
        for (int i = 1; i < symbols.Count; i++) Offer(text, symbols, i - 1, i, agenda, unusedSplits);
        steps += symbols.Count;
        while (agenda.TryDequeue(out (int Left, int Right, int Length) top, out _))
        {
            steps++;
            // Stale where either symbol was merged meanwhile.
            if (symbols.Length[top.Left] == 0 || symbols.Length[top.Right] == 0 || symbols.Length[top.Left] + symbols.Length[top.Right] != top.Length) continue;
            symbols.Length[top.Left] = top.Length;
            symbols.Length[top.Right] = 0;
            int after = symbols.Next[top.Right];
            symbols.Next[top.Left] = after;
            if (after >= 0) symbols.Previous[after] = top.Left;
            Offer(text, symbols, symbols.Previous[top.Left], top.Left, agenda, unusedSplits);
            Offer(text, symbols, top.Left, after, agenda, unusedSplits);
        }

        List<Segment> segments = [];
        for (int i = symbols.Count > 0 ? 0 : -1; i >= 0; i = symbols.Next[i]) Resegment(text, symbols.Start[i], symbols.Length[i], unusedSplits, segments);
        return segments;
    }

    private Symbols Split(ReadOnlySpan<byte> text)
    {
        Symbols symbols = new(text.Length);
        for (int at = 0; at < text.Length;)
        {
            int length = vocabulary.UserDefined?.LongestPrefix(text[at..]) ?? 0;
            bool frozen = length > 0;
            if (!frozen) length = Math.Min(SentencePieceNormalizer.CharacterLength(text[at]), text.Length - at);
            symbols.Add(at, length, frozen);
            at += length;
        }

        symbols.Close();
        return symbols;
    }

    private void Offer(
        ReadOnlySpan<byte> text, Symbols symbols, int left, int right,
        PriorityQueue<(int Left, int Right, int Length), (float Score, int Left)> agenda, Dictionary<string, int> unusedSplits)
    {
        if (left < 0 || right < 0 || symbols.Frozen[left] || symbols.Frozen[right]) return;
        int length = symbols.Length[left] + symbols.Length[right];
        ReadOnlySpan<byte> piece = text.Slice(symbols.Start[left], length);
        int id = vocabulary.Ordinary.Find(piece);
        if (id < 0) return;
        agenda.Enqueue((left, right, length), (vocabulary.Score(id), left));
        if (vocabulary.Type(id) == SentencePieceType.Unused) unusedSplits[System.Text.Encoding.UTF8.GetString(piece)] = symbols.Length[left];
    }

    /// <summary>Takes unused pieces apart again, as they were put together.</summary>
    private void Resegment(ReadOnlySpan<byte> text, int start, int length, Dictionary<string, int> unusedSplits, List<Segment> segments)
    {
        Stack<(int Start, int Length)> open = new();
        open.Push((start, length));
        while (open.TryPop(out (int Start, int Length) part))
        {
            string piece = System.Text.Encoding.UTF8.GetString(text.Slice(part.Start, part.Length));
            int id = vocabulary.IdOf(piece);
            if (vocabulary.Type(id) == SentencePieceType.Unused && unusedSplits.TryGetValue(piece, out int left))
            {
                open.Push((part.Start + left, part.Length - left));
                open.Push((part.Start, left));
                continue;
            }

            segments.Add(new Segment(part.Start, part.Length, id));
        }
    }

    private sealed class Symbols(int capacity)
    {
        public int[] Start { get; } = new int[capacity];

        public int[] Length { get; } = new int[capacity];

        public int[] Next { get; } = new int[capacity];

        public int[] Previous { get; } = new int[capacity];

        public bool[] Frozen { get; } = new bool[capacity];

        public int Count { get; private set; }

        public void Add(int start, int length, bool frozen)
        {
            (Start[Count], Length[Count], Frozen[Count]) = (start, length, frozen);
            (Previous[Count], Next[Count]) = (Count - 1, Count + 1);
            Count++;
        }

        public void Close()
        {
            if (Count > 0) Next[Count - 1] = -1;
        }
    }

    /// <summary>Highest score first, of equal scores the leftmost.</summary>
    private sealed class BestFirst : IComparer<(float Score, int Left)>
    {
        public static BestFirst Instance { get; } = new();

        public int Compare((float Score, int Left) x, (float Score, int Left) y) => x.Score != y.Score ? y.Score.CompareTo(x.Score) : x.Left.CompareTo(y.Left);
    }
}
