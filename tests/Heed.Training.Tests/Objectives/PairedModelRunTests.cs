using System.Security.Cryptography;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;
using Heed.Training.Tests.Runs;

namespace Heed.Training.Tests.Objectives;

/// <summary>Runs of two models or two heads: ELECTRA's generator and discriminator, a teacher and its student, next sentences.</summary>
public sealed class PairedModelRunTests
{
    [Theory]
    [InlineData("replaced")]
    [InlineData("next sentence")]
    [InlineData("distill")]
    public void An_interrupted_run_ends_with_the_bits_of_one_that_was_not(string what)
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Config(folder, what) with { Dropout = 0.1, Steps = 8, EvaluateEvery = 3 };
        string whole = Train(folder.File("whole"), config, null), parts = folder.File("parts");
        Train(parts, config, stopAfter: 3);
        Train(parts, config, stopAfter: 2);
        Assert.Equal(whole, Train(parts, config, null));
    }

    [Theory]
    [InlineData("replaced")]
    [InlineData("next sentence")]
    [InlineData("distill")]
    [InlineData("distill masked")]
    public void Any_split_into_micro_batches_gives_the_gradient_of_the_whole(string what)
    {
        using TemporaryFolder folder = new();
        Dictionary<string, float[]>? whole = null;
        foreach (int size in new[] { 8, 4, 2, 1 })
        {
            PretrainingConfig config = Config(folder, what) with { BatchSize = size };
            using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File($"of{size}"), config);
            Dictionary<string, float[]> found = Gradients(run.Task, 8 / size);
            if (whole is null)
            {
                whole = found;
                continue;
            }

            double difference = 0, norm = 0;
            foreach ((string name, float[] expected) in whole)
            {
                for (int i = 0; i < expected.Length; i++)
                {
                    difference += Math.Pow(expected[i] - (double)found[name][i], 2);
                    norm += Math.Pow(expected[i], 2);
                }
            }

            Assert.True(Math.Sqrt(difference) <= 1e-6 * Math.Sqrt(norm), $"batches of {size}: relative L2 {Math.Sqrt(difference / norm):G3}");
        }
    }

    [Theory]
    [InlineData("replaced")]
    [InlineData("next sentence")]
    [InlineData("distill masked")]
    public void A_step_without_a_masked_token_learns_the_rest(string what)
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Config(folder, what) with { CorruptionRate = 0.01, BatchSize = 1, Steps = 12, WholeWords = false };
        Recorder recorder = new();
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("run"), config);
        Assert.Contains(Enumerable.Range(0, 12), i => run.Task.Batch(i).Labels!.Cells.All(l => l == CausalLanguageModel.IgnoredLabel));
        run.Train([recorder]);
        Assert.All(recorder.Losses, l => Assert.True(double.IsFinite(l)));
    }

    [Fact]
    public void ELECTRA_learns_is_saved_as_two_models_and_goes_on_from_its_folder()
    {
        using TemporaryFolder folder = new();
        Recorder recorder = new();
        PretrainingConfig config = Config(folder, "replaced") with { Steps = 60, EvaluateEvery = 20, GeneratorSize = 0.5 };
        string run = folder.File("run");
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(run, config)) training.Train([recorder]);
        EvaluationReport last = recorder.Evaluations[^1];
        Assert.True(last["masked_loss"] < Math.Log(400) - 0.5, $"{last["masked_loss"]}");
        Assert.Equal(last.Loss, last["masked_loss"]!.Value + (50 * last["replaced_loss"]!.Value), 1e-6 * last.Loss);
        Assert.InRange(last["replaced_accuracy"]!.Value, 0.5, 1);

        string folderOfModel = Path.Combine(run, "model");
        using (HeedModel discriminator = HeedModel.Open(folderOfModel))
        using (HeedModel generator = HeedModel.Open(Path.Combine(folderOfModel, "generator")))
        {
            Assert.Equal("ElectraForPreTraining", discriminator.Model.Architecture);
            Assert.Equal("ElectraForMaskedLM", generator.Model.Architecture);
            Assert.Equal(2 * generator.Model.Config.Width, discriminator.Model.Config.Width);
            const string Table = "electra.embeddings.word_embeddings.weight";
            Assert.Equal(discriminator.Model.Parameters[Table].ToTensor().ToArray(), generator.Model.Parameters[Table].ToTensor().ToArray());
            Assert.Equal(3, generator.Fill("the [MASK] sees the cat.", 3).Count);
        }

        // Further: what both had learned is there, without a setting of size.
        PretrainingConfig further = config with
        {
            Model = folderOfModel,
            GeneratorSize = null,
            Layers = 0,
            Heads = 0,
            Width = 0,
            Steps = 1,
            WarmupSteps = 0,
            LearningRate = 1e-9,
        };
        Recorder again = new();
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(folder.File("further"), further)) training.Train([again]);
        Assert.Equal(last.Loss, again.Evaluations[^1].Loss, 0.02 * last.Loss);

        // A discriminator alone gets a new generator, and the run says so.
        Directory.Delete(Path.Combine(folderOfModel, "generator"), recursive: true);
        List<string> warnings = [];
        using (TrainingRun<TextTask> alone = PretrainingRun.Prepare(folder.File("alone"), further, warnings: new Listed(warnings)))
            Assert.Contains("generator begins with new weights", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void BERT_learns_which_sentence_follows()
    {
        using TemporaryFolder folder = new();
        Recorder recorder = new();
        PretrainingConfig config = Config(folder, "next sentence") with { Steps = 40, EvaluateEvery = 20 };
        using (TrainingRun<TextTask> training = PretrainingRun.Prepare(folder.File("run"), config)) training.Train([recorder]);
        EvaluationReport last = recorder.Evaluations[^1];
        Assert.Equal(last.Loss, last["masked_loss"]!.Value + last["next_sentence_loss"]!.Value, 1e-9);
        Assert.Equal(Math.Exp(last["masked_loss"]!.Value), last["perplexity"]!.Value, 1e-9);
        Assert.InRange(last["next_sentence_accuracy"]!.Value, 0.3, 1);
        Assert.True(last["masked_loss"] < recorder.Losses[0] - Math.Log(2) - 0.4);
        using HeedModel opened = HeedModel.Open(folder.File("run/model"));
        Assert.Equal("BertForPreTraining", opened.Model.Architecture);
    }

    [Fact]
    public void A_student_begins_with_every_second_layer_of_its_teacher_and_follows_it()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Config(folder, "distill") with { Steps = 40, EvaluateEvery = 10, LearningRate = 3e-3 };
        using (Model teacher = ModelFolder.Load(config.Teacher).Model)
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("first"), config with { Steps = 1, WarmupSteps = 0 }))
        {
            Model student = run.Task.Model;
            Assert.Equal((4, 2), (teacher.Config.Layers, student.Config.Layers));
            foreach (Parameter p in student.Parameters)
            {
                string from = p.Name.Replace("layer.1.", "layer.2.", StringComparison.Ordinal);
                Assert.Equal(teacher.Parameters[from].ToTensor().ToArray(), p.ToTensor().ToArray());
            }
        }

        Recorder halved = new(), recorder = new();
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("run"), config with { Steps = 4 })) run.Train([halved]);
        using (HeedModel opened = HeedModel.Open(folder.File("run/model"))) Assert.Equal(2, opened.Model.Config.Layers);

        // One that begins with random weights has all to learn, and was farther away.
        PretrainingConfig fresh = config with { Model = "distilbert", Layers = 1, Heads = 2, Width = 16 };
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("fresh"), fresh)) run.Train([recorder]);
        EvaluationReport first = recorder.Evaluations[0], last = recorder.Evaluations[^1];
        Assert.True(halved.Losses[0] < recorder.Losses[0] - 1, $"{halved.Losses[0]}, {recorder.Losses[0]}");
        Assert.True(last.Loss < recorder.Losses[0] - 2, $"{recorder.Losses[0]} → {last.Loss}");
        Assert.True(last["soft_loss"] < first["soft_loss"], $"{first["soft_loss"]} → {last["soft_loss"]}");
        Assert.Equal(last.Loss, (5 * last["soft_loss"]!.Value) + (2 * last["masked_loss"]!.Value) + last["cosine_loss"]!.Value, 1e-6 * last.Loss);

        // A student of another width takes no cosine; one that is asked for is an error.
        PretrainingConfig narrow = config with { Model = "distilbert", Layers = 1, Heads = 2, Width = 8, Steps = 1, WarmupSteps = 0 };
        Recorder other = new();
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("narrow"), narrow)) run.Train([other]);
        Assert.Null(other.Evaluations[^1]["cosine_loss"]);
        ConfigException e = Assert.Throws<ConfigException>(() => PretrainingRun.Prepare(folder.File("no"), narrow with { CosineWeight = 1 }));
        Assert.StartsWith("cosine_weight: is 1, and the student is 8 wide", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_does_not_resume_with_another_teacher()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Config(folder, "distill") with { Steps = 2 };
        Train(folder.File("run"), config, null);
        string other = Teacher(folder, "other", seed: 9);
        InputException e = Assert.Throws<InputException>(() => PretrainingRun.Prepare(folder.File("run"), config with { Teacher = other, Steps = 4 }));
        Assert.Contains("trained on other teacher", e.Message, StringComparison.Ordinal);
    }

    private static PretrainingConfig Config(TemporaryFolder folder, string what)
    {
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { VocabularySize = 400, BlockLength = 24, HeldOut = 0.1, Heads = 4 };
        return what switch
        {
            "replaced" => config with { Model = "electra-small", Objective = "replaced" },
            "next sentence" => config with { Model = "bert-base", Objective = "masked", NextSentence = true, WholeWords = true },
            _ => config with
            {
                Teacher = Teacher(folder, "teacher", seed: 1),
                Layers = 0,
                Heads = 0,
                Width = 0,
                SoftTargetsMasked = what == "distill masked",
                SquaredWeight = what == "distill masked" ? 0.3 : null,
            },
        };
    }

    /// <summary>A small BERT that has learned a little.</summary>
    private static string Teacher(TemporaryFolder folder, string name, ulong seed)
    {
        string run = folder.File(name), model = Path.Combine(run, "model");
        if (Directory.Exists(model)) return model;
        PretrainingConfig config = PretrainingRunTests.Config(folder) with
        {
            Model = "bert-base",
            VocabularySize = 400,
            BlockLength = 24,
            HeldOut = 0.1,
            Layers = 4,
            Steps = 40,
            Seed = seed,
        };
        using TrainingRun<TextTask> training = PretrainingRun.Prepare(run, config);
        training.Train([]);
        return model;
    }

    /// <summary>Gradients of one step over some micro-batches, as a trainer divides them.</summary>
    private static Dictionary<string, float[]> Gradients(TextTask task, int batches)
    {
        ModelInputs[] inputs = [.. Enumerable.Range(0, batches).Select(i => task.Batch(i))];
        long[] totals = [.. inputs.Select(task.CountTargets).Aggregate((a, b) => [.. a.Zip(b, (x, y) => x + y)])];
        foreach (ModelInputs batch in inputs)
        {
            using TensorScope scope = TensorScope.Begin();
            using Tape tape = Tape.Begin();
            Variable loss = Tensor.Scalar(0);
            IReadOnlyList<LossPart> parts = task.Loss(batch, new RunOptions { Logits = false });
            for (int p = 0; p < parts.Count; p++)
                if (parts[p].Count > 0) loss += parts[p].Sum * (parts[p].Weight / totals[p]);
            tape.Backward(loss);
        }

        Dictionary<string, float[]> found = task.Model.Parameters.Where(p => p.Gradient is not null)
            .ToDictionary(p => p.Name, p => p.Gradient!.ToArray());
        task.Model.Parameters.ClearGradients();
        return found;
    }

    private static string Train(string folder, PretrainingConfig config, int? stopAfter)
    {
        using CancellationTokenSource stop = new();
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder, config);
        run.Train([new StopAfter(stop, stopAfter)], 0, stop.Token);
        string model = Path.Combine(folder, "model");
        return !Directory.Exists(model) ? "unfinished" : string.Join(' ', Directory
            .EnumerateFiles(model, "model.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))));
    }

    private sealed class Listed(List<string> lines) : IProgress<string>
    {
        public void Report(string value) => lines.Add(value);
    }

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
}
