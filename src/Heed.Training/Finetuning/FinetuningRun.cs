using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Finetuning;

/// <summary>Fine-tuning from a file: examples → tokens → head on a trained model → run → the best model, with its report.</summary>
public static class FinetuningRun
{
    /// <summary>Folder of the run inside that of the model: settings, log, checkpoints.</summary>
    internal const string FolderName = "run";

    /// <summary>
    /// Prepares a run: reads and checks all data, decides what the settings leave open, loads the model, checks that it fits, and finds the
    /// last checkpoint.
    /// </summary>
    /// <param name="folder">Where the finished model goes; the run works in its folder <c>run</c>. Made if it does not exist.</param>
    /// <param name="config">The settings.</param>
    /// <param name="status">Reports what is being prepared; may be null.</param>
    /// <param name="warnings">Reports what is odd and was accepted; may be null.</param>
    /// <param name="plan">See <see cref="TrainingRun.Prepare"/>.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <exception cref="ConfigException">Settings do not fit together, or the folder holds a run with others; the message names
    /// them.</exception>
    /// <exception cref="BudgetException">The run cannot fit into memory.</exception>
    /// <exception cref="InputException">Data or model are not acceptable, or not what the run has learned from.</exception>
    /// <exception cref="StorageException">Data or model do not exist, the folder cannot be written, or another run works in
    /// it.</exception>
    public static TrainingRun<FinetuningTask> Prepare(
        string folder,
        FinetuningConfig config,
        IProgress<string>? status = null,
        IProgress<string>? warnings = null,
        Func<TrainingRun<FinetuningTask>, TrainingConfig>? plan = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(config);
        if (config.Model.Length == 0) throw new ConfigException("model: is empty; name the model folder to train further, or a preset "
            + "or config.json to begin with new weights.");
        if (config.Train.Length == 0) throw new ConfigException("train: is empty; name the file or folder to learn from.");
        config = (FinetuningConfig)config.WithFullPaths();
        string at = Path.Combine(folder, FolderName);
        RequireOwn(folder, at, config);
        status?.Report("reading the data");
        FinetuningStart start = FinetuningStart.Find(config, status, cancellationToken);
        FinetuningData data = FinetuningData.Read(config, start.Tokenizer, start.Model, cancellationToken);
        (FinetuningConfig decided, IReadOnlyList<string> decisions) = FinetuningPlan.Decide(config, data, start);
        ModelDescription? trained = start.Folder is null ? null : start.Model;
        if (FinetuningPlan.HighRate(decided, data, trained) is { } high) warnings?.Report($"{high}");
        return TrainingRun.PrepareAt(at, decided, preparation =>
        {
            preparation.Report("loading the model");
            FinetuningModel model = FinetuningModel.Load(decided, start, data);
            try
            {
                FinetuningTask task = data.Make(model, decided);
                task.Decisions = [.. data.Statements, .. decisions];
                return task;
            }
            catch
            {
                model.Model.Dispose();
                throw;
            }
        }, status, warnings, plan is null ? null : run =>
        {
            TrainingConfig planned = plan(run);
            if (run.FirstStep == 0)
                run.Task.Decisions = [.. data.Statements, .. FinetuningPlan.Replanned(decisions, (FinetuningConfig)planned)];
            return planned;
        }, folder, cancellationToken);
    }

