using System.Security.Cryptography;
using System.Text.Json;
using Heed.Tokenizers;

namespace Heed.Verification;

/// <summary>The cases of one tokenizer: its answers to many texts.</summary>
internal static class PipelineCases
{
    public static IEnumerable<VerificationResult> Run(string folder)
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(folder);
        Tokenizer plain = tokenizer.WithTruncation(null).WithPadding(null);
        foreach ((int line, JsonElement json) in TokenizerVerification.Lines(Path.Combine(folder, "cases.jsonl")))
        {
            string kind = json.GetProperty("kind").GetString()!;
            string name = json.TryGetProperty("name", out JsonElement given) ? given.GetString()! : "";
            yield return TokenizerVerification.Check(
                folder, $"{kind} {name} (line {line})", () => Compare(kind == "as-file" ? tokenizer : plain, kind, json));
        }
    }

    private static string? Compare(Tokenizer tokenizer, string kind, JsonElement json)
    {
        if (json.TryGetProperty("error", out JsonElement error))
            return TokenizerVerification.ExpectError(() => Answer(tokenizer, kind, json), error.GetString()!);
        return Answer(tokenizer, kind, json);
    }

    private static string? Answer(Tokenizer tokenizer, string kind, JsonElement json)
    {
        string text = json.TryGetProperty("text", out JsonElement given) ? given.GetString()! : "";
        string? pair = json.TryGetProperty("pair", out JsonElement second) ? second.GetString() : null;
        bool special = !json.TryGetProperty("add_special_tokens", out JsonElement add) || add.GetBoolean();
        switch (kind)
        {
            case "single" or "pair" or "as-file":
                TokenEncoding encoding = tokenizer.Encode(text, pair, special);
                return EncodingComparison.Compare(json, encoding, encoding.ToCodePoints(text, pair))
                    ?? Ids(tokenizer, text, pair, special, encoding) ?? Decoded(tokenizer, json, encoding.IdArray);
            case "words":
                string[] words = [.. json.GetProperty("words").EnumerateArray().Select(word => word.GetString()!)];
                TokenEncoding split = tokenizer.EncodeWords(words);
                return EncodingComparison.Compare(json, split, split.ToCodePoints(words)) ?? Decoded(tokenizer, json, split.IdArray);
            case "ids-only":
                return EncodingComparison.Numbers(json, "ids", tokenizer.Encode(text, pair, special).Ids)
                    ?? Ids(tokenizer, text, pair, special, tokenizer.Encode(text, pair, special));
            case "ids":
                int[] ids = tokenizer.Encode(text).IdArray;
                string hash = Convert.ToHexStringLower(
                    SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(tokenizer.Decode(ids, skipSpecialTokens: false))));
                return EncodingComparison.Numbers(json, "ids", ids)
                    ?? EncodingComparison.Same("decoded_sha256", json.GetProperty("decoded_sha256").GetString()!, hash);
            case "truncation":
                TokenEncoding cut = tokenizer.WithTruncation(Truncation(json.GetProperty("truncation"))).Encode(text, pair);
                return EncodingComparison.Compare(json, cut, cut.ToCodePoints(text, pair), text, pair);
            case "batch":
                return Batch(tokenizer, json);
            case "decode":
                return Decoded(tokenizer, json, EncodingComparison.Array(json.GetProperty("ids")));
            case "stream":
                return Stream(tokenizer, json);
            default:
                return $"is of the kind \"{kind}\", which is not known";
        }
    }

    /// <summary>The path that gives ids alone must give the same ones.</summary>
    private static string? Ids(Tokenizer tokenizer, string text, string? pair, bool special, TokenEncoding encoding)
    {
        if (pair is not null) return null;
        List<int> ids = [];
        tokenizer.EncodeToIds(text, ids, special);
        // Ids alone are those of the whole text; the encoding of the case may be cut and padded.
        if (tokenizer.Truncation is not null || tokenizer.Padding is not null)
            encoding = tokenizer.WithTruncation(null).WithPadding(null).Encode(text, null, special);
        return ids.SequenceEqual(encoding.Ids) && tokenizer.CountTokens(text, special) == ids.Count
            ? null
            : "EncodeToIds or CountTokens differs from Encode";
    }

    private static TruncationOptions Truncation(JsonElement json) => new(json.GetProperty("max_length").GetInt32())
    {
        Stride = json.GetProperty("stride").GetInt32(),
        Strategy = json.GetProperty("strategy").GetString() switch
        {
            "only_first" => TruncationStrategy.OnlyFirst,
            "only_second" => TruncationStrategy.OnlySecond,
            _ => TruncationStrategy.LongestFirst,
        },
        Direction = json.GetProperty("direction").GetString() == "left" ? Side.Left : Side.Right,
    };

    private static string? Batch(Tokenizer tokenizer, JsonElement json)
    {
        JsonElement padding = json.GetProperty("padding");
        tokenizer = tokenizer.WithPadding(new PaddingOptions
        {
            Id = padding.GetProperty("pad_id").GetInt32(),
            Token = padding.GetProperty("pad_token").GetString()!,
            TypeId = padding.TryGetProperty("pad_type_id", out JsonElement type) ? type.GetInt32() : 0,
            Direction = padding.GetProperty("direction").GetString() == "left" ? Side.Left : Side.Right,
            Length = padding.TryGetProperty("length", out JsonElement length) ? length.GetInt32() : null,
            MultipleOf = padding.TryGetProperty("pad_to_multiple_of", out JsonElement multiple) ? multiple.GetInt32() : null,
        });
        if (json.TryGetProperty("truncation", out JsonElement truncation)) tokenizer = tokenizer.WithTruncation(Truncation(truncation));
        string[] texts = [.. json.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!)];
        IReadOnlyList<TokenEncoding> encodings = tokenizer.EncodeBatch(texts);
        int at = 0;
        foreach (JsonElement expected in json.GetProperty("encodings").EnumerateArray())
        {
            string? difference = EncodingComparison.Compare(expected, encodings[at], encodings[at].ToCodePoints(texts[at]));
            if (difference is not null) return $"text {at}: {difference}";
            at++;
        }

        return null;
    }

    private static string? Decoded(Tokenizer tokenizer, JsonElement json, int[] ids)
    {
        foreach ((string name, bool skip) in (ReadOnlySpan<(string, bool)>)[("decoded", false), ("decoded_skip", true)])
        {
            if (!json.TryGetProperty(name, out JsonElement expected)) continue;
            string? difference = EncodingComparison.Same(name, expected.GetString()!, tokenizer.Decode(ids, skip));
            if (difference is not null) return difference;
        }

        return null;
    }

    private static string? Stream(Tokenizer tokenizer, JsonElement json)
    {
        DecodeStream stream = tokenizer.CreateDecodeStream();
        int at = 0;
        int[] ids = EncodingComparison.Array(json.GetProperty("ids"));
        List<string?> chunks = [.. ids.Select(stream.Step)];
        if (!json.TryGetProperty("chunks", out JsonElement expected)) return null;
        // The reference returns bytes before their run is closed, and fails where a later byte spoils them; here they come with the end of
        // the run.
        if (tokenizer.TokenToId("<0x00>") is not null)
            return EncodingComparison.Same("chunks", string.Concat(expected.EnumerateArray().Select(c => c.GetString())), string.Concat(chunks) + stream.Flush());
        foreach (JsonElement chunk in expected.EnumerateArray())
        {
            string? difference = EncodingComparison.Same($"chunks[{at}]", chunk.GetString() ?? "null", chunks[at] ?? "null");
            if (difference is not null) return difference;
            at++;
        }

        return null;
    }
}
