using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Generation.Gguf;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Tokenizers;

namespace Heed.Generation.Tests;

/// <summary>Models written as GGUF and read again.</summary>
public sealed class GgufExportTests : IDisposable
{
    private static readonly LoadOptions Exact = new() { Format = WeightFormat.Float32 };

    private readonly string _folder = Directory.CreateTempSubdirectory("heed-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("llama")]
    [InlineData("llama-tied-bias")]
    [InlineData("llama-rope-linear")]
    [InlineData("llama-rope-llama3")]
    [InlineData("gpt2")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    public void Float32_keeps_every_bit_of_the_weights(string name)
    {
        string source = Path.Combine(Repository.Goldens, "models", name), target = Path.Combine(_folder, "model.gguf");
        GgufReport report = GgufExport.Write(new FolderModelFiles(source), target, GgufType.F32, Exact);
        Assert.Equal(GgufType.F32, Assert.Single(report.Types).Type);
        using Model before = ModelFolder.Load(source, Exact).Model, after = ModelFolder.Load(target, Exact).Model;
        Assert.Equal(before.Architecture, after.Architecture);
        Assert.Equal(before.Parameters.Select(p => p.Name).Order(), after.Parameters.Select(p => p.Name).Order());
        foreach (Heed.Engine.Nn.Parameter parameter in before.Parameters)
            Assert.Equal(parameter.ToTensor().ToArray(), after.Parameters[parameter.Name].ToTensor().ToArray());
        using TensorScope scope = TensorScope.Begin();
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[3, 5, 7, 11, 13, 4, 6, 9]]) };
        float[] expected = before.Run(inputs).Logits!.ToArray(), found = after.Run(inputs).Logits!.ToArray();
        // The scaling of LLaMA 3 becomes factors, rounded to float32; all else is the same computation.
        if (name != "llama-rope-llama3") Assert.Equal(expected, found);
        else for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], 1e-4f);
    }

    [Theory]
    [InlineData("Q8_0", 0.02)]
    [InlineData("Q5_0", 0.2)]
    [InlineData("Q4_0", 0.4)]
    public void Narrow_types_stay_near(string type, double most)
    {
        string source = Path.Combine(Repository.Goldens, "models", "llama"), target = Path.Combine(_folder, "model.gguf");
        GgufExport.Write(new FolderModelFiles(source), target, Enum.Parse<GgufType>(type), Exact);
        using Model before = ModelFolder.Load(source, Exact).Model, after = ModelFolder.Load(target, Exact).Model;
        using TensorScope scope = TensorScope.Begin();
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[3, 5, 7, 11, 13, 4, 6, 9]]) };
        float[] expected = before.Run(inputs).Logits!.ToArray(), found = after.Run(inputs).Logits!.ToArray();
        double error = Math.Sqrt(expected.Zip(found, (a, b) => ((double)a - b) * (a - b)).Sum() / expected.Sum(v => (double)v * v));
        Assert.InRange(error, 1e-6, most);
    }

    [Theory]
    [InlineData("llama-f32.gguf")]
    [InlineData("gpt2-q8_0.gguf")]
    [InlineData("qwen2-q8_0.gguf")]
    [InlineData("llama-rope-llama3.gguf")]
    public void A_file_written_from_a_file_holds_the_same(string name)
    {
        string source = Path.Combine(Repository.Goldens, "gguf", "models", name), target = Path.Combine(_folder, "model.gguf");
        GgufExport.Write(GgufModelFiles.OfPath(source), target, GgufType.F32, Exact);
        using GgufFile before = GgufFile.Open(new DiskFile(source)), after = GgufFile.Open(new DiskFile(target));
        Assert.Equal(before.Tensors.Select(t => t.Name).Order(), after.Tensors.Select(t => t.Name).Order());
        foreach (GgufTensor tensor in before.Tensors)
        {
            Assert.True(after.TryGet(tensor.Name, out GgufTensor? found));
            Assert.Equal(tensor.ToFloats(), found.ToFloats());
        }

        foreach (string key in (string[])["tokens", "scores", "merges", "token_type", "bos_token_id", "eos_token_id", "model", "pre",
            "add_bos_token"])
        {
            string full = "tokenizer.ggml." + key;
            if (!before.Metadata.TryGetValue(full, out GgufValue? value)) continue;
            Assert.True(after.Metadata.TryGetValue(full, out GgufValue? kept), full);
            Assert.Equal(value.Value, kept.Value);
        }
    }

    [SharedFact]
    public void A_real_encoder_keeps_vectors_and_tokens()
    {
        string source = Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2"), target = Path.Combine(_folder, "model.gguf");
        GgufExport.Write(new FolderModelFiles(source), target, GgufType.F32, Exact);
        Tokenizer before = Tokenizer.FromFolder(source).WithTruncation(null).WithPadding(null),
            after = Tokenizer.FromFiles(GgufModelFiles.OfPath(target));
        foreach (string text in (string[])["The card was charged twice.", "naïve café", "Unbelievably, 東京!", ""])
            Assert.Equal(before.Encode(text).Ids, after.Encode(text).Ids);
        using Model left = ModelFolder.Load(source, Exact).Model, right = ModelFolder.Load(target, Exact).Model;
        using TensorScope scope = TensorScope.Begin();
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[101, 1996, 4003, 2001, 5338, 102]]) };
        Assert.Equal(left.Run(inputs).LastHiddenState!.ToArray(), right.Run(inputs).LastHiddenState!.ToArray());
    }

    [Fact]
    public void What_has_no_form_is_refused()
    {
        InputException refused = Assert.Throws<InputException>(() => GgufExport.Write(
            new FolderModelFiles(Path.Combine(Repository.Goldens, "models", "t5")), Path.Combine(_folder, "model.gguf"), GgufType.F32,
                Exact));
        Assert.Contains("T5", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(_folder));
    }
}
