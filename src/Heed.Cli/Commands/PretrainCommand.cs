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
    private static readonly TimeSpan Measuring = TimeSpan.FromSeconds(1.5);

    public static Command Create(Terminal terminal)
    {
        Option<string?> file = new("--config") { Description = "run.json with settings; options win over it" };
        Option<string> output = new("--out") { Description = "folder of the run; started again in the same folder it goes on", Required = true };
        Option<int?> threads = NumberOption.Threads();
        Command command = new("pretrain", "Train a GPT-2 on text. Example: heed pretrain --data ./texts --out runs/a --model gpt2-tiny --steps 2000") { file, output, threads };
        Dictionary<RunField, Option<string?>> options = [];
        foreach (RunField field in RunFields.All)
        {
            Option<string?> option = new(field.Option) { Description = $"{field.Help} (now {field.Write(new RunConfig()).ToJsonString()})", HelpName = field.Kind };
            options[field] = option;
            command.Add(option);
        }

        command.SetAction((parsed, stop) =>
        {
            RunConfig config = parsed.GetValue(file) is { } path ? RunConfig.FromFile(path) : new RunConfig();
            foreach ((RunField field, Option<string?> option) in options)
                if (parsed.GetValue(option) is { } text) config = field.Parse(config, text);
            if (parsed.GetValue(threads) is { } count) WorkerPool.Threads = count;
            return Task.FromResult(Run(terminal, parsed.GetRequiredValue(output), config, stop));
        });
        return command;
    }

    private static int Run(Terminal terminal, string folder, RunConfig config, CancellationToken stop)
    {
        terminal.WhenStopped = $"The same command goes on; what {folder} holds already is used.";
        using PretrainingRun run = PretrainingRun.Prepare(folder, config, new Reporter<string>(s => terminal.Status(s + " …")), stop: stop);
        double peak = MachineProbe.PeakGigaflops(0.3) * 1e9;
        terminal.Status("measuring a few steps …");
        RunTiming timing = run.Measure(Measuring, stop);
        TimeSpan time = timing.Of(config.Steps, config.EvaluateEvery > 0 ? config.Steps / config.EvaluateEvery : 1);
        terminal.Note(string.Create(CultureInfo.InvariantCulture, $"{run.Model.Parameters.Values:N0} parameters, {run.Corpus.Training.Length:N0} training tokens; all {config.Steps:N0} steps need about {Printable.Bytes(run.Forecast.TotalBytes)} of memory and {Duration(time)}"));
        TrainingDisplay display = new(terminal, config.Steps);
        TrainingEnd end = run.Train([display], peak, stop);
        return Finish(terminal, run, end, folder, display.Evaluation);
    }

    private static string Duration(TimeSpan time) => time switch
    {
        { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds):0} s"),
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min"),
        { TotalDays: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.0} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:0.0} days"),
    };

    /// <summary>The closing lines and the exit code of a run.</summary>
    private static int Finish(Terminal terminal, PretrainingRun run, TrainingEnd end, string folder, EvaluationReport? evaluation)
    {
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["end"] = JsonWord.Of(end),
                ["folder"] = folder,
                ["step"] = run.LastStep,
                ["steps"] = run.Config.Steps,
                ["held_out_loss"] = evaluation?.Loss,
                ["held_out_bits_per_byte"] = evaluation?.BitsPerByte,
                ["model"] = end == TrainingEnd.Interrupted ? null : run.ModelFolder,
            });
        }

        if (end == TrainingEnd.Interrupted)
        {
            terminal.Note($"Stopped after step {run.LastStep:N0} of {run.Config.Steps:N0}, which is saved; the run in {folder} goes on when the same command is given again.");
            return ExitCode.Interrupted;
        }

        if (!terminal.IsJson) terminal.Line($"Saved {run.ModelFolder}");
        return ExitCode.Ok;
    }
}
