using System.Globalization;
using System.Text.Json;
using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Verification;

/// <summary>
/// Compares GGUF files with stored answers of the reference: any folder in the form of <c>goldens/gguf</c> (its README). One result for each
/// type of blocks in each direction, each model, each tokenized text and each broken or odd file.
/// </summary>
internal static class GgufVerification
{
    private const string Blocks = "blocks", Models = "models.json", Texts = "tokenized.jsonl", Odd = "bad/expected.jsonl";

    /// <summary>Whether a folder holds cases.</summary>
    public static bool IsCases(string folder) => GoldenPart.IsIn(folder, Blocks)
        || (File.Exists(Path.Combine(folder, Models)) && File.Exists(Path.Combine(folder, "expected.safetensors")));

    /// <summary>Computes every case of a folder and compares it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancellationToken">Looked at before each case.</param>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file is damaged, or there is no case.</exception>
    public static IReadOnlyList<VerificationResult> Run(string folder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        List<VerificationResult> results = [];
        if (GoldenPart.IsIn(folder, Blocks))
        {
            using GoldenPart part = GoldenPart.Open(folder, Blocks);
            foreach (GoldenCase type in part.Cases)
            {
                if (part.Has($"dequantize/{type.Name}/bytes")) Add($"dequantize {type.Name}", () => Dequantize(part, type));
                if (part.Has($"quantize/{type.Name}/bytes")) Add($"quantize {type.Name}", () => Quantize(part, type.Name));
            }
        }

        if (File.Exists(Path.Combine(folder, Models))) AddModels();
        foreach ((string line, int number) in Lines(folder, Texts))
        {
            using JsonDocument row = Row(folder, Texts, line, number);
            Add($"{Texts}:{number}", () => Tokenize(folder, row.RootElement));
        }

        foreach ((string line, int number) in Lines(folder, Odd))
        {
            using JsonDocument row = Row(folder, Odd, line, number);
            string file = Text(row.RootElement, "file");
            Add($"bad/{file}", () => CheckOdd(folder, file, Text(row.RootElement, "verdict"), row.RootElement));
        }

        return results.Count > 0 ? results : throw new InvalidFileException(folder, "", "has no cases; one entry a type was expected in "
            + "blocks.json, or one a file in models.json");

        void Add(string name, Func<string?> compare)
        {
            cancellationToken.ThrowIfCancellationRequested();
            results.Add(TokenizerVerification.Check(folder, name, compare));
        }

        void AddModels()
        {
            string noisePath = Path.Combine(folder, "noise.json");
            using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
            using JsonDocument models = StrictJson.ReadFile(Path.Combine(folder, Models));
            using JsonDocument noise = File.Exists(noisePath) ? StrictJson.ReadFile(noisePath) : JsonDocument.Parse("{}");
            foreach (JsonElement entry in models.RootElement.EnumerateArray())
            {
                string file = Text(entry, "file"), name = Path.GetFileNameWithoutExtension(file);
                double floor = noise.RootElement.TryGetProperty($"{name}/logits", out JsonElement e) ? e.GetDouble() : 0;
                Add(file, () => CheckModel(Path.Combine(folder, file), expected, $"{name}/", floor));
            }
        }
    }

    private static string? Dequantize(GoldenPart part, GoldenCase type)
    {
        byte[] blocks = part[$"dequantize/{type.Name}/bytes"].ToBytes();
        float[] wanted = part[$"dequantize/{type.Name}/values"].ToFloats(), found = new float[wanted.Length];
        GgufBlocks.Dequantize(Enum.Parse<GgufType>(type.Name), blocks, found);
        for (int i = 0; i < wanted.Length; i++)
        {
            bool same = float.IsNaN(wanted[i]) ? float.IsNaN(found[i])
                : BitConverter.SingleToInt32Bits(wanted[i]) == BitConverter.SingleToInt32Bits(found[i]);
            if (!same) return FormattableString.Invariant($"value {i} is {found[i]:G9}, not {wanted[i]:G9}");
        }

        return null;
    }

    private static string? Quantize(GoldenPart part, string name)
    {
        byte[] wanted = part[$"quantize/{name}/bytes"].ToBytes(), found = new byte[wanted.Length];
        GgufType type = Enum.Parse<GgufType>(name);
        GgufBlocks.Quantize(type, part[$"quantize/{name}/input"].ToFloats(), found);
        int first = wanted.AsSpan().CommonPrefixLength(found);
        return first == wanted.Length ? null
            : FormattableString.Invariant($"block {first / type.BlockBytes()} has byte {found[first]:X2}, not {wanted[first]:X2}");
    }

