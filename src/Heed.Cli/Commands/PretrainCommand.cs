using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Training.Runs;

namespace Heed.Cli.Commands;

/// <summary><c>heed pretrain</c>: trains a GPT-2 from text; every field of <c>run.json</c> is an option.</summary>
internal static class PretrainCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string?> file = new("--config") { Description = "run.json with settings; options win over it" };
        Option<string> output = new("--out") { Description = "folder of the run; started again in the same folder it goes on", Required = true };
        Option<int?> threads = new("--threads") { Description = "threads; HEED_THREADS or all where not given" };
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
        using PretrainingRun run = PretrainingRun.Prepare(folder, config, new Reporter<string>(s => terminal.Status(s + " …")), stop);
        double peak = MachineProbe.PeakGigaflops(0.3) * 1e9;
        terminal.Note($"{run.Model.Parameters.Values:N0} parameters, {run.Corpus.Training.Length:N0} training tokens, about {Printable.Bytes(run.Forecast.TotalBytes)} of memory, {run.Forecast.OperationsPerToken * config.Steps * config.BatchSize * config.BlockLength * config.Accumulation / peak / 60:0.0} min at the peak of {peak / 1e9:0} GF/s");
        TrainingEnd end = run.Train([new TrainingDisplay(terminal, config.Steps)], peak, stop);
        return Finish(terminal, run, end, folder);
    }

    /// <summary>The closing lines and the exit code of a run.</summary>
    public static int Finish(Terminal terminal, PretrainingRun run, TrainingEnd end, string folder)
    {
        if (terminal.IsJson) terminal.Json(new JsonObject { ["end"] = end.ToString(), ["folder"] = folder, ["model"] = end == TrainingEnd.Interrupted ? null : run.ModelFolder });
        if (end == TrainingEnd.Interrupted)
        {
            terminal.Note($"Stopped; the run in {folder} goes on when the same command is given again.");
            return ExitCode.Interrupted;
        }

        if (!terminal.IsJson) terminal.Line($"Saved {run.ModelFolder}");
        return ExitCode.Ok;
    }
}
