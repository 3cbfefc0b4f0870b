using System.Security.Cryptography;
using System.Text;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Tests.Runs;

public class PretrainingRunTests
{
    [Fact]
    public void A_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Config(folder) with { Dropout = 0.1, Steps = 12, EvaluateEvery = 4, SaveEvery = 4 };
        string whole = Train(folder.File("whole"), config, null);
        string parts = folder.File("parts");
        Train(parts, config, stopAfter: 5);
        Train(parts, config, stopAfter: 3);
        Assert.Equal(whole, Train(parts, config, null));
        Assert.Equal(StepLines(folder.File("whole")), StepLines(parts));
    }

    [Fact]
    public void The_held_out_loss_falls_and_the_model_is_saved_as_a_folder()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        Recorder recorder = new();
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(run, Config(folder) with { Steps = 40, EvaluateEvery = 20 })) training.Train([recorder]);
        Assert.True(recorder.Evaluations[^1].Loss < recorder.Losses[0] - 0.5, $"{recorder.Losses[0]} → {recorder.Evaluations[^1].Loss}");
        foreach (string file in (string[])["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json"])
            Assert.True(File.Exists(Path.Combine(run, "model", file)), file);
    }

    [Fact]
    public void Accumulation_gives_the_weights_of_the_whole_batch()
    {
        using TemporaryFolder folder = new();
        double[] whole = LossesOf(folder.File("a"), Config(folder) with { Steps = 6, BatchSize = 8 });
        double[] split = LossesOf(folder.File("b"), Config(folder) with { Steps = 6, BatchSize = 2, Accumulation = 4 });
        for (int i = 0; i < whole.Length; i++) Assert.Equal(whole[i], split[i], 1e-5 * whole[i]);
    }

    [Fact]
    public void Recomputing_layers_changes_no_bit()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Config(folder) with { Steps = 5, Dropout = 0.1 };
        Assert.Equal(Train(folder.File("a"), config, null), Train(folder.File("b"), config with { GradientCheckpointing = true }, null));
    }

    [Fact]
    public void A_folder_with_other_settings_is_refused_and_the_settings_are_named()
    {
        using TemporaryFolder folder = new();
        Train(folder.File("run"), Config(folder) with { Steps = 3 }, null);
        ConfigException e = Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("run"), Config(folder) with { Steps = 2, LearningRate = 0.5 }));
        Assert.Contains("steps (was 3, is 2)", e.Message, StringComparison.Ordinal);
        Assert.Contains("learning_rate (was 0.01, is 0.5)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_runs_in_one_folder_are_refused()
    {
        using TemporaryFolder folder = new();
        using TrainingRun<TextTask> first = PretrainingRun.Prepare(folder.File("run"), Config(folder));
        Assert.Contains("another run", Assert.Throws<StorageException>(() => PretrainingRun.Prepare(folder.File("run"), Config(folder))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_flipped_bit_or_a_truncated_file_in_a_checkpoint_is_found_and_named()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        Train(run, Config(folder) with { Steps = 4, SaveEvery = 2 }, null);
        string checkpoint = new CheckpointStore(run, 2).Latest()!;
        Random random = new(7);
        foreach (string file in Directory.GetFiles(checkpoint).Where(f => !f.EndsWith("manifest.json", StringComparison.Ordinal)))
        {
            byte[] sound = File.ReadAllBytes(file);
            for (int i = 0; i < 8; i++)
            {
                byte[] damaged = [.. sound];
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
                File.WriteAllBytes(file, damaged);
                Assert.Contains(Path.GetFileName(file), Assert.Throws<InvalidFileException>(() => CheckpointStore.Check(checkpoint)).Message, StringComparison.Ordinal);
            }

            File.WriteAllBytes(file, sound[..(sound.Length / 2)]);
            Assert.Throws<InvalidFileException>(() => CheckpointStore.Check(checkpoint));
            File.WriteAllBytes(file, sound);
        }

        CheckpointStore.Check(checkpoint);
    }

    [Fact]
    public void Only_the_newest_checkpoints_are_kept()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        Train(run, Config(folder) with { Steps = 8, SaveEvery = 1, Keep = 3 }, null);
        Assert.Equal(["step-000000006", "step-000000007", "step-000000008"], Directory.GetDirectories(Path.Combine(run, "checkpoints")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_failed_save_keeps_the_checkpoint_before()
    {
        using TemporaryFolder folder = new();
        CheckpointStore store = new(folder.Path, 2);
        store.Save(1, at => File.WriteAllText(Path.Combine(at, "x"), "one"));
        Assert.Throws<StorageException>(() => store.Save(2, _ => throw new IOException("No space left on device")));
        Assert.Equal(1, CheckpointStore.StepOf(store.Latest()!));
        Assert.Single(Directory.GetDirectories(Path.Combine(folder.Path, "checkpoints")));
    }

    [Fact]
    public void A_loss_that_is_not_a_number_ends_the_run_and_keeps_the_checkpoint()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        PretrainingConfig config = Config(folder) with { Steps = 60, SaveEvery = 1, LearningRate = 10, ClipNorm = 0, WarmupSteps = 0, Schedule = "constant", WeightDecay = 10 };
        NumericalException e = Assert.Throws<NumericalException>(() =>
        {
            using TrainingRun<TextTask> training = PretrainingRun.Prepare(run, config);
            training.Train([new Poison(training)]);
        });
        Assert.Equal(ExitCode.Numerical, e.ExitCode);
        Assert.Contains("step 4", e.Message, StringComparison.Ordinal);
        Assert.Equal(3, CheckpointStore.StepOf(new CheckpointStore(run, 2).Latest()!));
    }

    [Fact]
    public void A_run_that_cannot_fit_is_refused_before_it_reads_text()
    {
        using TemporaryFolder folder = new();
        BudgetException e = Assert.Throws<BudgetException>(() => PretrainingRun.Prepare(folder.File("run"), Config(folder) with { Model = "gpt3", Data = ["missing"], Layers = 0, Width = 0, Heads = 0 }));
        Assert.Equal(ExitCode.OverBudget, e.ExitCode);
        Assert.Contains("gradient_checkpointing", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"batch_sise": 4}""", "batch_size")]
    [InlineData("""{"batch_size": "4"}""", "$.batch_size")]
    [InlineData("""{"learning_rate": -1}""", "from 0 to 10")]
    [InlineData("""{"steps": 1, "steps": 2}""", "steps")]
    [InlineData("""[1]""", "an object")]
    public void A_broken_configuration_is_refused_by_key(string json, string expected)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("run.json"), json);
        Assert.Contains(expected, Assert.ThrowsAny<InputException>(() => PretrainingConfig.FromFile(folder.File("run.json"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_configuration_survives_writing_and_reading()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Config(folder) with { Dropout = 0.25, Seed = ulong.MaxValue, GradientCheckpointing = true };
        File.WriteAllText(folder.File("run.json"), StrictJson.Format(config.ToJson()));
        Assert.Equal(StrictJson.Format(config.ToJson()), StrictJson.Format(PretrainingConfig.FromFile(folder.File("run.json")).ToJson()));
    }

    [Fact]
    public void A_width_that_heads_do_not_divide_is_refused()
    {
        using TemporaryFolder folder = new();
        Assert.Contains("not a multiple", Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("run"), Config(folder) with { Width = 10, Heads = 3 })).Message, StringComparison.Ordinal);
    }

    internal static PretrainingConfig Config(TemporaryFolder folder)
    {
        string text = folder.File("text.txt");
        if (!File.Exists(text))
        {
            StringBuilder words = new();
            string[] nouns = ["cat", "dog", "bird", "fish"], verbs = ["sees", "likes", "follows", "hears"];
            for (int i = 0; i < 3000; i++) words.Append($"the {nouns[i % 4]} {verbs[(i / 4) % 4]} the {nouns[(i / 3) % 4]}. ");
            File.WriteAllText(text, words.ToString());
            File.WriteAllLines(folder.File("more.jsonl"), Enumerable.Range(0, 60).Select(i => $"{{\"text\":\"document {i}: the {nouns[i % 4]} {verbs[i % 3]} a {nouns[(i / 2) % 4]} and sleeps.\"}}"));
        }

        return new PretrainingConfig { Data = [text, folder.File("more.jsonl")], Layers = 2, Heads = 2, Width = 16, VocabularySize = 280, BlockLength = 16, BatchSize = 4, Steps = 10, WarmupSteps = 2, LearningRate = 1e-2, HeldOut = 0.3, EvaluateBlocks = 4, EvaluateEvery = 0, SaveEvery = 0 };
    }

    private static string Train(string folder, PretrainingConfig config, int? stopAfter)
    {
        using CancellationTokenSource stop = new();
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder, config);
        run.Train([new StopAfter(stop, stopAfter)], 0, stop.Token);
        string weights = Path.Combine(folder, "model", "model.safetensors");
        return File.Exists(weights) ? Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(weights))) : "unfinished";
    }

    private static double[] LossesOf(string folder, PretrainingConfig config)
    {
        Recorder recorder = new();
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder, config);
        run.Train([recorder]);
        return [.. recorder.Losses];
    }

    /// <summary>The lines of the log without what a clock decides.</summary>
    private static string[] StepLines(string folder)
        => [.. File.ReadAllLines(Path.Combine(folder, "log.jsonl")).Select(l => l.Split(",\"seconds\"")[0])];

    private sealed class Recorder : ITrainingObserver
    {
        public List<double> Losses { get; } = [];

        public List<EvaluationReport> Evaluations { get; } = [];

        public void Stepped(StepReport report) => Losses.Add(report.Loss);

        public void Evaluated(EvaluationReport report) => Evaluations.Add(report);
    }

    private sealed class StopAfter(CancellationTokenSource stop, int? steps) : ITrainingObserver
    {
        private int _done;

        public void Stepped(StepReport report)
        {
            if (++_done == steps) stop.Cancel();
        }
    }

    /// <summary>Puts a NaN into a weight after the third step.</summary>
    private sealed class Poison(TrainingRun<TextTask> run) : ITrainingObserver
    {
        public void Saved(long step, string folder)
        {
            if (step == 3) run.Task.Model.Parameters["transformer.wte.weight"].Value.Span.Fill(float.NaN);
        }
    }
}
