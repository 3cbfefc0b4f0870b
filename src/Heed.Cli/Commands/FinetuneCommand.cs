using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;
using Field = Heed.Training.Runs.SettingField<Heed.Training.Finetuning.FinetuningConfig>;

namespace Heed.Cli.Commands;

/// <summary><c>heed finetune</c>: trains a model on labelled examples; every field of <c>run.json</c> is an option.</summary>
internal static class FinetuneCommand
{
    private static readonly TimeSpan Measuring = TimeSpan.FromSeconds(1);

    public static Command Create(Terminal terminal)
    {
        Option<string?> file = new("--config") { Description = "run.json with settings; options override it" };
        Option<string> output = new("--out")
        {
            Description = "folder of the finished model; started again with the same folder the run resumes, with the settings of its "
                + "run/run.json",
            Required = true,
        };
        Option<bool> plan = new("--dry-run") { Description = "read the data, print what would be done, and stop before the first step" };
        Option<int> seeds = NumberOption.Of("--seeds", "runs with as many seeds, one after another, with mean and deviation; the best is "
            + "kept", 1,
            new NumberRange<int>(1, 100));
        Option<int?> threads = NumberOption.Threads();
        Command command = new("finetune", "Train a model folder further on labelled examples. The task is found in the data; what is "
            + "omitted is decided from "
            + "data and model, and printed with the reason. "
            + "Example: heed finetune --model models/all-MiniLM-L6-v2 --train disputes.csv --out models/disputes") { file, output, plan,
            threads, seeds };
        SettingOptions<FinetuningConfig> options = new(command, FinetuningFields.All, new FinetuningConfig());
        command.SetAction((parsed, cancellationToken) =>
        {
            string folder = parsed.GetRequiredValue(output);
            if (folder.Length == 0) throw new UsageException("--out: is empty; name the folder of the finished model.");
            NumberOption.SetThreads(parsed, threads);
            int code = parsed.GetValue(seeds) == 1 || parsed.GetValue(plan)
                ? Run(terminal, folder, parsed.GetValue(file), options.Given(parsed), parsed.GetValue(plan), null, cancellationToken)
                : RunSeeds(terminal, folder, parsed.GetValue(file), options.Given(parsed), parsed.GetValue(seeds), cancellationToken);
            return Task.FromResult(code);
        });
        return command;
    }

    private static int Run(
        Terminal terminal, string folder, string? file, Dictionary<Field, string> given, bool planOnly, SeedSummary? summary,
        CancellationToken cancellationToken)
    {
        terminal.WhenStopped = $"The same command resumes; what {folder} holds already is used.";
        FinetuningConfig config = Settings(terminal, folder, given, ref file);
        foreach ((Field field, string text) in given) config = field.Parse(config, text);
        // Epochs that are named count instead of the steps that an earlier call derived.
        if (given.Keys.Any(f => f.Name == "epochs") && !given.Keys.Any(f => f.Name == "steps")) config = config with { Steps = 0 };
        if (planOnly)
        {
            string scratch = Directory.CreateTempSubdirectory("heed-plan-").FullName;
            try
            {
                using TrainingRun<FinetuningTask> plan = Prepare(terminal, scratch, config, file, given, cancellationToken);
                Announce(terminal, plan);
                return ExitCode.Ok;
            }
            finally
            {
                Directory.Delete(scratch, recursive: true);
            }
        }

        using TrainingRun<FinetuningTask> run = Prepare(terminal, folder, config, file, given, cancellationToken);
        Announce(terminal, run);
        double peak = run.IsOver ? 0 : Measure(terminal, run, cancellationToken);
        TrainingEnd end = run.Train([new TrainingDisplay(terminal, run.Config.Steps, run.Task.Unit)], peak, cancellationToken);
        return Finish(terminal, run, end, folder, summary, cancellationToken);
    }

