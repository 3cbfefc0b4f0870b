using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Training.Symptoms;

namespace Heed.Doctor.Tests;

/// <summary>Each rule finds the mistake that is planted in a model, and nothing else.</summary>
public sealed class PlantedModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Padding_that_is_read_as_text_is_found()
    {
        using Model inner = ModelFolder.Load(Workshop.Pipeline("bert-mlm")).Model;
        CarelessModel model = new(inner, "CarelessEncoder", reads: i => i with { AttentionMask = null });
        Finding found = Assert.Single(Workshop.Only(Examination.OfModel(model), Rules.PaddingAttended));
        Assert.Contains("padded to", found.Evidence, StringComparison.Ordinal);
    }

    [Theory, InlineData(0, Rules.LabelsNotShifted), InlineData(1, null), InlineData(2, Rules.LabelsShiftedTwice)]
    public void A_loss_that_asks_for_the_wrong_token_is_found(int shift, string? rule)
    {
        using Model inner = ModelFolder.Load(Workshop.Pipeline("gpt2-text")).Model;
        ExaminationReport report = Examination.OfModel(new CarelessModel(inner, "CarelessForCausalLM", shift));
        Workshop.Only(report, rule is null ? [] : [rule]);
        Assert.Contains(Rules.LabelsNotShifted, report.Judged);
    }

    [Fact]
    public void A_decoder_that_sees_the_future_is_found()
    {
        using CausalLanguageModel healthy = TinyStack.Model(), leaking = TinyStack.Model(causal: false);
        Workshop.Healthy(Examination.OfModel(healthy));
        Finding found = Assert.Single(Workshop.Only(Examination.OfModel(leaking), Rules.LeakOfTheFuture));
        Assert.Contains("position 0", found.Place, StringComparison.Ordinal);
        Assert.Contains("Causal = true", found.Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Attention_without_its_scale_is_found_in_each_layer()
    {
        using CausalLanguageModel model = TinyStack.Model(scale: 1);
        IReadOnlyList<Finding> found = Workshop.Only(Examination.OfModel(model), Rules.UnscaledAttention);
        Assert.Equal(["blocks.0.attn", "blocks.1.attn"], found.Select(f => f.Place));
        Assert.Contains("5.7 times 1/√32", found[0].Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_draws_dropout_in_inference_is_found()
    {
        using Model inner = ModelFolder.Load(Workshop.Pipeline("gpt2-text")).Model;
        int run = 0;
        CarelessModel random = new(inner, "Careless", reads: i =>
        {
            run++;
            int[] ids = [.. Enumerable.Range(0, i.InputIds.Rows).SelectMany(i.InputIds.Row).Select((id, n) => n % 5 == run % 5 ? 3 : id)];
            return i with { InputIds = new TokenGrid(i.InputIds.Rows, i.InputIds.Columns, ids) };
        });
        Assert.Contains(Examination.OfModel(random).Findings, f => f.Rule == Rules.EvaluationInTrainingMode);
    }

    [Fact]
    public void Heads_that_add_nothing_are_found()
    {
        string folder = Workshop.Copy(Workshop.Pipeline("bert-mlm"), _folder.File("dead"));
        Workshop.EditWeights(folder, (site, p) =>
        {
            if (!site.EndsWith("blocks.0.attn.out.weight", StringComparison.Ordinal)
                && !site.EndsWith("blocks.0.attn.o.weight", StringComparison.Ordinal)) return;
            int width = p.Shape[1], head = width / 4;
            for (int i = 0; i < p.Value.Count; i++)
                if (i % width / head == 1) p.Value.Span[i] *= 1e-6f;
        });
        Finding found = Assert.Single(Workshop.Only(Examination.OfFolder(folder), Rules.DeadHeads));
        Assert.Equal("blocks.0.attn", found.Place);
        Assert.StartsWith("head 1 of 4", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void Attention_that_has_one_answer_is_found()
    {
        string folder = Workshop.Copy(Workshop.Pipeline("bert-mlm"), _folder.File("saturated"));
        Workshop.EditWeights(folder, (site, p) =>
        {
            if (!site.StartsWith("blocks.0.attn.", StringComparison.Ordinal) || site.EndsWith("bias", StringComparison.Ordinal)
                || !site.Contains(".q.", StringComparison.Ordinal)) return;
            foreach (ref float v in p.Value.Span) v *= 3000;
        });
        Finding found = Assert.Single(Workshop.Only(Examination.OfFolder(folder), Rules.SaturatedAttention));
        Assert.Equal("blocks.0.attn", found.Place);
    }

    [Fact]
    public void Tied_tables_with_other_values_are_found()
    {
        string folder = Workshop.Copy(Workshop.Pipeline("gpt2-text"), _folder.File("untied"));
        RawTensor[] tensors;
        using (CheckpointFolder stored = CheckpointFolder.Open(folder))
        {
            tensors = [.. stored.Tensors.Select(t => RawTensor.FromFloats(t.Name, [.. t.Shape], t.ToFloats()))];
        }

        RawTensor table = tensors.First(t => t.Name.EndsWith("wte.weight", StringComparison.Ordinal));
        float[] other = table.ToFloats();
        other[5] += 0.25f;
        CheckpointFolder.Save(folder, [.. tensors, RawTensor.FromFloats("lm_head.weight", [.. table.Shape], other)]);
        Finding found = Assert.Single(Workshop.Only(Examination.OfFolder(folder), Rules.Untied));
        Assert.Contains("1 of", found.Evidence, StringComparison.Ordinal);
        Assert.EndsWith("0.25 at most", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_beyond_16_bits_are_found_in_weights_and_in_the_stream()
    {
        string weights = Workshop.Copy(Workshop.Pipeline("gpt2-text"), _folder.File("infinite"));
        Workshop.EditWeights(weights, (site, p) =>
        {
            if (site == "blocks.1.mlp.up.bias") p.Value.Span[0] = 1e6f;
        }, DType.F16);
        Assert.Contains(Workshop.Only(Examination.OfFolder(weights), Rules.HalfPrecisionOverflow), f
            => f.Evidence.Contains("stored as F16", StringComparison.Ordinal));
        string stream = Workshop.Copy(Workshop.Pipeline("gpt2-text"), _folder.File("large"));
        Workshop.EditWeights(stream, (site, p) =>
        {
            if (site is "blocks.1.mlp.down.bias" or "blocks.1.attn.out.bias" or "blocks.1.attn.o.bias") p.Value.Span.Fill(60_000);
        }, DType.F16);
        Finding found = Assert.Single(Workshop.Only(Examination.OfFolder(stream), Rules.HalfPrecisionOverflow));
        Assert.Equal("blocks.1.resid_post", found.Place);
    }

    [Fact]
    public void A_tokenizer_of_another_model_is_found()
    {
        string larger = Workshop.Copy(Workshop.Pipeline("bert-mlm"), _folder.File("larger"));
        File.Copy(Path.Combine(Workshop.Pipeline("distilbert-stars"), "tokenizer.json"), Path.Combine(larger, "tokenizer.json"),
            overwrite: true);
        Assert.Equal("the tokenizer has 1,100 tokens and the model's table 1,000 rows",
            Assert.Single(Workshop.Only(Examination.OfFolder(larger), Rules.TokenizerMismatch)).Evidence);
        string padding = Workshop.Copy(Workshop.Pipeline("bert-mlm"), _folder.File("padding"));
        Workshop.Edit(padding, "config.json", c => c["pad_token_id"] = 3);
        Assert.Contains("config.json says 3", Assert.Single(Workshop.Only(Examination.OfFolder(padding), Rules.TokenizerMismatch)).Evidence,
            StringComparison.Ordinal);
    }

    [Theory, InlineData("bert-mlm", false), InlineData("roberta-mlm", false), InlineData("bert-mlm", true)]
    public void Special_tokens_that_are_missing_or_doubled_are_found(string model, bool doubled)
    {
        string folder = Workshop.Copy(Workshop.Pipeline(model), _folder.File("special"));
        Workshop.Edit(folder, "tokenizer.json", t =>
        {
            if (!doubled)
            {
                t["post_processor"] = null;
                return;
            }

            JsonArray single = t["post_processor"]!["single"]!.AsArray();
            single.Insert(0, single[0]!.DeepClone());
        });
        Finding found = Assert.Single(Workshop.Only(Examination.OfFolder(folder), Rules.SpecialTokens));
        Assert.Contains(doubled ? "'[CLS]' twice" : "begin with", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_length_beyond_the_table_of_positions_is_found()
    {
        string folder = Workshop.Copy(Workshop.Pipeline("bert-mlm"), _folder.File("long"));
        Workshop.Edit(folder, "tokenizer_config.json", c => c["model_max_length"] = 100_000);
        Assert.Contains("model_max_length is 100,000",
            Assert.Single(Workshop.Only(Examination.OfFolder(folder), Rules.PositionsBeyondTable)).Evidence,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bert-mean", "lasttoken", null, "reads in both directions")]
    [InlineData("bert-mean", "cls", "sentence-transformers/all-MiniLM-L6-v2", "all-minilm… was trained with mean")]
    [InlineData("qwen3-last-normalize", "cls", null, "every layer of this qwen3 is causal")]
    public void A_pooling_that_is_not_the_models_is_found(string model, string pooling, string? name, string evidence)
    {
        string folder = Workshop.Copy(Workshop.Sentences(model), _folder.File("pooling"));
        Workshop.Edit(folder, Path.Combine("1_Pooling", "config.json"), c =>
        {
            int width = (c["word_embedding_dimension"] ?? c["embedding_dimension"])!.GetValue<int>();
            c.Clear();
            c["word_embedding_dimension"] = width;
            foreach (string mode in (string[])["cls_token", "mean_tokens", "lasttoken"]) c["pooling_mode_"
                + mode] = mode.StartsWith(pooling, StringComparison.Ordinal);
        });
        if (name is not null) Workshop.Edit(folder, "config.json", c => c["_name_or_path"] = name);
        Assert.Contains(evidence, Assert.Single(Workshop.Only(Examination.OfFolder(folder), Rules.WrongPooling)).Evidence,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_that_was_never_trained_is_found()
    {
        string folder = Workshop.Copy(Workshop.Pipeline("bert-mlm"), _folder.File("untrained"));
        Workshop.Edit(folder, "config.json", c =>
        {
            c["architectures"] = new JsonArray("BertForSequenceClassification");
            c["num_labels"] = 2;
        });
        Assert.Contains("classifier.weight", Assert.Single(Workshop.Only(Examination.OfFolder(folder), Rules.UntrainedWeights)).Evidence,
            StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
