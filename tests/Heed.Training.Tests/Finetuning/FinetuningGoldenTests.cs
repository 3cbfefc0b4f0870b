using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

/// <summary>One epoch over the disputes with the real MiniLM, step for step as the reference.</summary>
public class FinetuningGoldenTests
{
    [SharedFact]
    public void Each_of_63_steps_of_the_real_model_is_the_reference_s()
    {
        using TemporaryFolder folder = new();
        string golden = Path.Combine(Repository.Goldens, "finetune"), data = Path.Combine(Repository.Shared!, "data", "disputes");
        using JsonDocument record = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden, "golden.json")));
        FinetuningConfig config = new()
        {
            Model = Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2"),
            Train = Path.Combine(data, "classification.train.jsonl"),
            Dev = Path.Combine(data, "classification.dev.jsonl"),
            Steps = 63,
            MaximumLength = 128,
            Shuffle = false,
            Dropout = 0,
            LearningRate = 1e-4,
            WarmupSteps = 4,
            HeadRate = 1,
            EvaluateEvery = 63,
            Patience = 0,
        };
        Steps steps = new();
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("out"), config);
        using (SafetensorsFile first = SafetensorsFile.Open(Path.Combine(golden, "classifier.safetensors")))
        {
            foreach (Parameter p in run.Task.Model.Parameters.Where(p => p.Name.StartsWith("classifier.", StringComparison.Ordinal)))
                first[p.Name].ReadFloats(p.Value.Span);
        }

        run.Train([steps]);
        JsonElement expected = record.RootElement.GetProperty("steps");
        Assert.Equal(expected.GetArrayLength(), steps.Reports.Count);
        for (int i = 0; i < steps.Reports.Count; i++)
        {
            Close(expected[i].GetProperty("loss").GetDouble(), steps.Reports[i].Loss, 2e-5, $"loss of step {i + 1}");
            Close(expected[i].GetProperty("grad_norm").GetDouble(), steps.Reports[i].GradientNorm, 2e-5, $"norm of step {i + 1}");
            Close(expected[i].GetProperty("lr").GetDouble(), steps.Reports[i].Rate, 1e-12, $"rate of step {i + 1}");
        }

        JsonElement dev = record.RootElement.GetProperty("after_one_epoch").GetProperty("dev");
        Assert.Equal(dev.GetProperty("accuracy").GetDouble(), run.SavedEvaluation!["accuracy"]!.Value, 1e-9);
    }

    private static void Close(double expected, double found, double tolerance, string what)
        => Assert.True(Math.Abs(expected - found) <= tolerance * Math.Abs(expected), $"{what}: {found}, expected {expected}");

    private sealed class Steps : ITrainingObserver
    {
        public List<StepReport> Reports { get; } = [];

        public void Stepped(StepReport report) => Reports.Add(report);
    }
}
