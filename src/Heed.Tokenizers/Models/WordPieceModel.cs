using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Models;

/// <summary>Greedy longest-match-first subwords.  Schuster and Nakajima 2012; Devlin et al. 2018.</summary>
internal sealed class WordPieceModel : ITokenModel
{
    private readonly VocabularyMap _map;
    private readonly int _longest;

    /// <param name="vocabulary">Tokens and ids; tokens inside a word carry the prefix.</param>
    /// <param name="unknownToken">Stands for words that cannot be made of pieces.</param>
    /// <param name="continuingSubwordPrefix">Prefix of tokens that do not begin a word.</param>
    /// <param name="maxInputCharsPerWord">Longer words, in code points, are unknown.</param>
    public WordPieceModel(IReadOnlyList<KeyValuePair<string, int>> vocabulary, string unknownToken = "[UNK]", string continuingSubwordPrefix = "##", int maxInputCharsPerWord = 100)
    {
        _map = new VocabularyMap(vocabulary);
        (UnknownToken, ContinuingSubwordPrefix, MaxInputCharsPerWord) = (unknownToken, continuingSubwordPrefix, maxInputCharsPerWord);
        foreach ((string token, _) in vocabulary) _longest = Math.Max(_longest, token.Length);
    }

    public string UnknownToken { get; }

    public string ContinuingSubwordPrefix { get; }

    public int MaxInputCharsPerWord { get; }

    public int VocabularySize => _map.Count;

    public IEnumerable<KeyValuePair<string, int>> Vocabulary => _map.Entries;

    public int IdOf(ReadOnlySpan<char> token) => _map.IdOf(token);

    public string? TokenOf(int id) => _map.TokenOf(id);

    public void Tokenize(ReadOnlySpan<char> piece, TokenList tokens)
    {
        if (piece.Length > WordCache.LongestWord)
        {
            Match(piece, tokens);
            return;
        }

        if (tokens.Scratch is not Scratch scratch || scratch.Owner != this) tokens.Scratch = scratch = new Scratch(this);
        if (scratch.Cache.TryAdd(piece, tokens)) return;
        int first = tokens.Count;
        Match(piece, tokens);
        scratch.Cache.Store(piece, tokens, first);
    }

    private void Match(ReadOnlySpan<char> piece, TokenList tokens)
    {
        if (piece.Length > MaxInputCharsPerWord && CodePoints(piece) > MaxInputCharsPerWord)
        {
            tokens.Operations += piece.Length;
            AddUnknown(piece.Length, tokens);
            return;
        }

        int first = tokens.Count;
        int prefixLength = ContinuingSubwordPrefix.Length;
        Span<char> candidate = stackalloc char[512];
        int room = Math.Min(_longest, prefixLength + piece.Length);
        if (room > candidate.Length) candidate = new char[room];
        ContinuingSubwordPrefix.AsSpan(0, Math.Min(prefixLength, candidate.Length)).CopyTo(candidate);
        for (int start = 0; start < piece.Length;)
        {
            int lead = start == 0 ? 0 : prefixLength;
            int end = Math.Min(piece.Length, start + Math.Max(0, _longest - lead));
            int id = -1;
            if (lead > 0 && end > start) piece[start..end].CopyTo(candidate[lead..]);
            for (; end > start; end--)
            {
                if (end < piece.Length && char.IsLowSurrogate(piece[end])) continue;
                tokens.Operations++;
                id = _map.IdOf(lead == 0 ? piece[start..end] : candidate[..(lead + end - start)]);
                if (id >= 0) break;
            }

            if (id < 0)
            {
                tokens.RemoveFrom(first);
                AddUnknown(piece.Length, tokens);
                return;
            }

            tokens.Add(id, start, end);
            start = end;
        }
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "WordPiece");
        json.WriteString("unk_token", UnknownToken);
        json.WriteString("continuing_subword_prefix", ContinuingSubwordPrefix);
        json.WriteNumber("max_input_chars_per_word", MaxInputCharsPerWord);
        _map.Write(json);
        json.WriteEndObject();
    }

    private void AddUnknown(int length, TokenList tokens)
    {
        int id = _map.IdOf(UnknownToken);
        if (id < 0)
            throw new ConfigException($"$.model.unk_token: \"{UnknownToken}\" is not in the vocabulary, but the text has a word that needs it; add it to $.model.vocab.");
        tokens.Add(id, 0, length);
    }

    private static int CodePoints(ReadOnlySpan<char> text)
    {
        int count = text.Length;
        foreach (char c in text)
            if (char.IsLowSurrogate(c)) count--;
        return count;
    }

    /// <summary>Words met before; the model they belong to.</summary>
    private sealed class Scratch(WordPieceModel owner)
    {
        public WordPieceModel Owner => owner;

        public WordCache Cache { get; } = new();
    }
}
