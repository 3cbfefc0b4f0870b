using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Models.Llama;
using Heed.Verification;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Files;

/// <summary>Folders as they were published: older class names, stacks without their prefix, tensors that are left out or carry nothing.
/// They compute what the reference computes.</summary>
public sealed class PublishedFolderTests
{
    private static string Model(string name) => Path.Combine(Repository.Goldens, "models", name);

    /// <summary>A reference folder with another class name and other tensors.</summary>
    private static void Publish(string golden, string target, string? architecture, Func<RawTensor, RawTensor?>? change = null, params RawTensor[] more)
    {
        foreach (string file in Directory.GetFiles(Model(golden))) File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        string config = Path.Combine(target, "config.json"), weights = Path.Combine(target, "model.safetensors");
        JsonObject json = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
        if (architecture is not null) json["architectures"] = new JsonArray(architecture);
        File.WriteAllText(config, json.ToJsonString());
        using CheckpointFolder from = CheckpointFolder.Open(Model(golden));
        SafetensorsWriter.Write(weights, [.. from.Tensors.Select(t => change is null ? t : change(t)).OfType<RawTensor>(), .. more]);
    }

    private static RawTensor? WithoutPrefix(RawTensor tensor, string prefix) => tensor.Name.StartsWith(prefix, StringComparison.Ordinal) ? tensor.Rename(tensor.Name[prefix.Length..]) : tensor;

    private static RawTensor? WithoutBias(RawTensor tensor) => tensor.Name == "final_logits_bias" ? null : tensor;

    private static RawTensor Zeros(string name, params long[] shape) => RawTensor.FromFloats(name, shape, new float[shape.Aggregate(1L, (a, b) => a * b)]);

    private static void AssertPasses(string folder)
    {
        VerifyResult result = ModelVerifier.Run(folder, null);
        Assert.True(result.Passed, $"{result}\n{string.Join("\n", result.Checks.Where(c => !c.Passed).Take(10))}");
    }

    [Theory]
    [InlineData("gpt2", "GPT2Model", "transformer.", "GPT2LMHeadModel")]
    [InlineData("openai-gpt", "OpenAIGPTModel", "transformer.", "OpenAIGPTLMHeadModel")]
    [InlineData("bloom-alibi", "BloomModel", "transformer.", "BloomForCausalLM")]
    [InlineData("llama-tied-bias", "LlamaModel", "model.", "LlamaForCausalLM")]
    [InlineData("t5", "T5WithLMHeadModel", "", "T5ForConditionalGeneration")]
    [InlineData("t5", "T5Model", "", "T5ForConditionalGeneration")]
    [InlineData("bert-mlm", "BertLMHeadModel", "", "BertForMaskedLM")]
    [InlineData("roberta-mlm", "RobertaForCausalLM", "", "RobertaForMaskedLM")]
    public void Other_names_of_a_class_compute_the_same(string golden, string architecture, string prefix, string opened)
    {
        using TemporaryFolder folder = new();
        Publish(golden, folder.Path, architecture, t => WithoutPrefix(t, prefix));
        AssertPasses(folder.Path);
        (Model model, LoadReport report) = ModelFolder.Load(folder.Path);
        using (model) Assert.Equal((opened, true), (model.Architecture, report.IsComplete));
    }

