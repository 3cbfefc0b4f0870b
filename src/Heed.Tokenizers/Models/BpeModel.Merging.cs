using System.Globalization;
using System.Text;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Models;

internal sealed partial class BpeModel
{
    /// <summary>Pieces of at most this many symbols are merged by scanning for the best pair; longer ones by a heap.</summary>
    private const int ScanLimit = 32;

    /// <summary>SentencePiece's sign for a blank.</summary>
    private const char Mark = '▁';

    private MergeTable _table = new(0);
    private int[] _byteTokens = [];
    private int[] _asciiTokens = [];
    private bool _cutsAtMarks;

    public void Tokenize(ReadOnlySpan<char> piece, TokenList tokens)
    {
        if (Options.IgnoreMerges && Options.Dropout is not > 0)
        {
            tokens.Operations += piece.Length;
            int whole = _map.IdOf(piece);
            if (whole >= 0)
            {
                tokens.Add(whole, 0, piece.Length);
                return;
            }
        }

        BpeWord word = Word(tokens);
        if (!_cutsAtMarks)
        {
            TokenizeWord(piece, word, tokens);
            return;
        }

        for (int start = 0; start < piece.Length;)
        {
            int end = NextWord(piece, start), first = tokens.Count;
            TokenizeWord(piece[start..end], word, tokens);
            for (int i = first; i < tokens.Count; i++)
            {
                tokens.Starts[i] += start;
                tokens.Ends[i] += start;
            }

            start = end;
        }
    }

    private void TokenizeWord(ReadOnlySpan<char> piece, BpeWord word, TokenList tokens)
    {
        bool cached = piece.Length <= WordCache.LongestWord && Options.Dropout is not > 0;
        if (cached && word.Cache.TryAdd(piece, tokens)) return;
        int first = tokens.Count;
        word.Clear();
        Spell(piece, word);
        tokens.Operations += word.Count;
        if (Options.Dropout is > 0) MergeAllWithDropout(word, (float)Options.Dropout.Value, tokens);
        else if (word.Count <= ScanLimit) MergeByScan(word, tokens);
        else MergeByHeap(word, tokens);
        Append(piece, word, tokens);
        if (cached) word.Cache.Store(piece, tokens, first);
    }

    private BpeWord Word(TokenList tokens)
    {
        if (tokens.Scratch is not BpeWord word || word.Owner != this) tokens.Scratch = word = new BpeWord(this);
        return word;
    }

    /// <summary>Where the next ▁ follows another character; the end of the text where there is none.</summary>
    private static int NextWord(ReadOnlySpan<char> text, int at)
    {
        while (true)
        {
            int found = text[(at + 1)..].IndexOf(Mark);
            if (found < 0) return text.Length;
            at += found + 1;
            if (text[at - 1] != Mark) return at;
        }
    }

    /// <summary>
    /// Whether a text may be cut before each ▁ that follows another character and the words merged one by one: no merge joins what stands
    /// on both sides, and no character is dropped, which would move the places of the words after it.
    /// </summary>
    private bool MayCutAtMarks()
    {
        if (_map.IdOf([Mark]) < 0 || Options.Dropout is > 0 || Options.ContinuingSubwordPrefix is { Length: > 0 } || Options.EndOfWordSuffix is { Length: > 0 }) return false;
        if (Options.UnknownToken is null && (_byteTokens.Length == 0 || _byteTokens.Contains(-1))) return false;
        foreach ((string left, string right) in Merges)
            if (right.StartsWith(Mark) && !left.EndsWith(Mark)) return false;
        return true;
    }

