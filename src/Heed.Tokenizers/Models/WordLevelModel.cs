using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Models;

/// <summary>Each piece is one token, or the unknown token.</summary>
internal sealed class WordLevelModel : ITokenModel
{
    private readonly VocabularyMap _map;

    /// <param name="vocabulary">Tokens and ids.</param>
    /// <param name="unknownToken">Token of pieces outside the vocabulary; may itself be missing, then such pieces are an error.</param>
    public WordLevelModel(IReadOnlyList<KeyValuePair<string, int>> vocabulary, string unknownToken)
    {
        _map = new VocabularyMap(vocabulary);
        UnknownToken = unknownToken;
    }

    public string UnknownToken { get; }

    public int VocabularySize => _map.Count;

    public IEnumerable<KeyValuePair<string, int>> Vocabulary => _map.Entries;

    public int IdOf(ReadOnlySpan<char> token) => _map.IdOf(token);

    public string? TokenOf(int id) => _map.TokenOf(id);

    public void Tokenize(ReadOnlySpan<char> piece, TokenList tokens)
    {
        tokens.Operations += piece.Length;
        int id = _map.IdOf(piece);
        if (id < 0) id = _map.IdOf(UnknownToken);
        if (id < 0)
            throw new ConfigException($"$.model.unk_token: \"{UnknownToken}\" is not in the vocabulary, but the text has a word that is not either; add it to $.model.vocab.");
        tokens.Add(id, 0, piece.Length);
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "WordLevel");
        _map.Write(json);
        json.WriteString("unk_token", UnknownToken);
        json.WriteEndObject();
    }
}