    [Fact]
    public void A_bart_stack_without_prefix_and_without_the_fixed_bias_opens()
    {
        using TemporaryFolder folder = new(), saved = new();
        using CheckpointFolder golden = CheckpointFolder.Open(Model("bart"));
        // The bias has values here: without it other scores are right, those of a zero bias.
        Publish("bart", folder.Path, "BartModel", t => WithoutBias(t) is { } kept ? WithoutPrefix(kept, "model.") : null,
            golden["model.shared.weight"].Rename("encoder.embed_tokens.weight"), golden["model.shared.weight"].Rename("decoder.embed_tokens.weight"), Zeros("encoder.version", 1), Zeros("decoder.version", 1));
        (Model model, LoadReport report) = ModelFolder.Load(folder.Path);
        using (model)
        {
            Assert.True(report.IsComplete);
            Assert.Equal("BartForConditionalGeneration", model.Architecture);
            Assert.All(model.Parameters["final_logits_bias"].Value.Span.ToArray(), v => Assert.Equal(0, v));
            ModelInputs inputs = new() { InputIds = TokenGrid.Of([[5, 6, 7, 3]]), DecoderInputIds = TokenGrid.Of([[3, 8, 9]]) };
            using Model whole = ModelFolder.Load(Model("bart")).Model;
            float[] bias = whole.Parameters["final_logits_bias"].Value.Span.ToArray(), expected = whole.Run(inputs).Logits!.Span.ToArray(), actual = model.Run(inputs).Logits!.Span.ToArray();
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i] - bias[i % bias.Length], actual[i], 1e-5);
            ModelFolder.Save(model, saved.Path);
        }

        Assert.Equal("BartForConditionalGeneration", JsonNode.Parse(File.ReadAllText(saved.File("config.json")))!["architectures"]![0]!.GetValue<string>());
    }

    [Fact]
    public void A_marian_model_without_the_fixed_bias_and_under_its_stacks_name_opens()
    {
        using TemporaryFolder folder = new();
        Publish("marian", folder.Path, "MarianModel", t => WithoutBias(t) is { } kept ? WithoutPrefix(kept, "model.") : null, Zeros("encoder.embed_positions.weight", 64, 36));
        (Model model, LoadReport report) = ModelFolder.Load(folder.Path);
        using (model) Assert.Equal(("MarianMTModel", true), (model.Architecture, report.IsComplete));
    }

    [Theory]
    [InlineData("t5", "shared.weight", "encoder.embed_tokens.weight")]
    [InlineData("t5", "shared.weight", "decoder.embed_tokens.weight")]
    [InlineData("bart", "model.shared.weight", "lm_head.weight")]
    [InlineData("gpt2", "transformer.wte.weight", "lm_head.weight")]
    public void A_tied_table_may_be_stored_under_the_name_of_any_copy(string golden, string name, string stored)
    {
        using TemporaryFolder folder = new(), saved = new();
        Publish(golden, folder.Path, null, t => t.Name == name ? t.Rename(stored) : t);
        AssertPasses(folder.Path);
        using (Model model = ModelFolder.Load(folder.Path).Model) ModelFolder.Save(model, saved.Path);
        using CheckpointFolder expected = CheckpointFolder.Open(Model(golden)), actual = CheckpointFolder.Open(saved.Path);
        Assert.Equal(expected.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal), actual.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_stack_whose_head_is_missing_is_refused_with_the_heads_that_exist_and_what_starts_one()
    {
        using TemporaryFolder folder = new();
        Publish("llama", folder.Path, "LlamaModel", t => t.Name == "lm_head.weight" ? null : WithoutPrefix(t, "model."));
        string message = Assert.Throws<InputException>(() => ModelFolder.Load(folder.Path)).Message;
        foreach (string part in (string[])["lm_head.weight", "LlamaModel", "LlamaForCausalLM, LlamaForSequenceClassification", "$.architectures", "to be trained"]) Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.DoesNotContain("Qwen", message, StringComparison.Ordinal);
        (Model model, LoadReport report) = ModelFolder.Load(folder.Path, new LoadOptions { AllowMissing = true, Architecture = "LlamaForSequenceClassification" });
        using (model) Assert.Equal(["score.weight"], report.Missing);
    }

    [Fact]
    public void The_next_sentence_head_alone_gives_the_scores_of_pre_training()
    {
        using TemporaryFolder folder = new(), saved = new();
        Publish("bert-pretraining", folder.Path, "BertForNextSentencePrediction");
        using Model whole = ModelFolder.Load(Model("bert-pretraining")).Model;
        (Model model, LoadReport report) = ModelFolder.Load(folder.Path);
        using (model)
        {
            Assert.True(report.IsComplete);
            ModelInputs inputs = new() { InputIds = TokenGrid.Of([[2, 6, 7, 3], [2, 9, 3, 1]]), AttentionMask = TokenGrid.Of([[1, 1, 1, 1], [1, 1, 1, 0]]) };
            Assert.Equal(whole.Run(inputs).NextSentenceLogits!.Span.ToArray(), model.Run(inputs).Logits!.Span.ToArray());
            ModelFolder.Save(model, saved.Path);
        }

        (Model again, LoadReport complete) = ModelFolder.Load(saved.Path);
        using (again) Assert.True(complete.IsComplete && again is SequenceClassifier);
    }

    [Fact]
    public void A_class_that_no_family_has_is_refused_in_whole_sentences()
    {
        using TemporaryFolder folder = new();
        Publish("bart", folder.Path, "BartForTokenClassification");
        Assert.Contains("which the bart family does not have; did you mean \"BartForSequenceClassification\"? It has BartForConditionalGeneration, BartForSequenceClassification", Assert.Throws<InvalidFileException>(() => ModelFolder.ReadConfig(folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(folder.File("config.json"), """{"model_type": "mamba2"}""");
        Assert.Contains("which is unknown. Known are bart, ", Assert.Throws<InvalidFileException>(() => ModelFolder.ReadConfig(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ids_that_are_no_tokens_are_warned_of_when_the_model_opens()
    {
        using TemporaryFolder folder = new();
        Publish("llama", folder.Path, null);
        JsonObject json = JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!.AsObject();
        (json["pad_token_id"], json["bos_token_id"]) = (100000, -1);
        File.WriteAllText(folder.File("config.json"), json.ToJsonString());
        List<string> said = [];
        ModelFolder.Load(folder.Path, new LoadOptions { Warnings = new Reporter<string>(said.Add) }).Model.Dispose();
        Assert.Equal(2, said.Count);
        Assert.Contains(said, s => s.Contains("$.bos_token_id: is -1, which is no token; ids from 0 to ", StringComparison.Ordinal));
        Assert.Contains(said, s => s.Contains("$.pad_token_id: is 100000", StringComparison.Ordinal));
        said.Clear();
        ModelFolder.Load(Model("llama"), new LoadOptions { Warnings = new Reporter<string>(said.Add) }).Model.Dispose();
        Assert.Empty(said);
    }

    [Fact]
    public void A_tensor_that_the_index_of_shards_forgot_is_used_and_warned_of()
    {
        using TemporaryFolder folder = new();
        string golden = Path.Combine(Repository.Goldens, "checkpoints", "llama-sharded");
        foreach (string file in Directory.GetFiles(golden)) File.Copy(file, folder.File(Path.GetFileName(file)));
        JsonObject index = JsonNode.Parse(File.ReadAllText(folder.File(CheckpointFolder.SafetensorsIndexName)))!.AsObject();
        index["weight_map"]!.AsObject().Remove("model.norm.weight");
        File.WriteAllText(folder.File(CheckpointFolder.SafetensorsIndexName), index.ToJsonString());
        List<string> said = [];
        ModelFolder.Load(folder.Path, new LoadOptions { Warnings = new Reporter<string>(said.Add) }).Model.Dispose();
        Assert.Contains("does not name model.norm.weight", Assert.Single(said), StringComparison.Ordinal);
        said.Clear();
        ModelFolder.Load(golden, new LoadOptions { Warnings = new Reporter<string>(said.Add) }).Model.Dispose();
        Assert.Empty(said);
    }

    [Fact]
    public void Weights_of_16_bits_count_two_bytes_in_the_budget_and_their_untied_table_keeps_its_bits()
    {
        LlamaConfig config = new() { Layers = 1, Heads = 2, Width = 16, InnerWidth = 32, Vocabulary = 4000 };
        using TemporaryFolder folder = new();
        using (CausalLanguageModel model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(4)))) ModelFolder.Save(model, folder.Path, DType.BF16);
        long values;
        using (Model model = ModelFolder.Load(folder.Path, new LoadOptions { ForTraining = true }).Model) values = model.Parameters.Values;
        // Some gains are float32.
        Assert.Equal(ExitCode.OverBudget, Assert.Throws<BudgetException>(() => ModelFolder.Load(folder.Path, new LoadOptions { MaximumBytes = 2 * values })).ExitCode);
        Assert.Throws<BudgetException>(() => ModelFolder.Load(folder.Path, new LoadOptions { MaximumBytes = (2 * values) + 500, ForTraining = true }));
        using Model packed = ModelFolder.Load(folder.Path, new LoadOptions { MaximumBytes = (2 * values) + 500 }).Model;
        using Model plain = ModelFolder.Load(folder.Path, new LoadOptions { ForTraining = true }).Model;
        Assert.True(packed.Parameters["model.embed_tokens.weight"].IsPacked);
        Assert.False(plain.Parameters["model.embed_tokens.weight"].IsPacked);
        foreach (Parameter p in plain.Parameters)
        {
            using Engine.Tensors.Tensor copy = packed.Parameters[p.Name].ToTensor();
            Assert.Equal(p.Value.ToArray(), copy.ToArray());
        }

        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[5, 3999, 0, 17]]) };
        Assert.Equal(plain.Run(inputs).Logits!.Span.ToArray(), packed.Run(inputs).Logits!.Span.ToArray());
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama")]
    public void Weights_are_held_in_the_format_asked_for_and_rounded_as_they_stream_in(string golden)
    {
        string folder = Path.Combine(Repository.Goldens, "models", golden);
        using TemporaryFolder half = new();
        using (Model model = ModelFolder.Load(folder).Model) ModelFolder.Save(model, half.Path, DType.BF16);
        foreach (string source in (string[])[folder, half.Path])
        {
            foreach (Engine.Kernels.WeightFormat format in Engine.Kernels.WeightFormat.All)
            {
                using Model held = ModelFolder.Load(source, new LoadOptions { Format = format }).Model;
                using Model plain = ModelFolder.Load(source, new LoadOptions { ForTraining = true, Format = format }).Model;
                Assert.Contains(held.Parameters, p => p.IsPacked);
                foreach (Parameter p in held.Parameters)
                {
                    Parameter expected = plain.Parameters[p.Name];
                    Assert.False(expected.IsPacked);
                    Assert.Equal(p.IsPackedAs(format) ? format : Engine.Kernels.WeightFormat.Float32, p.Format);
                    expected.Pack(format);
                    using Engine.Tensors.Tensor own = p.ToTensor(), rounded = expected.ToTensor();
                    Assert.Equal(rounded.ToArray(), own.ToArray());
                }

                // The budget counts what is held.
                long bytes = held.Parameters.BytesAs(format);
                ModelFolder.Load(source, new LoadOptions { Format = format, MaximumBytes = bytes }).Model.Dispose();
                Assert.Throws<BudgetException>(() => ModelFolder.Load(source, new LoadOptions { Format = format, MaximumBytes = bytes - 1 }));
            }
        }
    }

    [Fact]
    public void Sizes_beyond_the_memory_are_refused_with_the_sizes_the_bytes_and_the_budget()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), """{"model_type": "bert", "num_hidden_layers": 900, "hidden_size": 16384, "num_attention_heads": 16, "intermediate_size": 65536}""");
        string message = Assert.Throws<BudgetException>(() => ModelFolder.Load(folder.Path, new LoadOptions { MaximumBytes = 1 << 30 })).Message;
        foreach (string part in (string[])["config.json", "TiB", "num_hidden_layers 900, hidden_size 16384, intermediate_size 65536", "1.0 GiB are allowed", "use a smaller model"]) Assert.Contains(part, message, StringComparison.Ordinal);
        File.WriteAllText(folder.File("config.json"), """{"model_type": "gpt2", "n_layer": 1, "n_head": 1, "n_embd": 200000000, "vocab_size": 200000000}""");
        message = Assert.Throws<BudgetException>(() => ModelFolder.Load(folder.Path)).Message;
        foreach (string part in (string[])["config.json", "n_embd 200000000, vocab_size 200000000", "The token table alone takes 142.1 PiB", "Correct the sizes."]) Assert.Contains(part, message, StringComparison.Ordinal);
    }
}
