using System.Text.Json.Nodes;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models.Adapters;
using Heed.Models.Custom;
using Heed.Models.Files;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Adapters;

/// <summary>A new adapter: what it trains, what it leaves alone, and that merging it leaves an ordinary model.</summary>
public class AdapterTests
{
    private static readonly CustomConfig Sizes = new() { Vocabulary = 70, Width = 24, Layers = 2, Heads = 4 };

    private static Model Make(CustomConfig? sizes = null) => ModelFamilies.Build("CustomDecoder", sizes ?? Sizes, new ParameterSet(ParameterSource.Random(1)));

    /// <summary>B and m away from their first values, so that gradients reach A.</summary>
    private static void Shake(Adapter adapter)
    {
        foreach (Parameter p in adapter.Parameters)
            for (int i = 0; i < p.Value.Count; i++) p.Value.Span[i] += 0.2f * MathF.Sin((1.7f * i) + p.Name.Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_new_adapter_changes_no_bit_but_of_rounding_and_trains_its_own_parameters_alone(bool dora)
    {
        using Model plain = Make(), model = Make();
        string[] names = [.. model.Parameters.Select(p => p.Name)];
        Adapter adapter = Adapter.Apply(model, new AdapterConfig { Rank = 3, Dora = dora, TargetPattern = AdapterConfig.AllLinear });
        if (dora) Assert.InRange(AdapterFolders.Distance(AdapterFolders.Logits(model), AdapterFolders.Logits(plain)), 0, 1e-6);
        else Assert.Equal(AdapterFolders.Logits(plain), AdapterFolders.Logits(model));
        Assert.Equal(adapter.Parameters, model.Parameters.Where(p => p.NeedsGradient).OrderBy(p => adapter.Parameters.ToList().IndexOf(p)));
        Assert.All(adapter.Parameters, p => Assert.Contains("lora_", p.Name, StringComparison.Ordinal));
        Assert.Throws<InvalidOperationException>(() => Adapter.Apply(model, new AdapterConfig()));
        using (TemporaryFolder folder = new()) Assert.Throws<InvalidOperationException>(() => ModelFolder.Save(model, folder.Path));

        float[] before = ((Linear)plain.Find("blocks.0.attn.q")!).Weight.Value.ToArray();
        using (AdamW optimizer = new(model.Parameters))
        {
            for (int step = 0; step < 3; step++)
            {
                model.Parameters.ClearGradients();
                Gradients.Of(model, AdapterFolders.Inputs);
                optimizer.Step(1e-2);
            }

            Assert.Equal(adapter.Parameters.Select(p => p.Name + ".step").Order(StringComparer.Ordinal), optimizer.State.Select(s => s.Key).Where(k => k.EndsWith(".step", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        }

        float[] trained = AdapterFolders.Logits(model);
        Assert.NotEqual(AdapterFolders.Logits(plain), trained);
        adapter.Merge();
        Assert.Equal(names, model.Parameters.Select(p => p.Name));
        Assert.All(model.Parameters, p => Assert.True(p.NeedsGradient));
        Assert.IsType<Linear>(model.Find("blocks.0.attn.q"));
        Assert.Null(model.Find("blocks.0.attn.q.base"));
        Assert.NotEqual(before, ((Linear)model.Find("blocks.0.attn.q")!).Weight.Value.ToArray());
        Assert.InRange(AdapterFolders.Distance(AdapterFolders.Logits(model), trained), 0, 2e-6);
        Adapter.Apply(model, new AdapterConfig());
    }

    [Fact]
    public void Values_come_from_the_seed_and_the_name()
    {
        using Model one = Make(), same = Make(), other = Make();
        float[][] a = [.. new[] { Adapter.Apply(one, new AdapterConfig(), 7), Adapter.Apply(same, new AdapterConfig(), 7), Adapter.Apply(other, new AdapterConfig(), 8) }.Select(x => x.Parameters[0].Value.ToArray())];
        Assert.Equal(a[0], a[1]);
        Assert.NotEqual(a[0], a[2]);
        // Kaiming's: within 1/√D.
        Assert.All(a[0], v => Assert.InRange(MathF.Abs(v), 0, 1 / MathF.Sqrt(24)));
        Assert.InRange(a[0].Max(MathF.Abs), 0.8f / MathF.Sqrt(24), 1);
    }

    [Theory]
    [InlineData("gpt2-all-linear")]
    [InlineData("llama-all-linear")]
    [InlineData("bert-all-linear")]
    [InlineData("gpt2-attention")]
    [InlineData("bert-attention")]
    [InlineData("t5-attention")]
    public void Targets_are_those_of_PEFT(string golden)
    {
        using Model model = AdapterFolders.Base(golden);
        JsonNode file = JsonNode.Parse(File.ReadAllText(Path.Combine(AdapterFolders.Golden(golden), "adapter_config.json")))!;
        AdapterConfig config = new() { TargetPattern = golden.EndsWith("all-linear", StringComparison.Ordinal) ? AdapterConfig.AllLinear : null, ModulesToSave = golden.StartsWith("bert", StringComparison.Ordinal) ? ["classifier", "score"] : [] };
        Adapter adapter = Adapter.Apply(model, config);
        Assert.Equal(file["target_modules"]!.AsArray().Select(n => (string)n!), adapter.Config.TargetModules!.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_new_adapter_s_folder_opens_again_and_has_PEFT_s_keys()
    {
        using TemporaryFolder folder = new();
        using Model model = AdapterFolders.Base("bert-attention");
        Adapter adapter = Adapter.Apply(model, new AdapterConfig
        {
            Rank = 4,
            Alpha = 16.5,
            Dropout = 0.1,
            Dora = true,
            Bias = AdapterBias.All,
            ModulesToSave = ["classifier"],
            TaskType = "SEQ_CLS",
            BaseModel = Path.GetFullPath(AdapterFolders.BaseOf("bert-attention")),
            TargetModules = ["query"],
            Layers = [1],
            LayerLists = ["layer"],
            RankPattern = [new("query", 2)],
            AlphaPattern = [new("query", 3)],
            ExcludedModules = ["key"],
        });
        Shake(adapter);
        adapter.Save(folder.Path);
        string[] keys = [.. JsonNode.Parse(File.ReadAllText(folder.File("adapter_config.json")))!.AsObject().Select(p => p.Key)];
        Assert.Equal(JsonNode.Parse(File.ReadAllText(Path.Combine(AdapterFolders.Golden("bert-attention"), "adapter_config.json")))!.AsObject().Select(p => p.Key), keys);
        AdapterConfig read = AdapterConfigFile.Read(new FolderModelFiles(folder.Path));
        Assert.Equal((4, 16.5, 0.1, true, AdapterBias.All, "SEQ_CLS"), (read.Rank, read.Alpha, read.Dropout, read.Dora, read.Bias, read.TaskType));
        Assert.Equal(2, adapter.Parameters[0].Shape[0]);
        using Model opened = ModelFolder.Load(folder.Path).Model;
        ModelInputs inputs = AdapterFolders.Inputs;
        Assert.InRange(AdapterFolders.Distance(AdapterFolders.Logits(opened, inputs), AdapterFolders.Logits(model, inputs)), 0, 2e-6);
    }

    [Theory]
    [InlineData("bert-mlm", "BertForSequenceClassification", "bert.pooler.dense", "classifier")]
    [InlineData("distilbert-mlm", "DistilBertForSequenceClassification", "pre_classifier", "classifier")]
    [InlineData("roberta-mlm", "RobertaForSequenceClassification", "classifier")]
    [InlineData("gpt2", "GPT2ForSequenceClassification", "score")]
    [InlineData("bert-mlm", "BertForTokenClassification", "classifier")]
    [InlineData("bert-mlm", "BertForQuestionAnswering", "qa_outputs")]
    public void A_new_head_is_trained_and_stored_with_the_adapter_and_opens_over_the_old_base(string name, string architecture, params string[] whole)
    {
        using TemporaryFolder folder = new();
        string source = Path.Combine(Repository.Goldens, "models", name);
        LoadOptions options = new() { ForTraining = true, AllowMissing = true, Architecture = architecture, Configure = c => c with { Labels = ["a", "b", "c", "d"] } };
        (Model model, LoadReport report) = ModelFolder.Load(source, options);
        using Model owned = model;
        string task = model switch { SequenceClassifier => "SEQ_CLS", TokenClassifier => "TOKEN_CLS", _ => "QUESTION_ANS" };
        Adapter adapter = Adapter.Apply(model, new AdapterConfig { Rank = 2, TaskType = task, BaseModel = source }, report.Missing, 5);
        Assert.Equal(whole.Order(StringComparer.Ordinal), adapter.Config.ModulesToSave.Order(StringComparer.Ordinal));
        Assert.All(report.Missing, n => Assert.Contains(model.Parameters[n], adapter.Parameters));
        Shake(adapter);
        adapter.Save(folder.File("a"));
        float[][] values = [.. adapter.Parameters.Select(p => p.Value.ToArray())];
        Shake(adapter);
        adapter.Restore(folder.File("a"));
        Assert.Equal(values, adapter.Parameters.Select(p => p.Value.ToArray()));

        ModelInputs inputs = AdapterFolders.Inputs with { Labels = null };
        using Model opened = ModelFolder.Load(folder.File("a")).Model;
        Assert.Equal(architecture, opened.Architecture);
        if (task != "QUESTION_ANS") Assert.Equal(["a", "b", "c", "d"], opened.Config.Labels);
        using TensorScope scope = TensorScope.Begin();
        ModelOutput expected = model.Run(inputs), actual = opened.Run(inputs);
        Assert.InRange(AdapterFolders.Distance((actual.Logits ?? actual.StartLogits)!.ToArray(), (expected.Logits ?? expected.StartLogits)!.ToArray()), 0, 5e-6);
    }

    [Fact]
    public void Gradients_are_those_of_finite_differences()
    {
        foreach (AdapterConfig config in (AdapterConfig[])
        [
            new() { Rank = 2, Alpha = 3, TargetPattern = AdapterConfig.AllLinear, Dropout = 0.3, Bias = AdapterBias.All },
            new() { Rank = 2, TargetModules = ["embed_tokens", "v_proj"] },
            new() { Rank = 2, TargetModules = ["q_proj", "up_proj"], Dora = true, Dropout = 0.3 },
        ])
        {
            using Model model = Make(Sizes with { TiedOutput = true });
            Adapter adapter = Adapter.Apply(model, config);
            Shake(adapter);
            RunOptions run = new() { Dropout = new DropoutPlan(3, 0) };
            Dictionary<string, float[]> gradients = Gradients.Of(model, AdapterFolders.Inputs, run);
            foreach (Parameter p in adapter.Parameters)
            {
                // The norm of DoRA is a constant in the gradient: only m's is the plain derivative.
                if (config.Dora && !p.Name.EndsWith("magnitude_vector", StringComparison.Ordinal)) continue;
                float[] g = gradients[p.Name];
                int i = Enumerable.Range(0, g.Length).MaxBy(k => MathF.Abs(g[k]));
                double slope = Slope(model, p, i, run);
                Assert.True(Math.Abs(slope - g[i]) <= (2e-2 * Math.Abs(g[i])) + 2e-4, $"{p.Name}[{i}]: {g[i]} and {slope}");
            }
        }
    }

    private static double Slope(Model model, Parameter p, int i, RunOptions run)
    {
        const float Step = 5e-3f;
        float value = p.Value.Span[i];
        double Loss(float at)
        {
            p.Value.Span[i] = at;
            using TensorScope scope = TensorScope.Begin();
            return model.Run(AdapterFolders.Inputs, run with { Logits = false }).Loss!.Value;
        }

        double slope = (Loss(value + Step) - Loss(value - Step)) / (2.0 * Step);
        p.Value.Span[i] = value;
        return slope;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_text_has_the_same_bits_alone_and_in_a_batch_and_on_any_threads(bool dora)
    {
        float[]? first = null;
        foreach (int threads in (int[])[1, 3])
        {
            using ComputeContext context = new(new ComputeOptions { Threads = threads });
            using ContextScope entered = context.Enter();
            using Model model = Make();
            Shake(Adapter.Apply(model, new AdapterConfig { Rank = 3, Dora = dora, TargetPattern = AdapterConfig.AllLinear }));
            float[] alone = AdapterFolders.Logits(model, new ModelInputs { InputIds = TokenGrid.Of([[7, 2, 60, 11]]) });
            float[] together = AdapterFolders.Logits(model);
            Assert.Equal(alone, together[(6 * 70)..(10 * 70)]);
            Assert.Equal(first ??= together, together);
        }
    }

    [Fact]
    public void Layers_that_are_computed_again_give_the_same_gradients()
    {
        Gradients.AreEqualWithRecomputing(
            () =>
            {
                Model model = Make();
                Shake(Adapter.Apply(model, new AdapterConfig { Rank = 3, Dora = true, Dropout = 0.2, TargetPattern = AdapterConfig.AllLinear }));
                return model;
            },
            AdapterFolders.Inputs);
    }

    [Fact]
    public void Dropout_drops_in_training_alone()
    {
        using Model model = Make(), without = Make();
        Shake(Adapter.Apply(model, new AdapterConfig { Rank = 3, Dropout = 0.5, TargetPattern = AdapterConfig.AllLinear }));
        Shake(Adapter.Apply(without, new AdapterConfig { Rank = 3, TargetPattern = AdapterConfig.AllLinear }));
        Assert.Equal(AdapterFolders.Logits(without), AdapterFolders.Logits(model));
        using TensorScope scope = TensorScope.Begin();
        float[] Run(long step) => model.Run(AdapterFolders.Inputs, new RunOptions { Dropout = new DropoutPlan(1, step) }).Logits!.ToArray();
        Assert.Equal(Run(4), Run(4));
        Assert.NotEqual(Run(4), Run(5));
    }

    [Fact]
    public void Packed_weights_are_adapted_as_they_are()
    {
        string folder = AdapterFolders.BaseOf("llama-attention");
        using Model plain = ModelFolder.Load(folder, new LoadOptions { ForTraining = true }).Model, packed = ModelFolder.Load(folder).Model;
        Adapter.Load(plain, AdapterFolders.Golden("llama-attention"));
        Adapter adapter = Adapter.Load(packed, AdapterFolders.Golden("llama-attention"));
        Dictionary<string, float[]> expected = Gradients.Of(plain, AdapterFolders.Inputs), actual = Gradients.Of(packed, AdapterFolders.Inputs);
        Assert.Equal(expected.Keys, actual.Keys);
        foreach ((string name, float[] g) in expected) Assert.Equal(g, actual[name]);
        adapter.Merge();
        Assert.True(packed.Parameters["model.layers.0.self_attn.q_proj.weight"].IsPacked);
    }

    [Fact]
    public void What_cannot_be_adapted_is_refused_and_leaves_the_model_as_it_was()
    {
        using Model model = Make(Sizes with { TiedOutput = true });
        string[] names = [.. model.Parameters.Select(p => p.Name)];
        string table = model.Modules.OfType<Embedding>().First().Path;
        foreach (AdapterConfig config in (AdapterConfig[])
        [
            new() { Rank = 0 }, new() { Dropout = 1 }, new() { TargetModules = ["nothing"] }, new() { TargetModules = ["q_proj"], TargetPattern = ".*" },
            new() { TargetModules = [table], Dora = true }, new() { ModulesToSave = [table] },
        ])
        {
            Assert.Throws<ConfigException>(() => Adapter.Apply(model, config));
            Assert.Equal(names, model.Parameters.Select(p => p.Name));
            Assert.All(model.Parameters, p => Assert.True(p.NeedsGradient));
            Assert.IsType<Linear>(model.Find("blocks.0.attn.q"));
        }
    }
}
