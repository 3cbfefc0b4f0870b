using System.Text.Json;
using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Tokenizers;
using Heed.Tokenizers.SentencePiece;

namespace Heed.Generation.Tests;

/// <summary>GGUF files as models: goldens/gguf.</summary>
public sealed class GgufModelTests
{
    private static readonly string Folder = Path.Combine(Repository.Goldens, "gguf");

    public static TheoryData<string> Models
    {
        get
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "models.json")));
            return [.. document.RootElement.EnumerateArray().Select(m => m.GetProperty("file").GetString()!)];
        }
    }

    public static TheoryData<string, string, string> Odd
    {
        get
        {
            TheoryData<string, string, string> rows = [];
            foreach (string line in File.ReadLines(Path.Combine(Folder, "bad", "expected.jsonl")))
            {
                using JsonDocument row = JsonDocument.Parse(line);
                string Text(string key) => row.RootElement.TryGetProperty(key, out JsonElement value) ? value.GetString()! : "";
                rows.Add(Text("file"), Text("verdict"), Text("level"));
            }

            return rows;
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void A_file_gives_the_references_logits(string file)
    {
        string name = Path.GetFileNameWithoutExtension(file);
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(Folder, "expected.safetensors"));
        using JsonDocument noise = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "noise.json")));
        using Model model = ModelFolder.Load(Path.Combine(Folder, file)).Model;
        double norm = Check(model, expected, $"{name}/", noise.RootElement.GetProperty($"{name}/logits").GetDouble());
        Assert.True(norm > 0);
        string prefix = $"{name}/weight/";
        foreach (RawTensor weight in expected.Tensors.Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            float[] found = model.Parameters[weight.Name[prefix.Length..]].ToTensor().ToArray();
            Assert.Equal(weight.ToFloats(), found);
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void A_file_is_held_as_it_is_stored_and_computes_the_bits_of_its_widened_weights(string file)
    {
        string path = Path.Combine(Folder, file);
        using Model held = ModelFolder.Load(path).Model;
        using Model wide = ModelFolder.Load(path, new LoadOptions { Format = WeightFormat.Float32 }).Model;
        using GgufFile stored = GgufFile.Open(new DiskFile(path));
        string[] inEngine = [.. WeightFormat.All.Select(f => f.Name)];
        HashSet<string> types = [.. stored.Tensors.Where(t => t.Sizes.Length == 2 && t.Name != "position_embd.weight")
            .Select(t => t.StoredType.ToString().ToLowerInvariant()).Select(t => inEngine.Contains(t) ? t : "f32")];
        HashSet<string> formats = [.. held.Parameters.Where(p => p.IsPacked).Select(p => p.Format.Name)];
        Assert.Empty(formats.Except(types));
        if (file.Contains("q8_0", StringComparison.Ordinal)) Assert.Contains(held.Parameters, p => p.Format == WeightFormat.Q8_0);
        if (file.Contains("q4_0", StringComparison.Ordinal)) Assert.Contains(held.Parameters, p => p.Format == WeightFormat.Q4_0);
        if (file.Contains("k-quants", StringComparison.Ordinal)) Assert.Empty(((string[])["q4_k", "q6_k"]).Except(formats));
        foreach (int length in (int[])[1, 3, 7, 8])
        {
            using TensorScope scope = TensorScope.Begin();
            int[] ids = [.. Enumerable.Range(5, length)];
            Assert.Equal(Logits(wide, ids), Logits(held, ids));
        }
    }

    private static float[] Logits(Model model, int[] ids) => model.Run(new ModelInputs { InputIds = TokenGrid.Of([ids]) }).Logits!.ToArray();

    [Fact]
    public void The_tokenizer_inside_a_file_gives_the_references_ids()
    {
        Dictionary<string, Tokenizer> tokenizers = [];
        int count = 0;
        foreach (string line in File.ReadLines(Path.Combine(Folder, "tokenized.jsonl")))
        {
            using JsonDocument row = JsonDocument.Parse(line);
            string file = row.RootElement.GetProperty("file").GetString()!, text = row.RootElement.GetProperty("text").GetString()!;
            if (!tokenizers.TryGetValue(file, out Tokenizer? tokenizer))
            {
                tokenizer = Tokenizer.FromFiles(GgufModelFiles.OfPath(Path.Combine(Folder, file)));
                tokenizers.Add(file, tokenizer);
            }

            int[] expected = [.. row.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            // The reference recognises no special token that a text spells out; nor does SentencePiece itself.
            int[] found = SentencePieceOf(file) is { } pieces ? [.. pieces.Encode(text).Select(piece => piece.Id)]
                : [.. tokenizer.Encode(text, addSpecialTokens: false).Ids];
            if (!text.Contains("<s>", StringComparison.Ordinal)) Assert.Equal(found, tokenizer.Encode(text, addSpecialTokens: false).Ids);
            Assert.True(expected.SequenceEqual(found), $"{file}: {text}\n{string.Join(' ', expected)}\n{string.Join(' ', found)}");
            count++;
        }

        Assert.Equal(64, count);
    }

    [Theory, MemberData(nameof(Odd))]
    public void Odd_files_load_or_are_refused_with_a_reason(string file, string verdict, string level)
    {
        string path = Path.Combine(Folder, "bad", file);
        if (level == "file")
        {
            HeedException refused = Assert.ThrowsAny<HeedException>(() => GgufFile.Open(new DiskFile(path)).Dispose());
            Assert.Contains(file, refused.Message, StringComparison.Ordinal);
            return;
        }

        try
        {
            using HeedModel model = HeedModel.Open(path);
            Assert.NotEqual("reject", verdict);
            using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(Folder, "bad", "expected.safetensors"));
            Check(model.Model, expected, "", 0);
        }
        catch (HeedException e) when (verdict != "accept")
        {
            Assert.Contains(file, e.Message, StringComparison.Ordinal);
        }
    }

    private static SentencePieceProcessor? SentencePieceOf(string file)
    {
        IModelFiles files = GgufModelFiles.OfPath(Path.Combine(Folder, file));
        if (!files.Contains("tokenizer.model")) return null;
        string path = Path.Combine(Directory.CreateTempSubdirectory("heed-").FullName, "tokenizer.model");
        try
        {
            using ModelFile model = files.Open("tokenizer.model");
            byte[] bytes = new byte[model.Length];
            model.Read(0, bytes);
            File.WriteAllBytes(path, bytes);
            return SentencePieceProcessor.Load(path);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    /// <summary>L2 distance ≤ max(20 × noise, 2e-6 × norm).</summary>
    private static double Check(Model model, SafetensorsFile expected, string prefix, double noise)
    {
        RawTensor stored = expected[$"{prefix}input_ids"], logits = expected[$"{prefix}logits"];
        int[][] ids = [.. stored.ToFloats().Select(id => (int)id).Chunk((int)stored.Shape[1])];
        using TensorScope scope = TensorScope.Begin();
        ModelOutput output = model.Run(new ModelInputs { InputIds = TokenGrid.Of(ids) });
        float[] found = output.Logits!.ToArray(), right = logits.ToFloats();
        double distance = Math.Sqrt(found.Zip(right, (a, b) => ((double)a - b) * (a - b)).Sum()),
            norm = Math.Sqrt(right.Sum(v => (double)v * v));
        Assert.True(distance <= Math.Max(20 * noise, 2e-6 * norm), $"{prefix}: distance {distance}, norm {norm}, noise {noise}");
        return norm;
    }
}
