using System.Text.Json;
using Heed.Tokenizers;
using Heed.Tokenizers.Serialization;
using Heed.Tokenizers.Text;

namespace Heed.Verification;

/// <summary>Single normalizers, pre-tokenizers and decoders.</summary>
internal static class ComponentCases
{
    public static IEnumerable<VerificationResult> Run(string folder)
    {
        foreach (string file in (string[])["normalizers.jsonl", "pre_tokenizers.jsonl"])
        {
            if (!TokenizerVerification.Has(folder, file)) continue;
            JsonElement[] configs = [];
            Dictionary<int, IPipelinePart> parts = [];
            foreach ((int line, JsonElement json) in TokenizerVerification.Lines(Path.Combine(folder, file)))
            {
                if (json.TryGetProperty("configs", out JsonElement list))
                {
                    configs = [.. list.EnumerateArray()];
                    continue;
                }

                int number = json.GetProperty("config").GetInt32();
                JsonScope config = new(configs[number], file, $"$.configs[{number}]");
                string name = $"{file[..^6]} {configs[number].GetProperty("type").GetString()} {number}, {json.GetProperty("name").GetString()} (line {line})";
                yield return TokenizerVerification.Check(folder, name, () => Compare(json, () =>
                {
                    if (!parts.TryGetValue(number, out IPipelinePart? part))
                        parts.Add(number, part = file[0] == 'n' ? NormalizerReader.Read(config) : PreTokenizerReader.Read(config));
                    return part is INormalizer normalizer ? Normalize(normalizer, json) : PreTokenize((IPreTokenizer)part, json);
                }));
            }
        }

        if (!TokenizerVerification.Has(folder, "decoders.jsonl")) yield break;
        foreach ((int line, JsonElement json) in TokenizerVerification.Lines(Path.Combine(folder, "decoders.jsonl")))
        {
            JsonScope config = new(json.GetProperty("config"), "decoders.jsonl", "$.config");
            yield return TokenizerVerification.Check(
                folder, $"decoders {config["type"].Text()} (line {line})", () => Compare(json, () => Decode(config, json)));
        }
    }

    private static string? Compare(JsonElement json, Func<string?> answer)
        => json.TryGetProperty("error", out JsonElement error)
            ? TokenizerVerification.ExpectError(() => answer(), error.GetString()!)
            : answer();

    private static string? Normalize(INormalizer normalizer, JsonElement json)
    {
        string text = json.GetProperty("text").GetString()!;
        NormalizedText normalized = new(CodePoint.WithoutLoneSurrogates(text));
        normalizer.Normalize(normalized);
        string? difference = EncodingComparison.Same("normalized", json.GetProperty("normalized").GetString()!, normalized.ToString());
        if (difference is not null) return difference;
        int at = 0, index = 0;
        foreach (JsonElement offset in json.GetProperty("offsets").EnumerateArray())
        {
            (int Start, int End) expected = (offset[0].GetInt32(), offset[1].GetInt32());
            (int Start, int End) actual = (CodePoint.Count(text.AsSpan(0, normalized.OriginalStart(at))), CodePoint.Count(text.AsSpan(0, normalized.OriginalEnd(at))));
            if (expected != actual) return $"offsets[{index}]: expected {expected}, got {actual}";
            _ = CodePoint.At(normalized.Span, at, out int units);
            at += units;
            index++;
        }

        return null;
    }

    private static string? PreTokenize(IPreTokenizer part, JsonElement json)
    {
        string text = json.GetProperty("text").GetString()!;
        PreTokenizedText pieces = new(CodePoint.WithoutLoneSurrogates(text));
        part.PreTokenize(pieces);
        List<(string, int, int)> actual = [];
        for (int i = 0; i < pieces.Count; i++)
        {
            (int start, int end) = pieces.Pieces[i];
            actual.Add((pieces[i].ToString(), CodePoint.Count(text.AsSpan(0, pieces.Text.OriginalStart(start))), CodePoint.Count(text.AsSpan(0, pieces.Text.OriginalEnd(end - 1)))));
        }

        (string, int, int)[] expected = [.. json.GetProperty("pieces").EnumerateArray().Select(piece => (piece[0].GetString()!, piece[1].GetInt32(), piece[2].GetInt32()))];
        if (expected.SequenceEqual(actual)) return null;
        int at = 0;
        while (at < expected.Length && at < actual.Count && expected[at] == actual[at]) at++;
        return $"pieces[{at}]: expected {(at < expected.Length ? expected[at] : "the end")}, "
            + $"got {(at < actual.Count ? actual[at] : "the end")}";
    }

    private static string? Decode(JsonScope config, JsonElement json)
    {
        List<string> tokens = [.. json.GetProperty("tokens").EnumerateArray().Select(token => token.GetString()!)];
        return EncodingComparison.Same("decoded", json.TryGetProperty("decoded", out JsonElement expected) ? expected.GetString()! : "", string.Concat(DecoderReader.Read(config).Decode(tokens)));
    }
}
