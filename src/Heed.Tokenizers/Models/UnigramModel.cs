using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Models;

/// <summary>The likeliest way to cut a piece, each token with its own log probability.  Kudo 2018.</summary>
internal sealed partial class UnigramModel : ITokenModel
{
    private readonly VocabularyMap _map;

    /// <param name="pieces">Token and score (natural log of a probability) by id; the same token twice: the last one's id counts.</param>
    /// <param name="unknownId">Id of the unknown token; null where unknown characters are an error.</param>
    /// <param name="byteFallback">Whether unknown stretches are spelled as tokens <c>&lt;0x00&gt;</c>…<c>&lt;0xFF&gt;</c>.</param>
    public UnigramModel(IReadOnlyList<(string Piece, double Score)> pieces, int? unknownId, bool byteFallback)
    {
        if (unknownId is { } id && (id < 0 || id >= pieces.Count))
            throw new ArgumentOutOfRangeException(nameof(unknownId), id, $"The unknown token must be one of the {pieces.Count} pieces.");
        Pieces = pieces;
        (UnknownId, ByteFallback) = (unknownId, byteFallback);
        Dictionary<string, int> last = [];
        for (int i = 0; i < pieces.Count; i++) last[pieces[i].Piece] = i;
        _map = new VocabularyMap([.. last]);
        Prepare();
    }

    /// <summary>Tokens and scores by id.</summary>
    public IReadOnlyList<(string Piece, double Score)> Pieces { get; }

    public int? UnknownId { get; }

    public bool ByteFallback { get; }

    public int VocabularySize => Pieces.Count;

    public IEnumerable<KeyValuePair<string, int>> Vocabulary => Pieces.Select((piece, id) => new KeyValuePair<string, int>(piece.Piece, id));

    public int IdOf(ReadOnlySpan<char> token) => _map.IdOf(token);

    public string? TokenOf(int id) => (uint)id < (uint)Pieces.Count ? Pieces[id].Piece : null;

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Unigram");
        if (UnknownId is { } id) json.WriteNumber("unk_id", id);
        else json.WriteNull("unk_id");
        json.WriteStartArray("vocab");
        foreach ((string piece, double score) in Pieces)
        {
            json.WriteStartArray();
            json.WriteStringValue(piece);
            JsonNumbers.Write(json, score);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteBoolean("byte_fallback", ByteFallback);
        json.WriteEndObject();
    }
}
