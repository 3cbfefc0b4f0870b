using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Training.Runs;

namespace Heed.Cli.Commands;

/// <summary><c>heed pretrain</c>: trains a GPT-2 from text; every field of <c>run.json</c> is an option.</summary>
internal static class PretrainCommand
{
    private const string Switch = "true or false";
    private static readonly TimeSpan Measuring = TimeSpan.FromSeconds(1.5);

    public static Command Create(Terminal terminal)
    {
        Option<string?> file = new("--config") { Description = "run.json with settings; options win over it" };
        Option<string> output = new("--out") { Description = "folder of the run; started again in the same folder it goes on, with the settings of its run.json", Required = true };
        Option<int?> threads = NumberOption.Threads();
        Command command = new("pretrain", "Train a GPT-2 on text. 'heed pretrain --out runs/a' goes on with the run in a folder; 'heed pretrain --config runs/a/run.json --seed 2 --out runs/b' repeats it with another seed. Example: heed pretrain --data ./texts --out runs/a --model gpt2-tiny --steps 2000") { file, output, threads };
        Dictionary<RunField, Option<string?>> options = [];
        foreach (RunField field in RunFields.All)
        {
            Option<string?> option = new(field.Option) { Description = $"{field.Help} (now {field.Write(new RunConfig()).ToJsonString()})", HelpName = field.Kind };
            // A switch needs no value: --gradient-checkpointing alone says true.
            if (field.Kind == Switch) option.Arity = ArgumentArity.ZeroOrOne;
            options[field] = option;
            command.Add(option);
        }

        command.SetAction((parsed, cancellationToken) =>
        {
            string folder = parsed.GetRequiredValue(output);
            if (folder.Length == 0) throw new UsageException("--out: is empty; name the folder of the run, such as runs/a.");
            Dictionary<RunField, string> given = [];
            foreach ((RunField field, Option<string?> option) in options)
                if (parsed.GetResult(option) is { Implicit: false } result) given[field] = result.Tokens.Count == 0 && field.Kind == Switch ? "true" : parsed.GetValue(option) ?? "";
            NumberOption.SetThreads(parsed, threads);
            return Task.FromResult(Run(terminal, folder, parsed.GetValue(file), given, cancellationToken));
        });
        return command;
    }

    private static int Run(Terminal terminal, string folder, string? file, Dictionary<RunField, string> given, CancellationToken cancellationToken)
    {
        terminal.WhenStopped = $"The same command goes on; what {folder} holds already is used.";
        RunConfig config = Settings(terminal, folder, given.Count > 0, ref file);
        foreach ((RunField field, string text) in given) config = field.Parse(config, text);
        using PretrainingRun run = Prepare(terminal, folder, config, file, given, cancellationToken);
        double peak = run.IsOver ? 0 : Announce(terminal, run, cancellationToken);
        return Finish(terminal, run, run.Train([new TrainingDisplay(terminal, config.Steps)], peak, cancellationToken), folder);
    }

    /// <summary>Says what a run needs, measured on this machine, and returns the machine's peak in operations a second.</summary>
    private static double Announce(Terminal terminal, PretrainingRun run, CancellationToken cancellationToken)
    {
        RunConfig config = run.Config;
        double peak = MachineProbe.PeakGigaflops(0.3) * 1e9;
        terminal.Status("measuring a few steps …");
        RunTiming timing = run.Measure(Measuring, cancellationToken);
        TimeSpan time = timing.Of(config.Steps, config.EvaluateEvery > 0 ? config.Steps / config.EvaluateEvery : 1);
        terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{run.Model.Parameters.Values:N0} parameters, {run.Corpus.Training.Length:N0} training tokens; all {config.Steps:N0} steps need about {Printable.Bytes(run.Forecast.TotalBytes)} of memory and {Duration(time)}"));
        return peak;
    }

    /// <summary>What holds where no option says otherwise: a file that is named, else the settings of the run in the folder, else the standard ones.</summary>
    /// <param name="terminal">Told where they come from.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="begun">True where options are given: until something is learned they begin the run anew.</param>
    /// <param name="file">The file that is named; afterwards the one that the settings come from.</param>
    private static RunConfig Settings(Terminal terminal, string folder, bool begun, ref string? file)
    {
        if (file is not null) return RunConfig.FromFile(file);
        if (PretrainingRun.SettingsOf(folder, begun) is not { } before) return new RunConfig();
        file = Path.Combine(folder, PretrainingRun.SettingsName);
        terminal.Note($"Settings that are not given are those of the run in {folder}.");
        return before;
    }

    /// <summary>Prepares the run; a setting that does not fit is told by its option where one was given, else by file and key.</summary>
    private static PretrainingRun Prepare(Terminal terminal, string folder, RunConfig config, string? file, Dictionary<RunField, string> given, CancellationToken cancellationToken)
    {
        try
        {
            return PretrainingRun.Prepare(folder, config, new Reporter<string>(s => terminal.Status(s + " …")), cancellationToken: cancellationToken);
        }
        catch (ConfigException e) when (RunFields.All.FirstOrDefault(f => e.Message.StartsWith(f.Name + ": ", StringComparison.Ordinal)) is { } field)
        {
            if (file is null || given.ContainsKey(field)) throw new UsageException(field.Option + e.Message[field.Name.Length..]);
            throw new ConfigException($"{file}: {e.Message}", e);
        }
    }

    private static string Duration(TimeSpan time) => time switch
    {
        { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds):0} s"),
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min"),
        { TotalDays: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.0} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:0.0} days"),
    };

    /// <summary>The closing lines and the exit code of a run.</summary>
    private static int Finish(Terminal terminal, PretrainingRun run, TrainingEnd end, string folder)
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
                ["held_out_bits_per_byte"] = run.SavedEvaluation?.BitsPerByte,
                ["model"] = end == TrainingEnd.Interrupted ? null : run.ModelFolder,
            });
        }

        if (end == TrainingEnd.Interrupted)
        {
            terminal.Note($"Stopped after step {run.LastStep:N0} of {run.Config.Steps:N0}, which is saved; the run in {folder} goes on when the same command is given again.");
            return ExitCode.Interrupted;
        }

        if (terminal.IsJson) return ExitCode.Ok;
        if (end == TrainingEnd.StoppedEarly)
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"Stopped early at step {run.LastStep:N0} of {run.Config.Steps:N0}: the held-out loss has not fallen for {run.Config.Patience:N0} {(run.Config.Patience == 1 ? "evaluation" : "evaluations")}; saved step {run.SavedStep:N0}."));
        else if (run.SavedStep != run.LastStep)
            terminal.Line(string.Create(CultureInfo.InvariantCulture, $"The held-out loss was lowest at step {run.SavedStep:N0} of {run.Config.Steps:N0}; saved that step."));
        terminal.Line($"Saved {run.ModelFolder}");
        return ExitCode.Ok;
    }
}
