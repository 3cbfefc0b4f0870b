using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;
using Heed.Training.Schedules;

namespace Heed.Training.Tests.Finetuning;

/// <summary>What the tests of all tasks do with a run.</summary>
internal static class Finetuned
{
    /// <summary>A small encoder with a tokenizer.</summary>
    public static readonly string Encoder = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean");

    /// <summary>A small model of the pipelines' goldens.</summary>
    public static string Pipeline(string name) => Path.Combine(Repository.Goldens, "pipelines", "models", name);

    /// <summary>Trains; the figures are those of the reopened folder. Null if the run was stopped.</summary>
    public static EvaluationReport? Train(string folder, FinetuningConfig config, int? stopAfter = null)
    {
        using CancellationTokenSource stop = new();
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder, config);
        TrainingEnd end = run.Train([new StopAfter(stop, stopAfter)], cancellationToken: stop.Token);
        return end == TrainingEnd.Interrupted ? null : FinetuningRun.Finish(run);
    }

    /// <summary>A run that is stopped twice ends with the bytes of one that is not.</summary>
    public static void AssertResumes(TemporaryFolder folder, FinetuningConfig config, double? dropout = 0.1)
    {
        config = config with { Steps = 9, SaveEvery = 3, EvaluateEvery = 3, LearningRate = 3e-3, Dropout = dropout };
        Train(folder.File("whole"), config);
        Assert.Null(Train(folder.File("parts"), config, stopAfter: 4));
        Assert.Null(Train(folder.File("parts"), config, stopAfter: 2));
        Assert.NotNull(Train(folder.File("parts"), config));
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder.File("whole"), "model.safetensors")),
            File.ReadAllBytes(Path.Combine(folder.File("parts"), "model.safetensors")));
    }

    /// <summary>Nine examples in one, three or nine micro-batches give one gradient.</summary>
    public static void AssertSplits(TemporaryFolder folder, FinetuningConfig config, double? dropout = 0)
    {
        config = config with { Shuffle = false, Dropout = dropout, Steps = 1, Dev = FinetuningConfig.NoDev, ClipNorm = 0 };
        (double loss, float[] whole) = Gradient(folder.File("whole"), config with { BatchSize = 9 });
        foreach (int parts in (int[])[3, 9])
        {
            (double splitLoss, float[] split) = Gradient(folder.File($"split{parts}"), config with { BatchSize = 9 / parts, Accumulation = parts });
            Assert.Equal(loss, splitLoss, 1e-6 * loss);
            double difference = 0, norm = 0;
            for (int i = 0; i < whole.Length; i++)
            {
                difference += Math.Pow(whole[i] - (double)split[i], 2);
                norm += Math.Pow(whole[i], 2);
            }

            Assert.True(norm > 0);
            Assert.True(Math.Sqrt(difference) <= 1e-6 * Math.Sqrt(norm), $"{parts} parts: relative L2 {Math.Sqrt(difference / norm):G3}");
        }
    }

    private static (double Loss, float[] Gradient) Gradient(string folder, FinetuningConfig config)
    {
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder, config);
        using Watcher watcher = new(run.Task.Model.Parameters);
        StepReport report = new Trainer(run.Task, watcher, new ConstantSchedule(1), run.Config).TakeStep();
        return (report.Loss, [.. watcher.Seen.SelectMany(g => g)]);
    }

    private sealed class StopAfter(CancellationTokenSource stop, int? steps) : ITrainingObserver
    {
        private int _done;

        public void Stepped(StepReport report)
        {
            if (++_done == steps) stop.Cancel();
        }
    }

    /// <summary>Keeps the gradients and changes nothing.</summary>
    private sealed class Watcher(ParameterSet parameters) : Optimizer(parameters)
    {
        public List<float[]> Seen { get; } = [];

        protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter) => [];

        protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings) => Seen.Add(parameter.Gradient!.ToArray());
    }
}