    private void Prepare()
    {
        int prefixLength = Options.ContinuingSubwordPrefix?.Length ?? 0;
        _table = new MergeTable(Merges.Count);
        StringBuilder joined = new();
        for (int rank = 0; rank < Merges.Count; rank++)
        {
            (string left, string right) = Merges[rank];
            int leftId = _map.IdOf(left);
            if (leftId < 0) throw new MergeException(rank, left);
            int rightId = _map.IdOf(right);
            if (rightId < 0) throw new MergeException(rank, right);
            joined.Clear().Append(left).Append(right.AsSpan(Math.Min(prefixLength, right.Length)));
            int result = _map.IdOf(joined.ToString());
            if (result < 0) throw new MergeException(rank, joined.ToString());
            _table.Set(leftId, rightId, rank, result);
        }

        _asciiTokens = new int[0x180];
        for (int c = 0; c < _asciiTokens.Length; c++) _asciiTokens[c] = _map.IdOf([(char)c]);
        if (Options.ByteFallback)
        {
            _byteTokens = new int[256];
            for (int b = 0; b < 256; b++) _byteTokens[b] = _map.IdOf(string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>"));
        }

        _cutsAtMarks = MayCutAtMarks();
    }

    /// <summary>The characters of a piece as symbols, unknown ones spelled in bytes, replaced or dropped.</summary>
    private void Spell(ReadOnlySpan<char> piece, BpeWord word)
    {
        bool dressed = Options.ContinuingSubwordPrefix is { Length: > 0 } || Options.EndOfWordSuffix is { Length: > 0 };
        int unknown = -1, unknownLength = 0;
        Span<char> buffer = stackalloc char[256];
        for (int at = 0; at < piece.Length;)
        {
            int units = char.IsHighSurrogate(piece[at]) && at + 1 < piece.Length ? 2 : 1;
            scoped ReadOnlySpan<char> symbol = piece.Slice(at, units);
            int bytes = units == 2 ? 4 : symbol[0] < 0x80 ? 1 : symbol[0] < 0x800 ? 2 : 3;
            if (dressed) symbol = Dress(symbol, at == 0, at + units == piece.Length, buffer);
            at += units;
            int id = symbol.Length == 1 && symbol[0] < _asciiTokens.Length ? _asciiTokens[symbol[0]] : _map.IdOf(symbol);
            if (id >= 0)
            {
                if (unknown >= 0) word.Add(unknown, unknownLength);
                unknown = -1;
                word.Add(id, bytes);
                continue;
            }

            if (Options.ByteFallback && TrySpellBytes(symbol, word)) continue;
            if (Options.UnknownToken is null) continue;
            if (unknown >= 0 && Options.FuseUnknown)
            {
                unknownLength += bytes;
                continue;
            }

            if (unknown >= 0) word.Add(unknown, unknownLength);
            unknown = _map.IdOf(Options.UnknownToken);
            if (unknown < 0)
                throw new ConfigException($"$.model.unk_token: \"{Options.UnknownToken}\" is not in the vocabulary, but the text has a character that needs it; add it to $.model.vocab.");
            unknownLength = bytes;
        }

        if (unknown >= 0) word.Add(unknown, unknownLength);
    }

    private ReadOnlySpan<char> Dress(ReadOnlySpan<char> symbol, bool first, bool last, Span<char> buffer)
    {
        ReadOnlySpan<char> prefix = first ? "" : Options.ContinuingSubwordPrefix;
        ReadOnlySpan<char> suffix = last ? Options.EndOfWordSuffix : "";
        int length = prefix.Length + symbol.Length + suffix.Length;
        if (length > buffer.Length) buffer = new char[length];
        prefix.CopyTo(buffer);
        symbol.CopyTo(buffer[prefix.Length..]);
        suffix.CopyTo(buffer[(prefix.Length + symbol.Length)..]);
        return buffer[..length];
    }

    private bool TrySpellBytes(ReadOnlySpan<char> symbol, BpeWord word)
    {
        Span<byte> bytes = stackalloc byte[1024];
        if (symbol.Length * 3 > bytes.Length) bytes = new byte[symbol.Length * 3];
        bytes = bytes[..System.Text.Encoding.UTF8.GetBytes(symbol, bytes)];
        foreach (byte b in bytes)
            if (_byteTokens[b] < 0) return false;
        foreach (byte b in bytes) word.Add(_byteTokens[b], 1);
        return true;
    }

    /// <summary>Symbols back to tokens. Lengths are in UTF-8 bytes, as the reference counts; a byte inside a character stands for all of
    /// it.</summary>
    private static void Append(ReadOnlySpan<char> piece, BpeWord word, TokenList tokens)
    {
        int unit = 0, byteOfUnit = 0, position = 0;
        for (int at = word.First; at >= 0; at = word.Next[at])
        {
            int end = position + word.Lengths[at];
            Seek(piece, position, ref unit, ref byteOfUnit);
            int start = unit;
            int unitEnd = unit, byteEnd = byteOfUnit;
            Seek(piece, end - 1, ref unitEnd, ref byteEnd);
            int stop = unitEnd < piece.Length && char.IsHighSurrogate(piece[unitEnd]) && unitEnd + 1 < piece.Length ? unitEnd + 2 : Math.Min(unitEnd + 1, piece.Length);
            tokens.Add(word.Ids[at], start, stop);
            (unit, byteOfUnit, position) = (unitEnd, byteEnd, end);
        }
    }

    /// <summary>Moves to the character that holds UTF-8 byte <paramref name="target"/>.</summary>
    private static void Seek(ReadOnlySpan<char> piece, int target, ref int unit, ref int byteOfUnit)
    {
        while (unit < piece.Length)
        {
            char c = piece[unit];
            bool pair = char.IsHighSurrogate(c) && unit + 1 < piece.Length;
            int bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : pair ? 4 : 3;
            if (byteOfUnit + bytes > target) return;
            byteOfUnit += bytes;
            unit += pair ? 2 : 1;
        }
    }

    private void MergeByScan(BpeWord word, TokenList tokens)
    {
        int n = word.Count;
        if (n < 2) return;
        Span<long> ranks = stackalloc long[ScanLimit];
        for (int i = 0; i + 1 < n; i++) ranks[i] = _table.Find(word.Ids[i], word.Ids[i + 1]);
        ranks[n - 1] = long.MaxValue;
        while (true)
        {
            // Ranks lie in the upper half: the smallest value is the best merge, and the first of equal ones the leftmost.
            int best = -1;
            long bestRank = long.MaxValue;
            tokens.Operations += n;
            for (int i = 0; i < n; i++)
            {
                if (ranks[i] >= bestRank) continue;
                bestRank = ranks[i];
                best = i;
            }

            if (best < 0) return;
            int next = word.Next[best];
            word.Merge(best, next, (int)bestRank);
            ranks[next] = long.MaxValue;
            int after = word.Next[best];
            ranks[best] = after >= 0 ? _table.Find(word.Ids[best], word.Ids[after]) : long.MaxValue;
            int before = word.Previous[best];
            if (before >= 0) ranks[before] = _table.Find(word.Ids[before], word.Ids[best]);
        }
    }

    private void MergeByHeap(BpeWord word, TokenList tokens)
    {
        PriorityQueue<(int At, int Result), (int Rank, int At)> queue = word.Queue;
        queue.Clear();
        for (int i = 0; i + 1 < word.Count; i++) Push(word, i, i + 1);
        while (queue.TryDequeue(out (int At, int Result) top, out _))
        {
            tokens.Operations++;
            TryMerge(word, top.At, top.Result);
        }
    }

    private void MergeAllWithDropout(BpeWord word, float dropout, TokenList tokens)
    {
        PriorityQueue<(int At, int Result), (int Rank, int At)> queue = word.Queue;
        List<((int At, int Result) Merge, (int Rank, int At) Priority)> skipped = [];
        queue.Clear();
        for (int i = 0; i + 1 < word.Count; i++) Push(word, i, i + 1);
        while (queue.TryDequeue(out (int At, int Result) top, out (int Rank, int At) priority))
        {
            tokens.Operations++;
            if (word.Random.NextSingle() < dropout)
            {
                skipped.Add((top, priority));
                continue;
            }

            foreach (((int At, int Result) merge, (int Rank, int At) before) in skipped) queue.Enqueue(merge, before);
            skipped.Clear();
            TryMerge(word, top.At, top.Result);
        }
    }

    private void TryMerge(BpeWord word, int at, int result)
    {
        if (word.Lengths[at] == 0) return;
        int next = word.Next[at];
        if (next < 0) return;
        long now = _table.Find(word.Ids[at], word.Ids[next]);
        if (now == long.MaxValue || (int)now != result) return;
        word.Merge(at, next, result);
        if (word.Previous[at] >= 0) Push(word, word.Previous[at], at);
        if (word.Next[at] >= 0) Push(word, at, word.Next[at]);
    }

    private void Push(BpeWord word, int left, int right)
    {
        long found = _table.Find(word.Ids[left], word.Ids[right]);
        if (found != long.MaxValue) word.Queue.Enqueue((left, (int)found), ((int)(found >> 32), left));
    }
}

/// <summary>One piece while it is merged: symbols in a doubly linked list over arrays, reused from piece to piece.</summary>
internal sealed class BpeWord(BpeModel owner)
{
    public int[] Ids = new int[64];
    public int[] Lengths = new int[64];   // UTF-8 bytes; 0 once merged into the symbol before
    public int[] Next = new int[64];
    public int[] Previous = new int[64];