    /// <summary>One run for each seed; the best model is copied to where the only one would be.</summary>
    private static int RunSeeds(
        Terminal terminal, string folder, string? file, Dictionary<Field, string> given, int seeds, CancellationToken cancellationToken)
    {
        SeedSummary summary = new();
        List<ulong> failed = [];
        Field seedField = FinetuningFields.Find("seed")!;
        ulong first = given.TryGetValue(seedField, out string? text) ? seedField.Parse(new FinetuningConfig(), text).Seed : 1;
        for (ulong seed = first; seed < first + (ulong)seeds; seed++)
        {
            Dictionary<Field, string> own = new(given) { [seedField] = seed.ToString(CultureInfo.InvariantCulture) };
            try
            {
                int code = Run(terminal, SeedSummary.FolderOf(folder, seed), file, own, planOnly: false, summary, cancellationToken);
                if (code != ExitCode.Ok) return code;
            }
            catch (NumericalException e)
            {
                // One seed that fails is a finding about the settings, not the end of the others.
                failed.Add(seed);
                terminal.Warn($"seed {seed} failed: {e.Message}");
            }
        }

        if (failed.Count == seeds) throw new NumericalException($"all {seeds} seeds failed; see the warnings above.");
        ulong best = summary.Best();
        summary.Keep(folder, best);
        JsonObject json = summary.ToJson();
        if (failed.Count > 0) json["failed"] = new JsonArray([.. failed.Select(f => (JsonNode)f)]);
        if (terminal.IsJson)
        {
            json["best"] = best;
            terminal.Json(json);
            return ExitCode.Ok;
        }

        foreach ((string name, JsonNode? value) in json)
        {
            if (value is not JsonObject figure) continue;
            string values = string.Join(", ", ((JsonArray)figure["values"]!).Select(v => v!.GetValue<double>().ToString("0.0000", CultureInfo.InvariantCulture)));
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{name.Replace('_', ' ')}: {figure["mean"]!.GetValue<double>():0.0000} ± "
                    + $"{figure["deviation"]!.GetValue<double>():0.0000} ({values})"));
        }

        terminal.Line($"Saved {folder}: the best by {summary.Measure!.Name} on held-out data, seed {best}.");
        return ExitCode.Ok;
    }

    /// <summary>What holds unless an option overrides it: a file that is named, else the settings of the run in the folder, else the
    /// standard ones. Until something is learned, data and model that are named begin the run anew.</summary>
    private static FinetuningConfig Settings(Terminal terminal, string folder, Dictionary<Field, string> given, ref string? file)
    {
        if (file is not null) return FinetuningConfig.FromFile(file);
        bool begins = given.Keys.Any(f => f.Name is "model" or "train");
        if (FinetuningRun.SettingsOf(folder, begun: begins) is not { } before)
        {
            if (!begins && Directory.Exists(Path.Combine(folder, SeedSummary.FolderName)))
                throw new UsageException($"--seeds: is omitted, and {folder} holds runs of several seeds. Give --seeds and the settings "
                    + $"that they were begun with.");
            return new FinetuningConfig();
        }

        file = Path.Combine(folder, FinetuningRun.FolderName, "run.json");
        terminal.Note($"Settings that are omitted are those of the run in {folder}.");
        return before;
    }

    private static TrainingRun<FinetuningTask> Prepare(
        Terminal terminal, string folder, FinetuningConfig config, string? file, Dictionary<Field, string> given,
            CancellationToken cancellationToken)
    {
        try
        {
            return FinetuningRun.Prepare(folder, config, new Reporter<string>(s => terminal.Status(s + " …")),
                new Reporter<string>(terminal.Warn),
                cancellationToken);
        }
        catch (ConfigException e)
        {
            throw SettingOptions<FinetuningConfig>.Named(e, FinetuningFields.All, given, file) ?? e;
        }
    }

    /// <summary>Says what the data hold and what was decided.</summary>
    private static void Announce(Terminal terminal, TrainingRun<FinetuningTask> run)
    {
        terminal.Note($"Task: {run.Task.Name}{(run.FirstStep > 0 ? ", resumed" : "")}");
        foreach (string line in run.Task.Report.ToString().TrimEnd('\n').Split('\n')) terminal.Note(line);
        foreach (string decision in run.Task.Decisions) terminal.Note(decision);
    }

    /// <summary>Says what the run needs, measured on this machine, and returns the machine's peak in operations a second.</summary>
    private static double Measure(Terminal terminal, TrainingRun<FinetuningTask> run, CancellationToken cancellationToken)
    {
        double peak = MachineProbe.PeakGigaflops(0.3) * 1e9;
        terminal.Status("measuring a few steps …");
        RunTiming timing = run.Measure(Measuring, cancellationToken);
        TimeSpan time = timing.Of(run.Config.Steps - run.FirstStep, run.Config.EvaluateEvery > 0
            ? run.Config.Steps / run.Config.EvaluateEvery : 1);
        terminal.Note(string.Create(CultureInfo.InvariantCulture,
            $"{Printable.Count(run.Task.Model.Parameters.Values)} parameters; {run.Config.Steps:N0} steps need about "
                + $"{Printable.Bytes(run.Forecast!.TotalBytes)} of memory and {RunDuration.Of(time)}"));
        return peak;
    }

    private static int Finish(Terminal terminal, TrainingRun<FinetuningTask> run, TrainingEnd end, string folder, SeedSummary? summary,
        CancellationToken cancellationToken)
    {
        if (end == TrainingEnd.Interrupted)
        {
            if (terminal.IsJson) terminal.Json(new JsonObject
            {
                ["end"] = JsonWord.Of(end),
                ["folder"] = folder,
                ["step"] = run.LastStep,
                ["steps"] = run.Config.Steps
            });
            terminal.Note($"Stopped after step {run.LastStep:N0} of {run.Config.Steps:N0}, which is saved. Resume with: heed finetune "
                + $"--out {ShellWord.Of(folder)}");
            return ExitCode.Interrupted;
        }

        terminal.Status("reopening the model and evaluating it …");
        EvaluationReport? report = FinetuningRun.Finish(run, cancellationToken);
        if (summary is not null)
        {
            if (report is null) throw new ConfigException("seeds: cannot be compared, as nothing is held out. Name --dev, or leave out "
                + "--dev none.");
            summary.Add(run.Config.Seed, folder, report, run.Task.Measure);
            terminal.Note($"seed {run.Config.Seed}: {TrainingDisplay.Figures(report)}");
            return ExitCode.Ok;
        }

        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["end"] = JsonWord.Of(end),
                ["task"] = run.Task.Name,
                ["model"] = folder,
                ["step"] = run.LastStep,
                ["steps"] = run.Config.Steps,
                ["saved_step"] = run.SavedStep,
                ["loss"] = report?.Loss,
                ["measures"] = report is null ? null : new JsonObject(report.Measures.OrderBy(m => m.Key, StringComparer.Ordinal)
                    .Select(m => KeyValuePair.Create(m.Key, (JsonNode?)(double.IsFinite(m.Value) ? m.Value : null)))),
            });
            return ExitCode.Ok;
        }

        if (end == TrainingEnd.StoppedEarly)
            terminal.Line($"Stopped at step {run.LastStep:N0} of {run.Config.Steps:N0}: {run.Config.Patience} evaluations without a "
                + $"better {run.Task.Measure.Name}.");
        terminal.Line(report is null ? $"Saved {folder}: step {run.SavedStep:N0}; nothing was held out to evaluate it on."
            : string.Create(CultureInfo.InvariantCulture,
                $"Saved {folder}: step {run.SavedStep:N0}, {TrainingDisplay.Figures(report)}; reopened and evaluated again, the same "
                    + $"figures."));
        if (run.Config is FinetuningConfig { Test.Length: > 0 }
            && FinetuningReport.TestFigures(folder) is { } test) terminal.Line($"On the test data: {test}");
        terminal.Line($"Try it: heed predict {ShellWord.Of(folder)} \"…\"");
        return ExitCode.Ok;
    }
}