    /// <summary>The settings of the run in a folder, from <c>run/run.json</c> or else from its newest checkpoint; null if there are
    /// none.</summary>
    /// <param name="folder">The folder that <see cref="Prepare"/> was given.</param>
    /// <param name="begun">True to look only at a run that has a checkpoint.</param>
    /// <exception cref="InputException">They are damaged.</exception>
    public static FinetuningConfig? SettingsOf(string folder, bool begun = false)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return RunSettings.Of(Path.Combine(folder, FolderName), begun, FinetuningConfig.FromJson);
    }

    /// <summary>
    /// Ends a run: opens the saved folder anew and evaluates it again, where the figures must be those of the trained model; fits a
    /// temperature or thresholds (<c>calibration.json</c>); writes <c>report.json</c>, <c>report.html</c> and the model card.
    /// </summary>
    /// <param name="run">Trained to its end.</param>
    /// <param name="cancellationToken">Ends the evaluation.</param>
    /// <returns>The figures; null if nothing is held out.</returns>
    /// <exception cref="NumericalException">The reopened model gives other figures.</exception>
    public static EvaluationReport? Finish(TrainingRun<FinetuningTask> run, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        FinetuningConfig config = (FinetuningConfig)run.Config;
        TaskAssessment? trained = run.Task.Assess(cancellationToken);
        if (trained is not null)
        {
            using FinetuningTask task = Reopen(run, config);
            TaskAssessment assessment = task.Assess(cancellationToken)!;
            EvaluationReport reopened = assessment.Report;
            if (!reopened.Equals(trained.Report))
            {
                throw new NumericalException($"{run.ModelFolder}: was reopened, and its loss on the held-out examples is {reopened.Loss:R} "
                    + $"instead of {trained.Report.Loss:R}. The folder does not hold what was trained; report this.");
            }

            trained = task.Complete(assessment, cancellationToken);
        }

        string calibrationFile = Path.Combine(run.ModelFolder, ClassCalibration.FileName);
        ClassCalibration? calibration = config.Calibrate && trained is not null ? run.Task.Calibrate(trained) : null;
        if (calibration is null) File.Delete(calibrationFile);
        else DurableFile.WriteText(calibrationFile, StrictJson.Format(calibration.ToJson()));
        TaskAssessment? test = config.Test.Length == 0 ? null
            : Evaluate(config with { Model = run.ModelFolder, Tokenizer = "", EvaluateWritten = 0, Task = run.Task.Name }, null,
                cancellationToken);
        FinetuningReport.Write(run, trained, test, calibration?.ToJson());
        return trained is null ? null : trained.Report with { Step = run.SavedStep };
    }

    /// <summary>Judges a finished model on labelled examples.</summary>
    /// <param name="config"><see cref="FinetuningConfig.Model"/> and <see cref="FinetuningConfig.Test"/>; how the file is read.</param>
    /// <param name="writing">How the model writes; null: as its folder says.</param>
    /// <param name="cancellationToken">Ends the evaluation.</param>
    /// <exception cref="ConfigException">It is said how the model writes, and the task has nothing to write.</exception>
    /// <exception cref="InputException">The data are not acceptable, or the model has no head for them.</exception>
    internal static TaskAssessment Evaluate(
        FinetuningConfig config, WritingOptions? writing = null, CancellationToken cancellationToken = default)
    {
        FinetuningStart start = FinetuningStart.OfFolder(config.Model);
        FinetuningData data = FinetuningData.ToEvaluate(config.Test, config, start.Tokenizer, start.Model, cancellationToken);
        FinetuningConfig settings = config with
        {
            MaximumLength = config.MaximumLength > 0 ? config.MaximumLength
            : start.Model.Config.MaximumLength
        };
        FinetuningModel model = FinetuningModel.Load(settings, start, data);
        try
        {
            if (model.NewParameters.Count > 0)
            {
                throw new InputException($"{config.Model}: has no weights for {model.NewParameters[0]}, so its answers would be random. "
                    + "Train it first: heed finetune.");
            }

            using FinetuningTask task = data.Make(model, settings);
            if (task is RewritingTask rewriting) rewriting.Writing = writing;
            else if (writing is not null) throw new ConfigException($"beams: are of tasks that write, and {task.Name} is none of them. "
                + $"Leave them out.");
            return task.Complete(task.Assess(cancellationToken)!, cancellationToken);
        }
        catch
        {
            model.Model.Dispose();
            throw;
        }
    }

    /// <summary>The saved folder under the same task.</summary>
    private static FinetuningTask Reopen(TrainingRun<FinetuningTask> run, FinetuningConfig config)
    {
        // An adapter is opened beside its base model, not within its weights: sums in another order have other bits.
        bool isAdapter = run.Task.Source.Adapter is not null;
        FinetuningConfig saved = isAdapter ? config : config with { Model = run.ModelFolder };
        FinetuningModel model = FinetuningModel.Load(saved, FinetuningStart.OfFolder(saved.Model), run.Task.Data, isAdapter
            ? run.ModelFolder
            : null);
        try
        {
            if (!isAdapter && model.NewParameters.FirstOrDefault(n => !model.Model.Parameters[n].MayBeUnused) is { } missing)
                throw new NumericalException($"{run.ModelFolder}: was saved without {missing}; report this.");
            return run.Task.Data.Make(model, saved);
        }
        catch
        {
            model.Model.Dispose();
            throw;
        }
    }

    /// <summary>A model that no run made here is not written over, and least of all the one that is trained further.</summary>
    private static void RequireOwn(string folder, string run, FinetuningConfig config)
    {
        if (Path.GetFullPath(folder) == config.Model)
            throw new ConfigException($"model: {config.Model} is also where the trained model is to go. Choose another folder for it.");
        if (!Directory.Exists(run) && File.Exists(Path.Combine(folder, ModelFolder.ConfigName)))
            throw new StorageException($"{folder}: holds a model that no run here has made. Choose another folder, or remove it.");
    }
}
