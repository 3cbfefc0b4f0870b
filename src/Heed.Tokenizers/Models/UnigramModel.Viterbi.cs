using System.Globalization;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Models;

internal sealed partial class UnigramModel
{
    private const double UnknownPenalty = 10;

    private PieceTrie _trie = null!;
    private double[] _scores = [];
    private double _unknownScore;
    private int[] _byteTokens = [];

    public void Tokenize(ReadOnlySpan<char> piece, TokenList tokens)
    {
        if (tokens.Scratch is not Lattice lattice || lattice.Owner != this) tokens.Scratch = lattice = new Lattice(this);
        bool cached = piece.Length <= WordCache.LongestWord;
        if (cached && lattice.Cache.TryAdd(piece, tokens)) return;
        int first = tokens.Count;
        lattice.Clear(piece.Length);
        Forward(piece, lattice, tokens);
        Trace(piece, lattice, tokens);
        // An unknown token has a text of its own, which the cache does not keep.
        if (cached && !(UnknownId is { } unknown && tokens.Ids.AsSpan(first, tokens.Count - first).Contains(unknown))) lattice.Cache.Store(piece, tokens, first);
    }

    private void Prepare()
    {
        _scores = [.. Pieces.Select(piece => piece.Score)];
        double smallest = double.PositiveInfinity;
        foreach (double score in _scores)
            if (score < smallest) smallest = score;
        _unknownScore = smallest - UnknownPenalty;
        KeyValuePair<string, int>[] entries = [.. _map.Entries];
        _trie = new PieceTrie([.. entries.Select(entry => entry.Key)], [.. entries.Select(entry => entry.Value)]);
        if (!ByteFallback) return;
        _byteTokens = new int[256];
        for (int b = 0; b < 256; b++) _byteTokens[b] = _map.IdOf(string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>"));
    }

    /// <summary>Best score of every prefix: tokens in order of length, a later one only where strictly better.</summary>
    private void Forward(ReadOnlySpan<char> piece, Lattice lattice, TokenList tokens)
    {
        double[] best = lattice.Scores;
        int[] from = lattice.From;
        int[] ids = lattice.Ids;
        long steps = 0;
        for (int start = 0; start < piece.Length;)
        {
            int width = char.IsHighSurrogate(piece[start]) && start + 1 < piece.Length ? 2 : 1;
            double here = best[start];
            bool single = false;
            int state = PieceTrie.Root;
            for (int end = start; end < piece.Length;)
            {
                state = _trie.Step(state, piece[end]);
                steps++;
                if (state < 0) break;
                end++;
                int id = _trie.ValueOf(state);
                if (id < 0) continue;
                double score = _scores[id] + here;
                if (from[end] < 0 || score > best[end]) (best[end], from[end], ids[end]) = (score, start, id);
                single |= end - start == width;
            }

            if (!single)
            {
                int end = start + width;
                double score = _unknownScore + here;
                if (from[end] < 0 || score > best[end])
                {
                    if (UnknownId is not { } unknown)
                        throw new ConfigException("$.model.unk_id: is null, but the text has a character that is not in the vocabulary; set unk_id to the unknown token's id.");
                    (best[end], from[end], ids[end]) = (score, start, unknown);
                }
            }

            start += width;
        }

        tokens.Operations += steps;
    }

    /// <summary>Walks back from the end, a run of unknowns as one token, then puts the tokens in order.</summary>
    private void Trace(ReadOnlySpan<char> piece, Lattice lattice, TokenList tokens)
    {
        int count = 0;
        int[] cuts = lattice.Cuts;
        int[] kinds = lattice.CutIds;
        bool inUnknown = false;
        for (int end = piece.Length; end > 0;)
        {
            int start = lattice.From[end];
            bool unknown = lattice.Ids[end] == UnknownId;
            if (unknown && inUnknown)
            {
                cuts[count - 1] = start;
            }
            else
            {
                cuts[count] = start;
                kinds[count++] = lattice.Ids[end];
            }

            inUnknown = unknown;
            end = start;
        }

        for (int i = count - 1; i >= 0; i--)
        {
            int end = i > 0 ? cuts[i - 1] : piece.Length;
            AddToken(piece, cuts[i], end, kinds[i], tokens);
        }
    }

    private void AddToken(ReadOnlySpan<char> piece, int start, int end, int id, TokenList tokens)
    {
        if (id != UnknownId)
        {
            tokens.Add(id, start, end);
            return;
        }

        ReadOnlySpan<char> text = piece[start..end];
        int known = _map.IdOf(text);
        if (known >= 0)
        {
            tokens.Add(known, start, end);
            return;
        }

        if (ByteFallback && TryAddBytes(text, start, end, tokens)) return;
        tokens.Add(id, start, end);
        if (tokens.WantTexts) tokens.SetText(tokens.Count - 1, text.ToString());
    }

    private bool TryAddBytes(ReadOnlySpan<char> text, int start, int end, TokenList tokens)
    {
        int first = tokens.Count;
        Span<byte> utf8 = stackalloc byte[4];
        foreach (System.Text.Rune rune in text.EnumerateRunes())
        {
            int n = rune.EncodeToUtf8(utf8);
            foreach (byte b in utf8[..n])
            {
                if (_byteTokens[b] < 0)
                {
                    tokens.RemoveFrom(first);
                    return false;
                }

                tokens.Add(_byteTokens[b], start, end);
            }
        }

        return true;
    }

    /// <summary>Best path to each end, reused from piece to piece.</summary>
    private sealed class Lattice(UnigramModel owner)
    {
        /// <summary>The model whose words the cache holds.</summary>
        public UnigramModel Owner => owner;

        /// <summary>Tokens of short words met before.</summary>
        public WordCache Cache { get; } = new();

        public double[] Scores = new double[64];
        public int[] From = new int[64];
        public int[] Ids = new int[64];
        public int[] Cuts = new int[64];
        public int[] CutIds = new int[64];

        public void Clear(int length)
        {
            if (Scores.Length <= length)
            {
                int size = Math.Max(length + 1, Scores.Length * 2);
                Scores = new double[size];
                From = new int[size];
                Ids = new int[size];
                Cuts = new int[size];
                CutIds = new int[size];
            }

            Scores[0] = 0;
            From.AsSpan(0, length + 1).Fill(-1);
        }
    }
}
