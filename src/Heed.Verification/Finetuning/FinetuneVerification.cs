using System.Globalization;
using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Models;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Verification;

/// <summary>
/// Repeats a fine-tuning run of the reference, step by step: any folder in the form of <c>goldens/finetune</c>: <c>golden.json</c> with the
/// settings, the loss, norm and rate of each step and what the trained model says; <c>classifier.safetensors</c> with the first values of
/// the head. Model and data lie elsewhere.
/// </summary>
internal static class FinetuneVerification
{
    private const string RecordName = "golden.json", HeadName = "classifier.safetensors";

    /// <summary>Largest relative distances. Measured with the real model: losses and norms within 1e-5, logits 1.2e-6.</summary>
    private const double Steps = 2e-5, Rates = 1e-12, Logits = 1e-5;

    /// <summary>Whether a folder holds such a run.</summary>
    public static bool IsRun(string folder) => File.Exists(Path.Combine(folder, HeadName)) && File.Exists(Path.Combine(folder, RecordName))
        && !File.Exists(Path.Combine(folder, "config.json"));

    /// <summary>Trains, and compares.</summary>
    /// <param name="folder">The reference.</param>
    /// <param name="model">The folder of the model that was trained further.</param>
    /// <param name="data">The folder with <c>classification.train.jsonl</c>, <c>classification.dev.jsonl</c> and
    /// <c>classification.test.jsonl</c>.</param>
    /// <param name="cancellationToken">Ends the run after a step.</param>
    /// <returns>A result for each step, and four for the trained model.</returns>
    /// <exception cref="StorageException">A file is missing.</exception>
    /// <exception cref="InputException">A file is damaged, or does not fit.</exception>
    public static IReadOnlyList<VerificationResult> Run(string folder, string model, string data, CancellationToken cancellationToken)
    {
        string path = Path.Combine(folder, RecordName);
        using JsonDocument document = StrictJson.ReadFile(path);
        ConfigReader record = new(document.RootElement, path);
        JsonElement steps = Element(document.RootElement, path, "steps"), after = Element(document.RootElement, path, "after_one_epoch");
        string[] labels = [.. Element(document.RootElement, path,
            "labels").EnumerateArray().Select((l, i) => StrictJson.Text(l, path, $"$.labels[{i}]"))];
        FinetuningConfig config = new()
        {
            Task = "classification",
            Model = model,
            Train = Path.Combine(data, "classification.train.jsonl"),
            Dev = Path.Combine(data, "classification.dev.jsonl"),
            LabelNames = labels,
            Steps = steps.GetArrayLength(),
            BatchSize = record.Size("batch"),
            MaximumLength = record.Size("max_length"),
            LearningRate = record.Number("peak_lr", 0, 0, 1),
            WarmupSteps = record.Size("warmup"),
            ClipNorm = record.Number("clip_norm", 0, 0, 1e9),
            Dropout = record.Number("dropout", 0, 0, 1),
            Shuffle = false,
            HeadRate = 1,
            EvaluateEvery = steps.GetArrayLength(),
            Patience = 0,
            Calibrate = false,
        };
        DirectoryInfo work = Directory.CreateTempSubdirectory("heed-verify-");
        try
        {
            string trained = Path.Combine(work.FullName, "model");
            List<VerificationResult> results = [];
            TaskAssessment dev;
            using (TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(trained, config, cancellationToken: cancellationToken))
            {
                using (SafetensorsFile head = SafetensorsFile.Open(Path.Combine(folder, HeadName)))
                {
                    foreach (Parameter p in run.Task.Model.Parameters)
                        if (head.TryGet(p.Name, out RawTensor? first)) first.ReadFloats(p.Value.Span);
                }

                Compared compared = new(folder, path, steps, results);
                run.Train([compared], cancellationToken: cancellationToken);
                cancellationToken.ThrowIfCancellationRequested();
                dev = run.Task.Assess(cancellationToken)!;
            }

            results.AddRange(Said(folder, path, after, "dev", dev));
            FinetuningConfig judge = config with
            {
                Model = trained,
                Train = "",
                Dev = "",
                Test = Path.Combine(data, "classification.test.jsonl"),
                LabelNames = [],
            };
            results.AddRange(Said(folder, path, after, "test", FinetuningRun.Evaluate(judge, cancellationToken: cancellationToken)));
            return results;
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    private static JsonElement Element(JsonElement root, string path, string name) => root.ValueKind == JsonValueKind.Object
        && root.TryGetProperty(name, out JsonElement value) ? value
        : throw new InvalidFileException(path, "$." + name, "is missing; restore the file from the reference");

    /// <summary>What the trained model says of a part of the data: its accuracy, and its first logits.</summary>
    private static IEnumerable<VerificationResult> Said(string folder, string path, JsonElement after, string part, TaskAssessment found)
    {
        JsonElement expected = Element(after, path, part);
        double accuracy = StrictJson.Number(Element(expected, path, "accuracy"), path, $"$.after_one_epoch.{part}.accuracy");
        double now = found.Report["accuracy"] ?? double.NaN;
        // The reference counts in float32.
        yield return Result(folder, $"{part} accuracy", Math.Abs(accuracy - now) <= 1e-6, accuracy, now);
        double distance = 0, size = 0;
        int i = 0;
        foreach (JsonElement row in Element(expected, path, "first_logits").EnumerateArray())
        {
            foreach (JsonElement value in row.EnumerateArray())
            {
                double logit = StrictJson.Number(value, path, "$.after_one_epoch.first_logits");
                distance += Math.Pow(logit - found.Scores[i++], 2);
                size += logit * logit;
            }
        }

        double relative = Math.Sqrt(distance / size);
        yield return new VerificationResult(folder, $"{part} logits", relative <= Logits, relative <= Logits ? null : string.Create(
            CultureInfo.InvariantCulture, $"the first {i} logits lie {relative:0.0e+00} of their norm from the "
                + $"reference; {Logits:0.0e+00} is allowed"));
    }

    private static VerificationResult Result(string folder, string what, bool passed, double expected, double found)
        => new(folder, what, passed, passed ? null : string.Create(CultureInfo.InvariantCulture, $"is {found:G9}, and {expected:G9} in "
            + $"the reference"));

    /// <summary>Holds each step beside the reference's.</summary>
    private sealed class Compared(string folder, string path, JsonElement steps, List<VerificationResult> results) : ITrainingObserver
    {
        public void Stepped(StepReport report)
        {
            int i = (int)report.Step - 1;
            VerificationResult[] all =
            [
                Row("loss", report.Loss, Steps), Row("grad_norm", report.GradientNorm, Steps), Row("lr", report.Rate, Rates),
            ];
            results.Add(all.FirstOrDefault(r => !r.Passed) is { } failed
                ? failed : new VerificationResult(folder, FormattableString.Invariant($"step {report.Step}"), true, null));

            VerificationResult Row(string name, double found, double tolerance)
            {
                double expected = StrictJson.Number(Element(steps[i], path, name), path, $"$.steps[{i}].{name}");
                return Result(folder, FormattableString.Invariant($"step {report.Step}: {name}"),
                    Math.Abs(expected - found) <= tolerance * Math.Abs(expected), expected, found);
            }
        }
    }
}
