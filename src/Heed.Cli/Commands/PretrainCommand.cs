using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;
using Field = Heed.Training.Runs.SettingField<Heed.Training.Pretraining.PretrainingConfig>;

namespace Heed.Cli.Commands;

/// <summary><c>heed pretrain</c>: trains a language model from text; every field of <c>run.json</c> is an option.</summary>
internal static class PretrainCommand
{
    private static readonly TimeSpan Measuring = TimeSpan.FromSeconds(1.5);

    public static Command Create(Terminal terminal)
    {
        Option<string?> file = new("--config") { Description = "run.json with settings; options override it" };
        Option<string> output = new("--out")
        {
            Description = "folder of the run; started again in the same folder it resumes, with the "
            + "settings of its run.json",
            Required = true
        };
        Option<int?> threads = NumberOption.Threads();
        Command command = new("pretrain", "Train a language model on text: a preset of any family, a config.json, or a model folder that "
            + "is trained further. "
            + "--objective causal trains decoders, masked encoders, replaced ELECTRA's, span and denoise encoder-decoders; --teacher distils. "
            + "'heed pretrain --out runs/a' resumes the run in a folder; 'heed pretrain --config runs/a/run.json --seed 2 --out runs/b' "
            + "repeats it with another seed. "
            + "'--model runs/a/model' continues from trained weights. Example: heed pretrain --data ./texts --out runs/a --model llama-7b "
            + "--layers 4 --heads 4 --width 256 --steps 2000") { file, output, threads };
        SettingOptions<PretrainingConfig> options = new(command, PretrainingFields.All, new PretrainingConfig());
        command.SetAction((parsed, cancellationToken) =>
        {
            string folder = parsed.GetRequiredValue(output);
            if (folder.Length == 0) throw new UsageException("--out: is empty; name the folder of the run, such as runs/a.");
            Dictionary<Field, string> given = options.Given(parsed);
            NumberOption.SetThreads(parsed, threads);
            return Task.FromResult(Run(terminal, folder, parsed.GetValue(file), given, cancellationToken));
        });
        return command;
    }

    private static int Run(Terminal terminal, string folder, string? file, Dictionary<Field, string> given,
        CancellationToken cancellationToken)
    {
        terminal.WhenStopped = $"The same command resumes; what {folder} holds already is used.";
        PretrainingConfig config = Settings(terminal, folder, given.Keys.Any(field => field.Name == "data"), ref file);
        foreach ((Field field, string text) in given) config = field.Parse(config, text);
        using TrainingRun<TextTask> run = Prepare(terminal, folder, config, file, given, cancellationToken);
        double peak = run.IsOver ? 0 : Announce(terminal, run, cancellationToken);
        return Finish(terminal, run, run.Train([new TrainingDisplay(terminal, config.Steps)], peak, cancellationToken), folder);
    }

    /// <summary>Says what a run needs, measured on this machine, and returns the machine's peak in operations a second.</summary>
    private static double Announce(Terminal terminal, TrainingRun<TextTask> run, CancellationToken cancellationToken)
    {
        TrainingConfig config = run.Config;
        double peak = MachineProbe.PeakGigaflops(0.3) * 1e9;
        terminal.Status("measuring a few steps …");
        RunTiming timing = run.Measure(Measuring, cancellationToken);
        TimeSpan time = timing.Of(config.Steps, config.EvaluateEvery > 0 ? config.Steps / config.EvaluateEvery : 1);
        terminal.Note(string.Create(CultureInfo.InvariantCulture,
            $"{run.Task.Model.Parameters.Values:N0} parameters, {run.Task.Corpus.Training.Length:N0} training tokens; all "
                + $"{config.Steps:N0} steps need about {Printable.Bytes(run.Forecast!.TotalBytes)} of memory and {RunDuration.Of(time)}"));
        return peak;
    }

    /// <summary>What holds unless an option overrides it: a file that is named, else the settings of the run in the folder, else the
    /// standard ones.</summary>
    /// <param name="terminal">Reports where they come from.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="begun">True where texts are given: until something is learned they begin the run anew.</param>
    /// <param name="file">The file that is named; afterwards the one that the settings come from.</param>
    private static PretrainingConfig Settings(Terminal terminal, string folder, bool begun, ref string? file)
    {
        if (file is not null) return PretrainingConfig.FromFile(file);
        if (PretrainingRun.SettingsOf(folder, begun) is not { } before) return new PretrainingConfig();
        file = Path.Combine(folder, RunSettings.FileName);
        terminal.Note($"Settings that are omitted are those of the run in {folder}.");
        return before;
    }

    /// <summary>Prepares the run; a setting that does not fit is reported by its option if one was given, else by file and key.</summary>
    private static TrainingRun<TextTask> Prepare(Terminal terminal, string folder, PretrainingConfig config, string? file,
        Dictionary<Field, string> given, CancellationToken cancellationToken)
    {
        try
        {
            return PretrainingRun.Prepare(folder, config, new Reporter<string>(s => terminal.Status(s + " …")),
                new Reporter<string>(terminal.Warn), cancellationToken: cancellationToken);
        }
        catch (ConfigException e)
        {
            throw SettingOptions<PretrainingConfig>.Named(e, PretrainingFields.All, given, file) ?? e;
        }
    }

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
