using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Adapters;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Verification;
using Xunit;

namespace Heed.Models.Tests.Adapters;

/// <summary>Folders of adapters: written as PEFT writes them, opened as models, and refused where they do not fit.</summary>
public class AdapterFolderTests
{
    public static TheoryData<string> Folders => AdapterGoldenTests.Folders;

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_saved_adapter_has_the_bytes_that_PEFT_wrote(string name)
    {
        string golden = AdapterFolders.Golden(name);
        using TemporaryFolder folder = new();
        using Model model = AdapterFolders.Base(name);
        FolderModelFiles files = new(golden);
        using (AdapterTensors tensors = AdapterTensors.Open(files)) Adapter.Load(model, AdapterConfigFile.Read(files), tensors, null, wholeToo: true).Save(folder.Path);
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors"], Directory.GetFiles(folder.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal(File.ReadAllText(Path.Combine(golden, "adapter_config.json")), File.ReadAllText(folder.File("adapter_config.json")));
        byte[] expected = File.ReadAllBytes(Path.Combine(golden, "adapter_model.safetensors"));
        if (name == "bert-all-biases")
        {
            // PEFT adds copies of a head's bias, to be ignored.
            using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(golden, "adapter_model.safetensors"));
            using MemoryStream without = new();
            SafetensorsWriter.Write(without, file.Tensors.Where(t => !AdapterTensors.IsCopy(t.Name)), SafetensorsWriter.PyTorchMetadata);
            expected = without.ToArray();
        }

