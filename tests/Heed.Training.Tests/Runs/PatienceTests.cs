using System.Security.Cryptography;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Tests.Runs;

/// <summary>Early stopping, and what a run that is over does when it is started again.</summary>
public class PatienceTests
{
    [Fact]
    public void An_early_stop_saves_the_best_weights_and_keeps_their_checkpoint()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("run");
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(path, Diverging(folder));
        Recorder recorder = new();
        Assert.Equal(TrainingEnd.StoppedEarly, run.Train([recorder]));
        EvaluationReport best = recorder.Evaluations.MinBy(e => e.Loss)!;
        Assert.Equal((best.Step, best.Step + (run.Config.Patience * run.Config.EvaluateEvery)), (run.SavedStep, run.LastStep));
        Assert.Equal(best, run.SavedEvaluation);
        Assert.Equal(
            [$"step-{best.Step:D9}", $"step-{run.LastStep:D9}"],
            Directory.GetDirectories(Path.Combine(path, "checkpoints")).Select(Path.GetFileName).Order());
        Assert.Equal(Sum(Path.Combine(path, "checkpoints", $"step-{best.Step:D9}", "model.safetensors")), Sum(Path.Combine(path, "model", "model.safetensors")));
    }

    [Fact]
    public void A_best_checkpoint_that_is_gone_is_told_and_trained_again_from_an_earlier_one()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("run");
        PretrainingConfig config = Diverging(folder);
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(path, config)) run.Train([]);
        string weights = Sum(Path.Combine(path, "model", "model.safetensors"));
        string[] checkpoints = [.. Directory.GetDirectories(Path.Combine(path, "checkpoints")).Order(StringComparer.Ordinal)];
        Directory.Delete(checkpoints[0], recursive: true);
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(path, config))
            Assert.Contains($"{checkpoints[0]}: is missing, and it holds the best weights", Assert.Throws<InvalidFileException>(() => run.Train([])).Message, StringComparison.Ordinal);
        Directory.Delete(checkpoints[1], recursive: true);
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(path, config)) run.Train([]);
        Assert.Equal(weights, Sum(Path.Combine(path, "model", "model.safetensors")));
    }

    [Fact]
    public void An_early_stop_after_interruptions_has_the_same_bits()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = Diverging(folder) with { Dropout = 0.1 };
        string whole = folder.File("whole"), parts = folder.File("parts");
        using (TrainingRun<TextTask> run = PretrainingRun.Prepare(whole, config)) run.Train([]);
        for (int part = 0; ; part++)
        {
            Assert.True(part < 200);
            using CancellationTokenSource stop = new();
            using TrainingRun<TextTask> run = PretrainingRun.Prepare(parts, config);
            if (run.Train([new StopAfter(stop, 1 + (part % 3))], 0, stop.Token) != TrainingEnd.Interrupted) break;
        }

        Assert.Equal(Sum(Path.Combine(whole, "model", "model.safetensors")), Sum(Path.Combine(parts, "model", "model.safetensors")));
        Assert.Equal(Checkpoints(whole), Checkpoints(parts));
    }

    [Fact]
    public void A_run_that_is_over_writes_nothing_when_it_is_started_again()
    {
        using TemporaryFolder folder = new();
        foreach (PretrainingConfig config in (PretrainingConfig[])[Diverging(folder), PretrainingRunTests.Config(folder) with { Steps = 4, EvaluateEvery = 3, SaveEvery = 2 }])
        {
            string path = folder.File("run" + config.Patience.ToString(System.Globalization.CultureInfo.InvariantCulture));
            TrainingEnd end;
            EvaluationReport? evaluation;
            using (TrainingRun<TextTask> run = PretrainingRun.Prepare(path, config))
            {
                end = run.Train([]);
                evaluation = run.SavedEvaluation;
            }

            Dictionary<string, (DateTime, string)> before = Files(path);
            using (TrainingRun<TextTask> again = PretrainingRun.Prepare(path, config))
            {
                Recorder recorder = new();
                Assert.True(again.IsOver);
                Assert.Equal(end, again.Train([recorder]));
                Assert.Equal(evaluation, again.SavedEvaluation);
                Assert.Equal(evaluation, Assert.Single(recorder.Evaluations));
            }

            Assert.Equal(before, Files(path));
            // A model folder that is missing, or whose writing was cut off, is written again.
            string model = Path.Combine(path, "model");
            File.Delete(Path.Combine(model, "generation_config.json"));
            File.WriteAllText(Path.Combine(model, "model.safetensors"), "half");
            using (TrainingRun<TextTask> again = PretrainingRun.Prepare(path, config)) again.Train([]);
            Assert.Equal(before.Select(f => (f.Key, f.Value.Item2)), Files(path).Select(f => (f.Key, f.Value.Item2)));
        }
    }

    /// <summary>A rate at which the held-out loss falls at first and then rises.</summary>
    private static PretrainingConfig Diverging(TemporaryFolder folder)
        => PretrainingRunTests.Config(folder) with { Steps = 200, EvaluateEvery = 2, Patience = 3, Keep = 1, Schedule = "inverse_sqrt", LearningRate = 0.3, WarmupSteps = 40 };

    private static Dictionary<string, (DateTime, string)> Files(string folder)
        => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) != "lock").Order(StringComparer.Ordinal)
            .ToDictionary(f => f, f => (File.GetLastWriteTimeUtc(f), Sum(f)));

    private static IEnumerable<string> Checkpoints(string run)
        => Directory.EnumerateFiles(Path.Combine(run, "checkpoints"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => Path.GetRelativePath(run, f) + Sum(f));

    private static string Sum(string file) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));

    private sealed class Recorder : ITrainingObserver
    {
        public List<EvaluationReport> Evaluations { get; } = [];

        public void Evaluated(EvaluationReport report) => Evaluations.Add(report);
    }

    private sealed class StopAfter(CancellationTokenSource stop, int steps) : ITrainingObserver
    {
        private int _done;

        public void Stepped(StepReport report)
        {
            if (++_done == steps) stop.Cancel();
        }
    }
}
