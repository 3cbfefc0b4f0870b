using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Models;

/// <summary>Tokens of short words, one word a slot: of fixed size, so that nothing is allocated after the first word.</summary>
internal sealed class WordCache
{
    /// <summary>Longest word that is kept, in UTF-16 units.</summary>
    public const int LongestWord = 16;

    private const int Slots = 8192;
    private const int MostTokens = 8;

    private readonly char[] _words = new char[Slots * LongestWord];
    private readonly byte[] _lengths = new byte[Slots];   // 0: free
    private readonly byte[] _counts = new byte[Slots];
    private readonly int[] _ids = new int[Slots * MostTokens];
    private readonly byte[] _starts = new byte[Slots * MostTokens];
    private readonly byte[] _ends = new byte[Slots * MostTokens];

    /// <summary>Appends the tokens of a word (not empty) that is in the cache.</summary>
    public bool TryAdd(ReadOnlySpan<char> word, TokenList tokens)
    {
        int slot = SlotOf(word);
        if (_lengths[slot] != word.Length || !word.SequenceEqual(_words.AsSpan(slot * LongestWord, word.Length))) return false;
        int count = _counts[slot], from = slot * MostTokens;
        int at = tokens.Reserve(count);
        for (int i = 0; i < count; i++)
        {
            tokens.Ids[at + i] = _ids[from + i];
            tokens.Starts[at + i] = _starts[from + i];
            tokens.Ends[at + i] = _ends[from + i];
        }

        tokens.Operations += word.Length;
        return true;
    }

    /// <summary>Keeps the tokens from <paramref name="first"/> on as those of a word; another word in its slot goes.</summary>
    public void Store(ReadOnlySpan<char> word, TokenList tokens, int first)
    {
        int count = tokens.Count - first;
        if (count > MostTokens) return;
        int slot = SlotOf(word), to = slot * MostTokens;
        word.CopyTo(_words.AsSpan(slot * LongestWord));
        _lengths[slot] = (byte)word.Length;
        _counts[slot] = (byte)count;
        for (int i = 0; i < count; i++)
        {
            _ids[to + i] = tokens.Ids[first + i];
            _starts[to + i] = (byte)tokens.Starts[first + i];
            _ends[to + i] = (byte)tokens.Ends[first + i];
        }
    }

    private static int SlotOf(ReadOnlySpan<char> word) => (int)(TextHash.Compute(word) & (Slots - 1));
}
