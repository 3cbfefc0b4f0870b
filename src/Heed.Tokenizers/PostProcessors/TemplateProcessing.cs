using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.PostProcessors;

/// <summary>One part of a template: a text (<paramref name="Sequence"/> 0 or 1) or, where that is −1, a special token by name.</summary>
internal readonly record struct TemplatePiece(int Sequence, string Token, int TypeId);

/// <summary>A special token of a template: one name, any number of tokens.</summary>
internal sealed record TemplateToken(string Name, IReadOnlyList<int> Ids, IReadOnlyList<string> Tokens);

/// <summary>Texts and special tokens in any order.</summary>
internal sealed class TemplateProcessing(IReadOnlyList<TemplatePiece> single, IReadOnlyList<TemplatePiece> pair, IReadOnlyList<TemplateToken> specialTokens) : IPostProcessor
{
    private readonly Dictionary<string, TemplateToken> _tokens = specialTokens.DistinctBy(token => token.Name, StringComparer.Ordinal).ToDictionary(token => token.Name, StringComparer.Ordinal);

    public IReadOnlyList<TemplatePiece> Single => single;

    /// <summary>Each once, though one token may stand in several roles.</summary>
    public IReadOnlyCollection<TemplateToken> SpecialTokens => _tokens.Values;

    public int AddedTokens(bool isPair) => (isPair ? pair : single).Where(piece => piece.Sequence < 0).Sum(piece => _tokens[piece.Token].Ids.Count);

    public bool FramesOnce { get; } = single.Count(piece => piece.Sequence >= 0) == 1;

    public List<EncodingBuilder> Process(List<EncodingBuilder> encodings, bool addSpecialTokens)
    {
        if (encodings.Count > 2)
            throw new ConfigException("$.post_processor: a TemplateProcessing must come first among processors that add tokens; remove the second one.");
        List<EncodingBuilder> made = [];
        IReadOnlyList<TemplatePiece> template = encodings.Count == 2 ? pair : single;
        long limit = GrowthLimit.Of(encodings.Sum(encoding => (long)encoding.Count)) + template.Count;
        if (template.Sum(piece => (long)(piece.Sequence < 0 ? _tokens[piece.Token].Ids.Count : piece.Sequence < encodings.Count ? encodings[piece.Sequence].Count : 0)) > limit)
            throw GrowthLimit.Passed("$.post_processor", limit, "tokens");
        foreach (TemplatePiece piece in template)
        {
            if (piece.Sequence >= encodings.Count)
                throw new ConfigException("$.post_processor.single: uses the second text $B, but a single text was given; use $A only.");
            if (piece.Sequence >= 0) made.Add(Text(encodings[piece.Sequence], piece, again: made.Contains(encodings[piece.Sequence])));
            else if (addSpecialTokens) made.Add(Special(_tokens[piece.Token], piece.TypeId));
        }

        return made;
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "TemplateProcessing");
        WritePieces(json, "single", single);
        WritePieces(json, "pair", pair);
        json.WriteStartObject("special_tokens");
        foreach (TemplateToken token in SpecialTokens.OrderBy(token => token.Name, StringComparer.Ordinal))
        {
            json.WriteStartObject(token.Name);
            json.WriteString("id", token.Name);
            json.WriteStartArray("ids");
            foreach (int id in token.Ids) json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            foreach (string text in token.Tokens) json.WriteStringValue(text);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>A text in its place; one that stands in the template again is a copy with type ids of its own.</summary>
    private static EncodingBuilder Text(EncodingBuilder encoding, TemplatePiece piece, bool again)
    {
        if (again) encoding = encoding.Copy();
        encoding.SetTypeIds(piece.TypeId);
        encoding.SetSequence(piece.Sequence);
        return encoding;
    }

    private static EncodingBuilder Special(TemplateToken token, int typeId)
    {
        EncodingBuilder made = new();
        for (int i = 0; i < token.Ids.Count; i++) made.Add(token.Ids[i], 0, 0, -1, new TokenRun(1, typeId, 1, 1, -1, token.Tokens[i]));
        return made;
    }

    private static void WritePieces(Utf8JsonWriter json, string name, IReadOnlyList<TemplatePiece> pieces)
    {
        json.WriteStartArray(name);
        foreach (TemplatePiece piece in pieces)
        {
            json.WriteStartObject();
            json.WriteStartObject(piece.Sequence < 0 ? "SpecialToken" : "Sequence");
            json.WriteString("id", piece.Sequence < 0 ? piece.Token : piece.Sequence == 0 ? "A" : "B");
            json.WriteNumber("type_id", piece.TypeId);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
