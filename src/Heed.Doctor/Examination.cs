using Heed.Doctor.Data;
using Heed.Doctor.Models;
using Heed.Doctor.Runs;
using Heed.Doctor.Tasks;
using Heed.Hub;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Finetuning;
using Heed.Training.Tasks;

namespace Heed.Doctor;

/// <summary>Looks for the common mistakes in models, runs, data and tasks: <see cref="DoctorRule.All"/> lists them.</summary>
/// <example><code>
/// ExaminationReport report = Examination.OfFolder("runs/disputes");
/// foreach (Finding finding in report.Findings) Console.WriteLine(finding);
/// </code></example>
public static class Examination
{
    /// <summary>Examines what a path holds: the folder of a run, a model folder, or a file of examples; or a pulled model by its
    /// name.</summary>
    /// <param name="path">The path or name.</param>
    /// <param name="data">How a file of examples is read: <c>task</c>, <c>columns</c>, <c>dev</c> and <c>test</c> as in <c>heed
    /// finetune</c>, and a
    /// <c>model</c> whose length its answers must fit; its <c>train</c> is not read. Null: as the file shows.</param>
    /// <param name="cancellationToken">Ends the examination.</param>
    /// <exception cref="StorageException">There is no such file, folder or model.</exception>
    /// <exception cref="InputException">The files are damaged, or hold nothing that the doctor knows.</exception>
    public static ExaminationReport OfPath(string path, FinetuningConfig? data = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path)) return OfData((data ?? new FinetuningConfig()) with { Train = path }, cancellationToken);
        if (Directory.Exists(path) && RunFolder.Find(path) is { } run) return OfRun(path, run, cancellationToken);
        if (Directory.Exists(path) && !IsModel(path)) return OfData((data ?? new FinetuningConfig()) with { Train = path },
            cancellationToken);
        return OfFolder(path, cancellationToken);
    }

    /// <summary>Examines a model folder: weights, tokenizer, pooling, and the model as it computes on a few texts.</summary>
    /// <param name="folder">The folder, or the name of a pulled model.</param>
    /// <param name="cancellationToken">Ends the examination.</param>
    /// <inheritdoc cref="OfPath" path="/exception"/>
    public static ExaminationReport OfFolder(string folder, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Notes notes = new(folder, "model");
        using OpenedFolder opened = OpenedFolder.Open(HubModel.Folder(folder));
        Judge(opened, notes, cancellationToken);
        return notes.Report();
    }

    /// <summary>Examines a model object: what it may look at, its attention, its numbers.</summary>
    /// <param name="model">The model; it is run on a few texts and stays as it is.</param>
    /// <param name="tokenizer">Makes the texts; null: ids are drawn.</param>
    /// <param name="cancellationToken">Ends the examination.</param>
    public static ExaminationReport OfModel(Model model, Tokenizer? tokenizer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        Notes notes = new(model.Architecture, "model");
        Judge(model, tokenizer, notes, cancellationToken);
        return notes.Report();
    }

    /// <summary>Examines a task: its batches and labels, the layers that its loss reaches, how it evaluates, and its model.</summary>
    /// <param name="task">The task. One micro-batch runs forward and backward and is thrown away; the held-out data are evaluated twice.
    /// The
    /// weights stay as they are.</param>
    /// <param name="tokenizer">Makes texts to try the model on; null: ids are drawn.</param>
    /// <param name="cancellationToken">Ends the examination.</param>
    public static ExaminationReport OfTask(TrainingTask task, Tokenizer? tokenizer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        Notes notes = new(task.GetType().Name, "task");
        if (task is TrainingTask<ModelInputs> grids) BatchRules.Judge(grids, notes);
        else notes.NotJudged(Rules.PaddingInLoss, "the task's batches are not ModelInputs");
        TaskRules.Judge(task, notes, cancellationToken);
        Judge(task.Model, tokenizer, notes, cancellationToken);
        return notes.Report();
    }

    /// <summary>Examines labelled examples: leaks into dev or test data, contradictions, labels; with a model what its length
    /// cuts.</summary>
    /// <param name="data">The file as <c>train</c>; <c>dev</c>, <c>test</c>, <c>model</c>, <c>task</c>, <c>columns</c> as in <c>heed
    /// finetune</c>.</param>
    /// <param name="cancellationToken">Ends the examination.</param>
    /// <exception cref="StorageException">A file does not exist.</exception>
    /// <exception cref="InputException">The data have faults, or hold no example.</exception>
    public static ExaminationReport OfData(FinetuningConfig data, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        Notes notes = new(data.Train, "data");
        DataRules.Judge(data, notes, cancellationToken);
        if (data.Model.Length == 0)
        {
            notes.NotJudged(Rules.TruncatedAnswers, "no model is named whose tokens would be counted (--model)");
            return notes.Report();
        }

        FinetuningConfig read = (FinetuningConfig)data.WithFullPaths();
        FinetuningStart start = FinetuningStart.Find(read, null, cancellationToken);
        FinetuningData examples = FinetuningData.Read(read, start.Tokenizer, start.Model, cancellationToken);
        DataRules.Judge(FinetuningPlan.Decide(read, examples, start).Config, examples, notes);
        return notes.Report();
    }

    private static ExaminationReport OfRun(string path, RunFolder run, CancellationToken cancellationToken)
    {
        Notes notes = new(path, "run");
        RunRules.Judge(run, notes);
        if (run.Finetuning is { } tuning) JudgeData(tuning, notes, cancellationToken);
        if (run.Model is null) return notes.Report();
        using OpenedFolder opened = OpenedFolder.Open(run.Model);
        Judge(opened, notes, cancellationToken);
        string before = run.Finetuning?.Model ?? run.Pretraining!.Model;
        if (before.Length > 0 && HubModel.Find(before) is { } folder) Forgetting.Judge(folder, opened.Model, notes);
        else if (run.Finetuning is not null) notes.NotJudged(Rules.Forgetting, $"the base model {before} is not there any more");
        return notes.Report();
    }

    /// <summary>The data of a run, if they are still where they were.</summary>
    private static void JudgeData(FinetuningConfig config, Notes notes, CancellationToken cancellationToken)
    {
        string? gone = DataRules.Others(config).Select(o => o.Path).Prepend(config.Train).FirstOrDefault(p => !File.Exists(p)
            && !Directory.Exists(p));
        if (HubModel.Find(config.Model) is not { } folder) gone ??= config.Model;
        else if (gone is null)
        {
            notes.Judge(Rules.TruncatedAnswers, () =>
            {
                ModelDescription model = ModelFolder.ReadConfig(folder);
                FinetuningData data = FinetuningData.Read(config, Tokenizer.FromFolder(folder), model, cancellationToken);
                DataRules.Judge(config, data, notes);
                if (FinetuningPlan.HighRate(config, data, model) is { } high) notes.Add(high);
                if (config.Test.Length > 0) DataRules.Judge(config with { Dev = "" }, notes, cancellationToken);
            });
            return;
        }

        foreach (string rule in (string[])[Rules.Leakage, Rules.TruncatedAnswers]) notes.NotJudged(rule, $"{gone} is not there any more");
    }

    private static void Judge(OpenedFolder opened, Notes notes, CancellationToken cancellationToken)
    {
        TextRules.Judge(opened, notes);
        WeightRules.Judge(opened, notes);
        PoolingRules.Judge(opened, notes);
        Judge(opened.Model, opened.Tokenizer, notes, cancellationToken);
    }

    private static void Judge(Model model, Tokenizer? tokenizer, Notes notes, CancellationToken cancellationToken)
    {
        using ModelUse use = model.Enter();
        ModelProbe probe = ModelProbe.Of(model, tokenizer);
        cancellationToken.ThrowIfCancellationRequested();
        ReadingRules.Judge(probe, notes);
        cancellationToken.ThrowIfCancellationRequested();
        WeightRules.Judge(probe, notes);
        cancellationToken.ThrowIfCancellationRequested();
        AttentionRules.Judge(probe, notes);
    }

    private static bool IsModel(string folder) => ((string[])[ModelFolder.ConfigName, "modules.json", "adapter_config.json"])
        .Any(name => File.Exists(Path.Combine(folder, name)));
}
