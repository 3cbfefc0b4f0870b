using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Testing;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Schedules;
using Heed.Training.Tasks;

namespace Heed.Training.Tests.Runs;

/// <summary>Any decoder family from a preset, a config.json or a folder, with any optimizer, resumes to the same bits.</summary>
public class ModelChoiceTests
{
    [Theory]
    [InlineData("gpt1", "adamw")]
    [InlineData("llama-7b", "adam")]
    [InlineData("mistral-7b", "nadam")]
    [InlineData("qwen2-0.5b", "radam")]
    [InlineData("qwen3-0.6b", "sgd")]
    [InlineData("bloom-560m", "rmsprop")]
    [InlineData("custom-decoder", "adagrad")]
    [InlineData("gpt2-tiny", "adafactor")]
    public void A_preset_of_each_family_resumes_to_the_same_bits(string model, string optimizer)
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder) with
        {
            Model = model,
            Optimizer = optimizer,
            Heads = 2,
            Width = 16,
            Layers = 2,
            Steps = 6,
            Momentum = 0.5,
            LearningRate = 1e-3,
            Dropout = 0.1,
        };
        string whole = folder.File("whole"), parts = folder.File("parts");
        Train(whole, config);
        using (CancellationTokenSource stop = new())
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(parts, config))
            Assert.Equal(TrainingEnd.Interrupted, run.Train([new After(3, stop.Cancel)], 0, stop.Token));
        Train(parts, config);
        Assert.Equal(Weights(whole), Weights(parts));
        Assert.NotNull(Heed.Models.Files.ModelFolder.Inspect(Path.Combine(whole, "model")));
    }

    // cases: u15
    [Fact]
    public void A_saved_model_is_trained_further_with_its_tokenizer()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Steps = 4 };
        string first = folder.File("first"), model = Path.Combine(first, "model");
        Train(first, config);
        PretrainingConfig further = config with { Model = model, Layers = 0, Heads = 0, Width = 0, LearningRate = 0 };
        string second = folder.File("second");
        Train(second, further);
        // At rate 0 the weights stay what they were; the tokenizer and its settings come along.
        Assert.Equal(Weights(first), Weights(second));
        foreach (string name in (string[])["tokenizer.json", "tokenizer_config.json", "config.json"])
            Assert.Equal(File.ReadAllText(Path.Combine(model, name)), File.ReadAllText(Path.Combine(second, "model", name)));
        Assert.False(Directory.Exists(Path.Combine(second, "tokenizer")));
        Assert.StartsWith("width: is 8", Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("no"), further with { Width = 8 })).Message, StringComparison.Ordinal);
        Assert.StartsWith("block_length: is 99", Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("no"), further with { BlockLength = 99 })).Message, StringComparison.Ordinal);

        // It resumes also when the folder that it began with is gone.
        string third = folder.File("third");
        using (CancellationTokenSource stop = new())
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(third, further with { LearningRate = 1e-2 })) run.Train([new After(2, stop.Cancel)], 0, stop.Token);
        Train(third, further with { LearningRate = 1e-2 });
        Assert.NotEqual(Weights(first), Weights(third));
    }

    [Fact]
    public void A_config_file_means_what_it_says()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("design.json");
        File.WriteAllText(file, """
            {"model_type": "custom-decoder", "vocab_size": 300, "hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 40,
             "max_position_embeddings": 16, "norm": "rms", "gated": true, "hidden_act": "silu", "x_note": "kept"}
            """);
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Model = file, Layers = 0, Heads = 0, Width = 0, Steps = 2 };
        Train(folder.File("run"), config);
        (_, _, ModelConfig saved) = Heed.Models.Files.ModelFolder.ReadConfig(folder.File("run/model"));
        Assert.Equal((24, 1, 280), (saved.Width, saved.Layers, saved.Vocabulary));
        Assert.Equal("kept", saved.Original!["x_note"]!.GetValue<string>());
        // A tokenizer that is given leaves the vocabulary of the file.
        Train(folder.File("given"), config with { Tokenizer = folder.File("run/tokenizer") });
        Assert.Equal(300, Heed.Models.Files.ModelFolder.ReadConfig(folder.File("given/model")).Config.Vocabulary);
        Assert.StartsWith("block_length: is 17", Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("no"), config with { BlockLength = 17 })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama-7c", "did you mean \"llama-7b\"?")]
    public void What_is_no_model_is_refused_by_name(string model, string expected)
    {
        using TemporaryFolder folder = new();
        ConfigException e = Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("run"), PretrainingRunTests.Config(folder) with { Model = model, Layers = 0, Heads = 0, Width = 0 }));
        Assert.StartsWith("model: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("run")));
    }

    [Theory]
    [InlineData("gpt2-tiny", false)]
    [InlineData("llama-7b", false)]
    [InlineData("bloom-560m", false)]
    [InlineData("bert-base", false)]
    [InlineData("t5-small", false)]
    [InlineData("bart-base", false)]
    [InlineData("gpt2-tiny", true)]
    [InlineData("llama-7b", true)]
    public void The_forecast_is_near_the_memory_of_a_step(string model, bool recompute)
    {
        using TemporaryFolder folder = new();
        using ComputeContext context = new();
        using ContextScope entered = context.Enter();
        PretrainingConfig config = PretrainingRunTests.Config(folder) with
        {
            Model = model,
            Heads = 4,
            Width = 64,
            Layers = 4,
            BlockLength = 64,
            BatchSize = 8,
            Steps = 2,
            GradientCheckpointing = recompute,
            VocabularySize = 400
        };
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("run"), config);
        run.Train([]);
        double forecast = run.Forecast!.StateBytes + run.Forecast.ActivationBytes, peak = context.Memory.PeakBytes;
        Assert.Equal(run.Task.Model.Parameters.Values, run.Forecast.Parameters);
        Assert.InRange(forecast / peak, 0.5, 2);
    }

    // cases: 13, g14
    [Fact]
    public void A_step_without_targets_changes_nothing_and_says_so()
    {
        using Heed.Models.CausalLanguageModel model = CausalLanguageModel.Create(
            new Heed.Models.Gpt2.Gpt2Config { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, ContextLength = 8 }, new ParameterSet(ParameterSource.Random(1)));
        float[] before = model.Parameters["transformer.wte.weight"].Value.ToArray();
        using AdamW optimizer = new(model.Parameters);
        Listener listener = new();
        using NoTargets task = new(model);
        StepReport report = new Trainer(task, optimizer, new ConstantSchedule(0.1), new TrainingConfig { Steps = 1, Accumulation = 2 }, listener).TakeStep();
        Assert.Equal((1, 0, double.NaN), (report.Step, report.Tokens, report.Loss));
        Assert.Contains("step 1: no target counts", Assert.Single(listener.Warnings), StringComparison.Ordinal);
        Assert.Equal(before, model.Parameters["transformer.wte.weight"].Value.ToArray());
    }

    [Fact]
    public void Settings_that_are_no_numbers_are_refused_by_name()
    {
        // cases: u13
        Assert.StartsWith("learning_rate: is NaN", Assert.Throws<ConfigException>(() => new TrainingConfig { LearningRate = double.NaN }.Validate()).Message, StringComparison.Ordinal);
        Assert.StartsWith("optimizer: \"adamv\" is unknown; did you mean", Assert.Throws<ConfigException>(() => new TrainingConfig { Optimizer = "adamv" }.Validate()).Message, StringComparison.Ordinal);
    }

    private static void Train(string folder, PretrainingConfig config)
    {
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder, config);
        run.Train([]);
    }

    private static byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(run, "model", "model.safetensors"));

    private sealed class After(long step, Action act) : ITrainingObserver
    {
        public void Stepped(StepReport report)
        {
            if (report.Step == step) act();
        }
    }

    private sealed class Listener : ITrainingObserver
    {
        public List<string> Warnings { get; } = [];

        public void Warned(string message) => Warnings.Add(message);
    }

    private sealed class NoTargets(Model model) : TrainingTask<ModelInputs>(model)
    {
        public override ModelInputs Batch(long position) => new()
        {
            InputIds = TokenGrid.Of([[1, 2, 3]]),
            Labels = TokenGrid.Of([[-100, -100, -100]]),
            LabelsAreShifted = true,
        };

        public override IReadOnlyList<long> CountTargets(ModelInputs batch) => Model.CountTargets(batch);

        public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options) => Model.Run(batch, options).Losses;
    }
}