        Assert.Equal(expected, File.ReadAllBytes(folder.File("adapter_model.safetensors")));
    }

    [Fact]
    public void An_adapter_that_is_saved_elsewhere_still_finds_its_base()
    {
        using TemporaryFolder folder = new();
        using Model model = AdapterFolders.Base("gpt2-attention");
        Adapter.Load(model, AdapterFolders.Golden("gpt2-attention")).Save(folder.File("a/b/c"));
        using Model opened = ModelFolder.Load(folder.File("a/b/c")).Model;
        Assert.Equal(AdapterFolders.Logits(model).Length, AdapterFolders.Logits(opened).Length);
        Assert.InRange(AdapterFolders.Distance(AdapterFolders.Logits(opened), AdapterFolders.Logits(model)), 0, 2e-6);
    }

    [Theory]
    [InlineData("f32", 2e-6)]
    [InlineData("bf16", 5e-2)]
    [InlineData("f16", 5e-3)]
    [InlineData("q8_0", 5e-2)]
    public void An_opened_adapter_is_an_ordinary_model_in_every_format(string format, double tolerance)
    {
        using Model model = AdapterFolders.Base("llama-all-linear");
        string[] names = [.. model.Parameters.Select(p => p.Name)];
        Adapter.Load(model, AdapterFolders.Golden("llama-all-linear"));
        WeightFormat held = WeightFormat.All.Single(f => f.Name == format);
        using Model opened = ModelFolder.Load(AdapterFolders.Golden("llama-all-linear"), new LoadOptions { Format = held }).Model;
        Assert.Equal(names, opened.Parameters.Select(p => p.Name));
        Assert.Equal(held, opened.Parameters["model.layers.0.mlp.up_proj.weight"].Format);
        Assert.True(opened.Parameters["model.layers.0.mlp.up_proj.weight"].IsPacked);
        Assert.InRange(AdapterFolders.Distance(AdapterFolders.Logits(opened), AdapterFolders.Logits(model)), 0, tolerance);
    }

    [Fact]
    public void A_changed_table_parts_from_the_output_layer_and_is_saved_so()
    {
        using TemporaryFolder folder = new();
        using Model opened = ModelFolder.Load(AdapterFolders.Golden("gpt2-embedding")).Model;
        Assert.False(opened.Config.TiedOutput);
        Assert.NotEqual(opened.Parameters["transformer.wte.weight"].ToTensor().ToArray(), opened.Parameters["lm_head.weight"].ToTensor().ToArray());
        ModelFolder.Save(opened, folder.Path);
        using Model again = ModelFolder.Load(folder.Path).Model;
        Assert.Equal(AdapterFolders.Logits(opened), AdapterFolders.Logits(again));
    }

    [Fact]
    public void An_adapter_brings_its_head_to_a_base_that_was_trained_for_another()
    {
        using TemporaryFolder folder = new();
        string adapter = AdapterFolders.Copy("bert-attention", folder, c => c["base_model_name_or_path"] = Path.Combine(Repository.Goldens, "models", "bert-pretraining"));
        using Model opened = ModelFolder.Load(adapter).Model;
        Assert.Equal("BertForSequenceClassification", opened.Architecture);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(adapter, "adapter_model.safetensors"));
        Assert.Equal(file["base_model.model.classifier.weight"].ToFloats(), opened.Parameters["classifier.weight"].ToTensor().ToArray());
        Assert.Equal(opened.Parameters["classifier.weight"].Shape[0], opened.Config.Labels.Count);
    }

    [Fact]
    public void A_base_that_lacks_a_layer_which_the_adapter_does_not_bring_is_refused()
    {
        using TemporaryFolder folder = new();
        string adapter = AdapterFolders.Copy("bert-attention", folder, c => c["base_model_name_or_path"] = Path.Combine(Repository.Goldens, "models", "bert-mlm"));
        Assert.Contains("pooler", Assert.Throws<InputException>(() => ModelFolder.Load(adapter)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_base_is_given_or_named_or_an_error()
    {
        using TemporaryFolder folder = new();
        string adapter = AdapterFolders.Copy("gpt2-attention", folder, c => c["base_model_name_or_path"] = "nobody/nothing");
        StorageException missing = Assert.Throws<StorageException>(() => ModelFolder.Load(adapter));
        Assert.Contains("heed pull nobody/nothing", missing.Message, StringComparison.Ordinal);
        using (Model given = ModelFolder.Load(adapter, new LoadOptions { Base = new FolderModelFiles(AdapterFolders.BaseOf("gpt2-attention")) }).Model)
        using (Model named = ModelFolder.Load(AdapterFolders.Golden("gpt2-attention")).Model)
            Assert.Equal(AdapterFolders.Logits(named), AdapterFolders.Logits(given));
        (string, string?)? asked = null;
        LoadOptions hub = new() { FindModel = (name, revision) => { asked = (name, revision); return AdapterFolders.BaseOf("gpt2-attention"); } };
        using (Model found = ModelFolder.Load(adapter, hub).Model) Assert.Equal(("nobody/nothing", null), asked);
    }

    public static TheoryData<string, string, string> Refused => new()
    {
        { "peft_type", "\"IA3\"", "peft_type" },
        { "use_qalora", "true", "use_qalora" },
        { "lora_bias", "true", "lora_bias" },
        { "trainable_token_indices", "[1, 2]", "trainable_token_indices" },
        { "layer_replication", "[[0, 1]]", "layer_replication" },
        { "target_parameters", "[\"x\"]", "target_parameters" },
        { "init_lora_weights", "\"pissa\"", "init_lora_weights" },
        { "r", "0", "$.r" },
        { "lora_dropout", "1.0", "lora_dropout" },
        { "bias", "\"some\"", "bias" },
        { "target_modules", "[\"c_atn\"]", "nearest" },
        { "target_modules", "\".*ln_1\"", "LayerNorm" },
        { "target_modules", "\"(\"", "regular expression" },
        { "target_modules", "[\"c_proj\"]", "lora_A.weight" },
        { "use_dora", "true", "lora_magnitude_vector" },
        { "layers_pattern", "\"h\"", "layers_to_transform" },
        { "task_type", "\"TOKEN_CLS\"", "task_type" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_not_computed_or_does_not_fit_is_refused_by_name(string key, string value, string said)
    {
        using TemporaryFolder folder = new();
        string adapter = AdapterFolders.Copy("gpt2-attention", folder, c => c[key] = JsonNode.Parse(value));
        HeedException e = Assert.ThrowsAny<HeedException>(() => ModelFolder.Load(adapter));
        Assert.Contains(said, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_keys_are_warned_of_and_tensors_without_a_module_refused()
    {
        using TemporaryFolder folder = new();
        List<string> warnings = [];
        string adapter = AdapterFolders.Copy("gpt2-attention", folder, c => c["use_wonder"] = true);
        ModelFolder.Load(adapter, new LoadOptions { Warnings = new Reporter<string>(warnings.Add) }).Model.Dispose();
        Assert.Contains(warnings, w => w.Contains("use_wonder", StringComparison.Ordinal));
        using TemporaryFolder other = new();
        adapter = AdapterFolders.Copy("gpt2-all-linear", other, c => c["target_modules"] = new JsonArray("c_attn"));
        Assert.Contains("belong to no module", Assert.Throws<InvalidFileException>(() => ModelFolder.Load(adapter)).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string> Faults => new()
    {
        { "gpt2-attention", "lora_alpha", "9" },
        { "gpt2-dora", "lora_alpha", "9" },
        { "llama-all-linear", "use_rslora", "false" },
        { "llama-patterns", "alpha_pattern", "{}" },
        { "llama-patterns", "alpha_pattern", "{\"v_proj\": 6, \"layers.0.self_attn.q_proj\": 4}" },
        { "bert-all-biases", "layers_to_transform", "[0]" },
        { "bert-attention", "modules_to_save", "null" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void The_reference_finds_an_adapter_that_is_read_otherwise(string name, string key, string value)
    {
        using TemporaryFolder folder = new();
        Assert.False(ModelVerifier.Run(AdapterFolders.Copy(name, folder, c => c[key] = JsonNode.Parse(value))).Passed);
    }

    [Fact]
    public void The_reference_finds_another_optimizer_and_a_weight_that_moved()
    {
        string folder = AdapterFolders.Golden("gpt2-dora");
        Assert.False(ModelVerifier.Run(folder, new VerifyOptions { Optimizer = p => new AdamW(p) { Epsilon = 1e-4 } }).Passed);
        Assert.False(ModelVerifier.Run(folder, new VerifyOptions { Training = false, Change = m => m.Parameters["transformer.ln_f.weight"].Value.Span[0] += 0.01f }).Passed);
    }
}
