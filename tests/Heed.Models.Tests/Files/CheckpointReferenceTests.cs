using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Models.Files;
using Heed.Testing;

namespace Heed.Models.Tests.Files;

/// <summary>Folders of weights with which the reference is known to do something particular: docs/reference-behaviour.md lists
/// them.</summary>
public sealed class CheckpointReferenceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gpt2", "transformer.h.0.attn.bias")]
    [InlineData("gpt2", "transformer.h.0.attn.masked_bias")]
    [InlineData("bert-mlm", "bert.embeddings.position_ids")]
    public void Tensors_that_carry_nothing_are_dropped(string golden, string name)
    {
        Write(golden, t => t, RawTensor.FromBytes(name, DType.I64, [1, 2], new byte[16]));
        Assert.True(Load().IsComplete);
    }

    [Theory]
    [InlineData("bert-mlm", "bert.", "", true)]
    [InlineData("gpt2", "transformer.", "", true)]
    [InlineData("llama", "model.", "", true)]
    [InlineData("bert-mlm", "bert.", "model.bert.", false)]
    [InlineData("gpt2", "transformer.", "module.transformer.", false)]
    public void A_prefix_may_be_missing_but_no_second_one_stand_before_it(string golden, string prefix, string other, bool opens)
    {
        Write(golden, t => t.Name.StartsWith(prefix, StringComparison.Ordinal) ? t.Rename(other + t.Name[prefix.Length..]) : t);
        if (opens) Assert.True(Load().IsComplete);
        else Assert.Contains("tensors are missing", Assert.Throws<InputException>(() => Load()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Older_names_of_gains_and_biases_are_found()
    {
        static string Old(string name) => name.Contains("LayerNorm", StringComparison.Ordinal)
            ? name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal)
            : name;
        Write("bert-mlm", t => t.Rename(Old(t.Name)));
        Assert.True(Load().IsComplete);
    }

    [Theory]
    [InlineData("llama", "lm_head.weight")]
    [InlineData("bert-sequence", "classifier.weight")]
    [InlineData("bert-sequence", "bert.pooler.dense.weight")]
    public void A_head_that_is_missing_is_refused_unless_it_is_to_be_made_anew(string golden, string name)
    {
        Write(golden, t => t.Name == name ? null : t);
        Assert.Contains(name, Assert.Throws<InputException>(() => Load()).Message, StringComparison.Ordinal);
        Assert.Equal([name], Load(new LoadOptions { AllowMissing = true }).Missing);
    }

    [Fact]
    public void Weights_of_another_shape_are_refused_also_where_a_one_leads()
    {
        Write("llama", t => t.Name == "model.norm.weight" ? RawTensor.FromBytes(t.Name, t.DType, [1, .. t.Sizes], t.ToBytes()) : t);
        string message = Assert.Throws<InputException>(() => Load()).Message;
        Assert.Contains("model.norm.weight is [1, ", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CheckpointFolder.SafetensorsIndexName, """{"weight_map": {"a": "gone.safetensors"}}""")]
    [InlineData(CheckpointFolder.PickleName, "no pickle")]
    public void One_file_of_safetensors_wins(string other, string text)
    {
        Write("llama", t => t);
        File.WriteAllText(_folder.File(other), text);
        Assert.True(Load().IsComplete);
    }

    [Theory]
    [InlineData(DType.F64, "F32")]
    [InlineData(DType.F16, "F16")]
    [InlineData(DType.BF16, "BF16")]
    public void Weights_of_any_float_type_are_computed_with_in_float32_sums(DType stored, string saved)
    {
        Write("llama", t => stored == DType.F64 ? Doubles(t) : t.As(stored));
        using (Model model = ModelFolder.Load(_folder.Path).Model)
        {
            float[] logits = model.Run(new ModelInputs { InputIds = TokenGrid.Of([[5, 9, 2]]) }).Logits!.ToArray();
            using Model plain = ModelFolder.Load(_folder.Path, new LoadOptions { ForTraining = true }).Model;   // float32 weights
            Assert.Equal(plain.Run(new ModelInputs { InputIds = TokenGrid.Of([[5, 9, 2]]) }).Logits!.ToArray(), logits);
            ModelFolder.Save(model, _folder.File("saved"));
        }

        using CheckpointFolder again = CheckpointFolder.Open(_folder.File("saved"));
        Assert.Equal(saved, again["model.norm.weight"].DType.Name());
    }

    [Fact]
    public void A_saved_folder_leaves_a_tied_output_out_and_has_one_file()
    {
        using (Model model = ModelFolder.Load(Golden("gpt2")).Model) ModelFolder.Save(model, _folder.Path);
        Assert.Equal(["config.json", "model.safetensors"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using CheckpointFolder saved = CheckpointFolder.Open(_folder.Path);
        Assert.DoesNotContain(saved.Tensors, t => t.Name == "lm_head.weight");
    }

    [Fact]
    public void An_untied_output_that_is_stored_is_the_files()
    {
        Write("gpt2", t => t, RawTensor.FromFloats("lm_head.weight", [101, 36], new float[101 * 36]));
        Assert.Contains("'lm_head.weight' is stored with other values", Assert.Throws<InputException>(() => Load()).Message, StringComparison.Ordinal);
        JsonObject config = JsonNode.Parse(File.ReadAllText(_folder.File("config.json")))!.AsObject();
        config["tie_word_embeddings"] = false;
        File.WriteAllText(_folder.File("config.json"), config.ToJsonString());
        using Model model = ModelFolder.Load(_folder.Path).Model;
        Assert.All(model.Run(new ModelInputs { InputIds = TokenGrid.Of([[5, 9]]) }).Logits!.ToArray(), x => Assert.Equal(0, x));
    }

    private static RawTensor Doubles(RawTensor tensor)
    {
        double[] values = Array.ConvertAll(tensor.ToFloats(), x => (double)x);
        return RawTensor.FromBytes(tensor.Name, DType.F64, tensor.Sizes, System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>(values).ToArray());
    }

    private static string Golden(string name) => Path.Combine(Repository.Goldens, "models", name);

    private LoadReport Load(LoadOptions? options = null)
    {
        (Model model, LoadReport report) = ModelFolder.Load(_folder.Path, options);
        model.Dispose();
        return report;
    }

    /// <summary>A golden model with other tensors.</summary>
    private void Write(string golden, Func<RawTensor, RawTensor?> change, params RawTensor[] more)
    {
        File.Copy(Path.Combine(Golden(golden), "config.json"), _folder.File("config.json"));
        using CheckpointFolder from = CheckpointFolder.Open(Golden(golden));
        SafetensorsWriter.Write(_folder.File(CheckpointFolder.SafetensorsName), [.. from.Tensors.Select(change).OfType<RawTensor>(), .. more]);
    }
}
