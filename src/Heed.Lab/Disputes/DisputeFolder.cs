using Heed.Lab.Support;
using Heed.Models;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Lab.Disputes;

/// <summary>
/// Letters about card payments (<c>samples/disputes</c>) as files, and encoders that are trained on them as <c>heed finetune</c> trains
/// them. The letters of dev have the phrasings of those of train, the letters of test others.
/// </summary>
internal sealed class DisputeFolder : IDisposable
{
    private const string Task = "classification";

    private readonly LabRun _run;

    /// <summary>Writes the letters into the run's work folder, or into one that lives as long as this object.</summary>
    /// <param name="run">Has the pre-trained encoder.</param>
    /// <exception cref="LabSkippedException">There is no encoder.</exception>
    public DisputeFolder(LabRun run)
    {
        if (run.Model is not { Model: EncoderModel } model)
            throw LabRun.Skipped("needs a pre-trained encoder: --model all-MiniLM-L6-v2");
        (_run, Model) = (run, model.Folder);
        Path = run.Work is null ? Directory.CreateTempSubdirectory("heed-lab-").FullName : System.IO.Path.Combine(run.Work, "disputes");
        Directory.CreateDirectory(Path);
        Train = Write("train");
        Dev = Write("dev");
        Test = Write("test");
    }

    /// <summary>Folder of the encoder.</summary>
    public string Model { get; }

    /// <summary>Where files and finished models lie.</summary>
    public string Path { get; }

    /// <summary>1,000 letters.</summary>
    public string Train { get; }

    /// <summary>300 letters with the phrasings of the training letters.</summary>
    public string Dev { get; }

    /// <summary>300 letters with other phrasings.</summary>
    public string Test { get; }

    /// <summary>Trains the encoder; the last step is saved, and nothing is chosen by dev or test.</summary>
    /// <param name="name">Name of the model's folder; one that is there is taken.</param>
    /// <param name="config">Rates and steps.</param>
    /// <returns>The model's folder.</returns>
    public string Finetune(string name, FinetuningConfig config)
    {
        if (config.Steps > _run.StepLimit)
            config = config with { Steps = _run.StepLimit, WarmupSteps = Math.Min(config.WarmupSteps, _run.StepLimit) };
        string folder = System.IO.Path.Combine(Path, $"{name}-{_run.Seed}");
        _run.Report($"training {name}");
        using TrainingRun<FinetuningTask> training = FinetuningRun.Prepare(
            folder, config with { Task = Task, Model = Model, Train = Train, Dev = FinetuningConfig.NoDev, Seed = _run.Seed },
            cancellationToken: _run.CancellationToken);
        if (!training.IsOver && training.Train([], cancellationToken: _run.CancellationToken) == TrainingEnd.Interrupted)
            throw new OperationCanceledException(_run.CancellationToken);
        return folder;
    }

    /// <summary>The classifier of the experiments that look at one: 63 steps of 16 letters, once through the data, at 1e-4.</summary>
    public string Classifier() => Finetune("classifier", new FinetuningConfig { LearningRate = 1e-4, Steps = 63 });

    /// <summary>Share of the letters of a file that a model sorts rightly.</summary>
    public double Accuracy(string model, string file) => FinetuningRun.Evaluate(
        new FinetuningConfig { Task = Task, Model = model, Test = file }, cancellationToken: _run.CancellationToken)
            .Report["accuracy"]!.Value;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_run.Work is null) Directory.Delete(Path, recursive: true);
    }

    private string Write(string part)
    {
        string name = $"classification.{part}.jsonl", path = System.IO.Path.Combine(Path, name);
        DurableFile.WriteText(path, string.Concat(Letters.Lines(part).Select(l => l + "\n")));
        return path;
    }
}
