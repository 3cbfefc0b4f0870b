using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;
using Field = Heed.Training.Runs.SettingField<Heed.Training.Pretraining.PretrainingConfig>;

namespace Heed.Cli.Commands;

/// <summary><c>heed pretrain</c>: trains a language model from text; every field of <c>run.json</c> is an option.</summary>
internal static class PretrainCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string?> file = new("--config") { Description = "run.json with settings; options override it" };
        Option<string> output = new("--out")
        {
            Description = "folder of the run; started again in the same folder it resumes, with the "
            + "settings of its run.json",
            Required = true
        };
        Option<double?> minutes = NumberOption.Optional("--minutes",
            "how long to train, about, instead of a number of steps: as many as fit, "
            + "fixed before the first one; the text is read 8 times at most", new NumberRange<double>(0, 99_999, Above: true));
        Option<int?> threads = NumberOption.Threads();
        Command command = new("pretrain", "Train a language model on text: a preset of any family, a config.json, or a model folder "
            + "that is trained further. --objective causal trains decoders, masked encoders, replaced ELECTRA's, span and denoise "
            + "encoder-decoders; --teacher distils. 'heed pretrain --out runs/a' resumes the run in a folder; 'heed pretrain --config "
            + "runs/a/run.json --seed 2 --out runs/b' repeats it with another seed. '--model runs/a/model' continues from trained "
            + "weights. Example: heed pretrain --data ./texts --out runs/a --model llama-7b --layers 4 --heads 4 --width 256 --steps "
            + "2000") { file, output, minutes, threads };
        SettingOptions<PretrainingConfig> options = new(command, PretrainingFields.All, new PretrainingConfig());
        command.SetAction((parsed, cancellationToken) =>
        {
            string folder = parsed.GetRequiredValue(output);
            if (folder.Length == 0) throw new UsageException("--out: is empty; name the folder of the run, such as runs/a.");
            Dictionary<Field, string> given = options.Given(parsed);
            NumberOption.SetThreads(parsed, threads);
            return Task.FromResult(Run(terminal, folder, parsed.GetValue(file), given, parsed.GetValue(minutes),
                cancellationToken));
        });
        return command;
    }

    private static int Run(Terminal terminal, string folder, string? file, Dictionary<Field, string> given, double? minutes,
        CancellationToken cancellationToken)
    {
        terminal.WhenStopped = $"The same command resumes; what {folder} holds already is used.";
        RunStart<PretrainingConfig, TextTask> start = new(terminal, PretrainingFields.All, given, minutes);
        PretrainingConfig config = start.Settings(folder, file, PretrainingConfig.FromFile,
            (begun => PretrainingRun.SettingsOf(folder, begun), Path.Combine(folder, RunSettings.FileName)), () => new PretrainingConfig(),
                "data");
        using TrainingRun<TextTask> run = start.Prepare(
            plan => PretrainingRun.Prepare(folder, config, new Reporter<string>(s => terminal.Status(s + " …")),
                new Reporter<string>(terminal.Warn), plan, cancellationToken),
            (settings, steps) => Planned(settings, steps, start),
            made => QuickstartPlan.MostSteps((PretrainingConfig)made.Config, made.Task.Corpus.Training.Length), cancellationToken);
        double peak = run.IsOver ? 0 : start.Forecast(run, string.Create(CultureInfo.InvariantCulture,
            $"{run.Task.Model.Parameters.Values:N0} parameters, {run.Task.Corpus.Training.Length:N0} training tokens"), cancellationToken);
        TrainingDisplay display = new(terminal, run.Config.Steps, "tokens", run.Config.EvaluateEvery, start.EvaluationSeconds);
        return Finish(terminal, run, run.Train([display], peak, cancellationToken), folder);
    }

    /// <summary>The settings of a number of steps: what is not given follows.</summary>
    private static PretrainingConfig Planned(PretrainingConfig config, long steps, RunStart<PretrainingConfig, TextTask> start)
        => config with
        {
            Steps = steps,
            WarmupSteps = start.Gives("warmup_steps") ? Math.Min(config.WarmupSteps, steps)
            : new PretrainingConfig { Steps = steps }.WarmupSteps,
            EvaluateEvery = start.Gives("evaluate_every") ? config.EvaluateEvery : TimePlan.Every(steps, TimePlan.Evaluations),
            SaveEvery = start.Gives("save_every") ? config.SaveEvery : TimePlan.Every(steps, TimePlan.Checkpoints),
        };

    /// <summary>The closing lines and the exit code of a run.</summary>
    private static int Finish(Terminal terminal, TrainingRun<TextTask> run, TrainingEnd end, string folder)
    {
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["end"] = JsonWord.Of(end),
                ["folder"] = folder,
                ["step"] = run.LastStep,
                ["steps"] = run.Config.Steps,
                ["saved_step"] = run.SavedStep,
                ["held_out_loss"] = run.SavedEvaluation?.Loss,
                ["held_out_bits_per_byte"] = run.SavedEvaluation?["bits_per_byte"],
                ["model"] = end == TrainingEnd.Interrupted ? null : run.ModelFolder,
            });
        }

        if (end == TrainingEnd.Interrupted)
        {
            terminal.Note($"Stopped after step {run.LastStep:N0} of {run.Config.Steps:N0}, which is saved. Resume with: heed pretrain "
                + $"--out {ShellWord.Of(folder)}");
            return ExitCode.Interrupted;
        }

        if (terminal.IsJson) return ExitCode.Ok;
        if (end == TrainingEnd.StoppedEarly)
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"Stopped early at step {run.LastStep:N0} of {run.Config.Steps:N0}: the held-out loss has not fallen for "
                    + $"{run.Config.Patience:N0} {(run.Config.Patience == 1 ? "evaluation" : "evaluations")}; saved step "
                    + $"{run.SavedStep:N0}."));
        else if (run.SavedStep != run.LastStep)
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"The held-out loss was lowest at step {run.SavedStep:N0} of {run.Config.Steps:N0}; saved that step."));
        terminal.Line($"Saved {run.ModelFolder}");
        return ExitCode.Ok;
    }
}