    // Logits, and the weights whose layout changes: L2 distance ≤ max(20 × noise, 2e-6 × norm).
    private static string? CheckModel(string path, SafetensorsFile expected, string prefix, double noise)
    {
        using Model model = ModelFolder.Load(path).Model;
        foreach (RawTensor weight in expected.Tensors.Where(t => t.Name.StartsWith($"{prefix}weight/", StringComparison.Ordinal)))
        {
            string name = weight.Name[$"{prefix}weight/".Length..];
            if (!model.Parameters[name].ToTensor().Span.SequenceEqual(weight.ToFloats())) return $"{name} has other values";
        }

        return CompareLogits(model, expected, prefix, noise);
    }

    private static string? CompareLogits(Model model, SafetensorsFile expected, string prefix, double noise)
    {
        RawTensor stored = expected[$"{prefix}input_ids"], logits = expected[$"{prefix}logits"];
        int[][] ids = [.. stored.ToFloats().Select(id => (int)id).Chunk((int)stored.Shape[1])];
        using TensorScope scope = TensorScope.Begin();
        float[] wanted = logits.ToFloats();
        Tensor found = model.Run(new ModelInputs { InputIds = TokenGrid.Of(ids) }).Logits!;
        if (found.Span.Length != wanted.Length) return $"logits have {found.Span.Length} numbers, {wanted.Length} were expected";
        (double distance, double norm) = TensorDistance.Measure(found.Span, wanted, logits.Sizes);
        double allowed = Math.Max(20 * noise, 2e-6 * norm);
        return distance <= allowed ? null
            : string.Create(CultureInfo.InvariantCulture, $"logits are {distance:0.0e+0} away, {allowed:0.0e+0} is allowed");
    }

    private static string? Tokenize(string folder, JsonElement row)
    {
        string text = Text(row, "text");
        int[] wanted = [.. row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
        Tokenizer tokenizer = Tokenizer.FromFiles(GgufModelFiles.OfPath(Path.Combine(folder, Text(row, "file"))));
        int[] found = [.. tokenizer.Encode(text, addSpecialTokens: false).Ids];
        // The reference recognises no special token that a text spells out; a tokenizer of text does.
        if (text.Contains("<s>", StringComparison.Ordinal) || wanted.AsSpan().SequenceEqual(found)) return null;
        return $"{Text(row, "file")}, '{text}': ids are {string.Join(' ', found)}, not {string.Join(' ', wanted)}";
    }

    private static string? CheckOdd(string folder, string file, string verdict, JsonElement row)
    {
        string path = Path.Combine(folder, "bad", file);
        bool isLoaded = false;
        try
        {
            if (row.TryGetProperty("level", out JsonElement level) && level.ValueEquals("file"))
            {
                using GgufFile opened = GgufFile.Open(new DiskFile(path));
                return $"was opened; it must be refused: {Text(row, "what")}";
            }

            using HeedModel model = HeedModel.Open(path);
            isLoaded = true;
            if (verdict == "reject") return $"was opened; it must be refused: {Text(row, "what")}";
            using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, "bad", "expected.safetensors"));
            return CompareLogits(model.Model, expected, "", 0);
        }
        catch (HeedException e) when (!isLoaded)
        {
            if (verdict == "accept") return $"must be accepted: {e.Message}";
            return e.Message.Contains(file, StringComparison.Ordinal) ? null : $"was refused without its name: {e.Message}";
        }
    }

    private static IEnumerable<(string Line, int Number)> Lines(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        return File.Exists(path) ? File.ReadLines(path).Select((line, i) => (line, i + 1)).Where(l => l.line.Length > 0) : [];
    }

    private static JsonDocument Row(string folder, string name, string line, int number)
    {
        try
        {
            return JsonDocument.Parse(line);
        }
        catch (JsonException e)
        {
            throw new InvalidFileException(Path.Combine(folder, name), $"line {number}", $"is not JSON: {e.Message}");
        }
    }

    private static string Text(JsonElement row, string name) => row.GetProperty(name).GetString()!;
}
