using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Heed.Tokenizers;
using Heed.Tokenizers.SentencePiece;

namespace Heed.Verification.Benchmarks;

/// <summary>A small model of every kind, made here, whose tokens are runs of one letter and pairs of two: what worst cases are measured
/// with.</summary>
internal static class SmallModels
{
    /// <summary>Name and encoder of each.</summary>
    public static IEnumerable<(string Name, Action<string> Encode)> All()
    {
        yield return ("BPE", Bpe(byteFallback: false));
        yield return ("BPE with byte fallback", Bpe(byteFallback: true));
        yield return ("WordPiece", Of(new JsonObject
        {
            ["type"] = "WordPiece",
            ["unk_token"] = "<unk>",
            ["continuing_subword_prefix"] = "##",
            ["max_input_chars_per_word"] = int.MaxValue,
            ["vocab"] = Numbered([.. Pieces(), .. Pieces().Skip(1).Select(piece => "##" + piece)]),
        }));
        yield return ("Unigram", Of(new JsonObject
        {
            ["type"] = "Unigram",
            ["unk_id"] = 0,
            ["vocab"] = new JsonArray([.. Pieces().Select((piece, i) => (JsonNode?)new JsonArray(piece, -0.01 * i))]),
            ["byte_fallback"] = false,
        }));
        yield return ("WordLevel", Of(new JsonObject { ["type"] = "WordLevel", ["vocab"] = Numbered(Pieces()), ["unk_token"] = "<unk>" }));
        foreach (SentencePieceModelType type in Enum.GetValues<SentencePieceModelType>())
        {
            SentencePieceProcessor processor = SentencePiece(type);
            yield return ($"SentencePiece {type}", text => processor.Encode(text));
        }
    }

    /// <summary>The unknown token, the letters, aa, aaaa … and each pair of two letters.</summary>
    private static List<string> Pieces()
    {
        List<string> pieces = ["<unk>"];
        for (char c = 'a'; c <= 'z'; c++) pieces.Add(c.ToString());
        for (int length = 2; length <= 32; length *= 2) pieces.Add(new string('a', length));
        for (char c = 'a'; c <= 'z'; c++)
            for (char d = 'a'; d <= 'z'; d++)
                if (c != 'a' || d != 'a') pieces.Add($"{c}{d}");
        return pieces;
    }

    private static Action<string> Bpe(bool byteFallback)
    {
        List<string> tokens = Pieces();
        // Nodes, not a collection expression of arrays: that would serialise by reflection, which ahead-of-time compilation lacks (cases:
        // u5).
        JsonNode?[] pairs = [.. tokens.Where(token => token.Length > 1 && token != "<unk>").Select(token => (JsonNode?)new JsonArray(token[..(token.Length / 2)], token[(token.Length / 2)..]))];
        JsonArray merges = new(pairs);
        if (byteFallback) tokens.AddRange(Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"));
        return Of(new JsonObject { ["type"] = "BPE", ["unk_token"] = "<unk>", ["fuse_unk"] = true, ["byte_fallback"] = byteFallback, ["vocab"] = Numbered(tokens), ["merges"] = merges });
    }

    private static JsonObject Numbered(List<string> tokens)
        => new(tokens.Select((token, id) => new KeyValuePair<string, JsonNode?>(token, id)));

    private static Action<string> Of(JsonObject model)
    {
        Tokenizer tokenizer = Tokenizer.FromJson(
            System.Text.Encoding.UTF8.GetBytes(new JsonObject { ["version"] = "1.0", ["model"] = model }.ToJsonString()));
        return text => tokenizer.Encode(text, addSpecialTokens: false);
    }

    /// <summary>A <c>.model</c> file, field by field: pieces (1), trainer (2) with the type (3), normalizer (3) with nothing set.</summary>
    private static SentencePieceProcessor SentencePiece(SentencePieceModelType type)
    {
        List<byte> file = [];
        List<string> pieces = Pieces();
        for (int i = 0; i < pieces.Count; i++)
        {
            byte[] text = System.Text.Encoding.UTF8.GetBytes(pieces[i]), score = new byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(score, -0.01f * i);
            SentencePieceType kind = i == 0 ? SentencePieceType.Unknown : SentencePieceType.Normal;
            Message(file, 1, [0x0A, (byte)text.Length, .. text, 0x15, .. score, 0x18, (byte)kind]);
        }

        Message(file, 2, [3 << 3, (byte)type]);
        Message(file, 3, []);
        return SentencePieceProcessor.Parse(file.ToArray(), "small.model");
    }

    private static void Message(List<byte> file, int field, byte[] bytes)
    {
        file.Add((byte)((field << 3) | 2));
        file.Add((byte)bytes.Length);
        file.AddRange(bytes);
    }
}
