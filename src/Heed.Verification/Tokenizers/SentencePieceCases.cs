using System.Text.Json;
using Heed.Tokenizers;
using Heed.Tokenizers.SentencePiece;

namespace Heed.Verification;

/// <summary>A folder with a <c>spiece.model</c> and SentencePiece's own answers.</summary>
internal static class SentencePieceCases
{
    public static IEnumerable<VerificationResult> Run(string folder)
    {
        SentencePieceProcessor processor = SentencePieceProcessor.Load(Path.Combine(folder, "spiece.model"));
        foreach ((int line, JsonElement json) in TokenizerVerification.Lines(Path.Combine(folder, "cases.jsonl")))
        {
            string kind = json.GetProperty("kind").GetString()!;
            string name = json.TryGetProperty("name", out JsonElement given)
                ? $"{kind} {given.GetString()} (line {line})"
                : $"{kind} (line {line})";
            yield return TokenizerVerification.Check(folder, name, () => json.TryGetProperty("error", out JsonElement error)
                ? TokenizerVerification.ExpectError(() => Compare(processor, kind, json), error.GetString()!)
                : Compare(processor, kind, json));
        }
    }

    private static string? Compare(SentencePieceProcessor processor, string kind, JsonElement json) => kind switch
    {
        "encode" => Encode(processor, json),
        "ids" => EncodingComparison.Numbers(json, "ids", Ids(processor.Encode(Text(json)))),
        "options" => Options(processor, json),
        "nbest" => Best(processor, json),
        "decode" => EncodingComparison.Same("decoded", json.GetProperty("decoded").GetString()!, processor.Decode(EncodingComparison.Array(json.GetProperty("ids")))),
        _ => throw new InputException($"The kind of case \"{kind}\" is unknown; encode, ids, options, nbest or decode was expected."),
    };

    private static string? Encode(SentencePieceProcessor processor, JsonElement json)
    {
        string text = Text(json);
        IReadOnlyList<SentencePieceToken> tokens = processor.Encode(text);
        int[] ids = Ids(tokens);
        return EncodingComparison.Numbers(json, "ids", ids)
            ?? Texts(json, "pieces", tokens.Select(token => token.Piece))
            ?? Texts(json, "surfaces", tokens.Select(token => token.Surface))
            ?? Offsets(json, tokens, text)
            ?? EncodingComparison.Same("normalized", json.GetProperty("normalized").GetString()!, processor.Normalize(text))
            ?? EncodingComparison.Same("decoded", json.GetProperty("decoded").GetString()!, processor.Decode(ids));
    }

    private static string? Options(SentencePieceProcessor processor, JsonElement json)
    {
        JsonElement options = json.GetProperty("options");
        bool Has(string name) => options.TryGetProperty(name, out JsonElement value) && value.GetBoolean();
        IReadOnlyList<SentencePieceToken> tokens = processor.Encode(Text(json), new SentencePieceOptions
        {
            AddBos = Has("add_bos"),
            AddEos = Has("add_eos"),
            Reverse = Has("reverse"),
            EmitUnknownPiece = Has("emit_unk_piece"),
        });
        return EncodingComparison.Numbers(json, "ids", Ids(tokens)) ?? Texts(json, "pieces", tokens.Select(token => token.Piece));
    }

    private static string? Best(SentencePieceProcessor processor, JsonElement json)
    {
        const int Asked = 5;
        IReadOnlyList<ScoredSegmentation> found = processor.EncodeBest(Text(json), Asked);
        JsonElement stored = json.GetProperty("nbest");
        if (found.Count != stored.GetArrayLength()) return $"nbest: expected {stored.GetArrayLength()}, got {found.Count}";
        for (int i = 0; i < found.Count; i++)
        {
            string? difference = EncodingComparison.Numbers(stored[i], "ids", Ids(found[i].Tokens));
            if (difference is not null) return $"nbest[{i}]: {difference}";
            float score = (float)stored[i].GetProperty("score").GetDouble();
            if (score != found[i].Score) return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"nbest[{i}].score: expected {score}, got {found[i].Score}");
        }

        return null;
    }

    private static string Text(JsonElement json) => json.GetProperty("text").GetString()!;

    private static int[] Ids(IReadOnlyList<SentencePieceToken> tokens) => [.. tokens.Select(token => token.Id)];

    private static string? Texts(JsonElement json, string name, IEnumerable<string> actual)
    {
        string[] expected = [.. json.GetProperty(name).EnumerateArray().Select(item => item.GetString()!)], found = [.. actual];
        for (int i = 0; i < Math.Max(expected.Length, found.Length); i++)
        {
            string? difference = EncodingComparison.Same(
                $"{name}[{i}]", i < expected.Length ? expected[i] : "(none)", i < found.Length ? found[i] : "(none)");
            if (difference is not null) return difference;
        }

        return null;
    }

    private static string? Offsets(JsonElement json, IReadOnlyList<SentencePieceToken> tokens, string text)
    {
        int i = 0;
        foreach (JsonElement stored in json.GetProperty("offsets").EnumerateArray())
        {
            (int start, int end) = (Heed.Tokenizers.Text.CodePoint.Count(text.AsSpan(0, tokens[i].Start)), Heed.Tokenizers.Text.CodePoint.Count(text.AsSpan(0, tokens[i].End)));
            if (stored[0].GetInt32() != start || stored[1].GetInt32() != end)
                return $"offsets[{i}]: expected {stored.GetRawText()}, got [{start},{end}]";
            i++;
        }

        return null;
    }
}