    /// <summary>The model whose words the cache holds.</summary>
    public BpeModel Owner => owner;

    /// <summary>Tokens of short words met before.</summary>
    public WordCache Cache { get; } = new();

    public int Count { get; private set; }

    public int First => Count > 0 ? 0 : -1;

    public PriorityQueue<(int At, int Result), (int Rank, int At)> Queue { get; } = new();

    /// <summary>Draws for dropout: the same for every word list, so that runs repeat.</summary>
    public Random Random { get; } = new(20240);

    public void Clear() => Count = 0;

    public void Add(int id, int length)
    {
        int at = Count++;
        if (at == Ids.Length)
        {
            Array.Resize(ref Ids, at * 2);
            Array.Resize(ref Lengths, at * 2);
            Array.Resize(ref Next, at * 2);
            Array.Resize(ref Previous, at * 2);
        }

        Ids[at] = id;
        Lengths[at] = length;
        Previous[at] = at - 1;
        Next[at] = -1;
        if (at > 0) Next[at - 1] = at;
    }

    /// <summary>Makes symbols <paramref name="at"/> and <paramref name="next"/> one.</summary>
    public void Merge(int at, int next, int result)
    {
        Ids[at] = result;
        Lengths[at] += Lengths[next];
        Lengths[next] = 0;
        int after = Next[next];
        Next[at] = after;
        if (after >= 0) Previous[after] = at;
    }
}
