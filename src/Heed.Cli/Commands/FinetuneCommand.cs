using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;
using Field = Heed.Training.Runs.SettingField<Heed.Training.Finetuning.FinetuningConfig>;

namespace Heed.Cli.Commands;

/// <summary><c>heed finetune</c>: trains a model on labelled examples; every field of <c>run.json</c> is an option.</summary>
internal static class FinetuneCommand
{
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
        Option<double?> minutes = NumberOption.Optional("--minutes",
            "how long to train, about, instead of epochs or steps: as many steps as "
            + "fit, fixed before the first one, 20 epochs at most; of each seed", new NumberRange<double>(0, 99_999, Above: true));
        Option<int?> threads = NumberOption.Threads();
        Command command = new("finetune", "Train a model folder further on labelled examples. The task is found in the data; what is "
            + "omitted is decided from data and model, and printed with the reason. Example: heed finetune --model "
            + "models/all-MiniLM-L6-v2 --train disputes.csv --out models/disputes") { file, output, plan,
            minutes, threads, seeds };
        SettingOptions<FinetuningConfig> options = new(command, FinetuningFields.All, new FinetuningConfig());
        command.SetAction((parsed, cancellationToken) =>
        {
            string folder = parsed.GetRequiredValue(output);
            if (folder.Length == 0) throw new UsageException("--out: is empty; name the folder of the finished model.");
            NumberOption.SetThreads(parsed, threads);
            int code = parsed.GetValue(seeds) == 1 || parsed.GetValue(plan)
                ? Run(terminal, folder, parsed.GetValue(file), options.Given(parsed), parsed.GetValue(plan),
                    parsed.GetValue(minutes), null, cancellationToken)
                : RunSeeds(terminal, folder, parsed.GetValue(file), options.Given(parsed), parsed.GetValue(seeds),
                    parsed.GetValue(minutes), cancellationToken);
            return Task.FromResult(code);
        });
        return command;
    }

    private static int Run(
        Terminal terminal, string folder, string? file, Dictionary<Field, string> given, bool planOnly, double? minutes,
        SeedSummary? summary, CancellationToken cancellationToken)
    {
        terminal.WhenStopped = $"The same command resumes; what {folder} holds already is used.";
        RunStart<FinetuningConfig, FinetuningTask> start = new(terminal, FinetuningFields.All, given, minutes);
        string runFolder = Path.Combine(folder, FinetuningRun.FolderName);
        FinetuningConfig config = start.Settings(folder, file, FinetuningConfig.FromFile,
            (begun => FinetuningRun.SettingsOf(folder, begun), Path.Combine(runFolder, RunSettings.FileName)),
            () => Standard(folder, start), "model", "train");
        // Epochs that are named count instead of the steps that an earlier call derived.
        if (start.Gives("epochs") && !start.Gives("steps")) config = config with { Steps = 0 };
        if (planOnly)
        {
            string scratch = Directory.CreateTempSubdirectory("heed-plan-").FullName;
            try
            {
                using TrainingRun<FinetuningTask> plan = Prepare(terminal, start, scratch, config, cancellationToken);
                Announce(terminal, plan);
                return ExitCode.Ok;
            }
            finally
            {
                Directory.Delete(scratch, recursive: true);
            }
        }

        using TrainingRun<FinetuningTask> run = Prepare(terminal, start, folder, config, cancellationToken);
        Announce(terminal, run);
        double peak = run.IsOver ? 0 : start.Forecast(run, $"{Printable.Count(run.Task.Model.Parameters.Values)} parameters",
            cancellationToken);
        TrainingDisplay display = new(terminal, run.Config.Steps, run.Task.Unit, run.Config.EvaluateEvery, start.EvaluationSeconds);
        TrainingEnd end = run.Train([display], peak, cancellationToken);
        return Finish(terminal, run, end, folder, summary, cancellationToken);
    }

    /// <summary>One run for each seed; the best model is copied to where the only one would be.</summary>
    private static int RunSeeds(
        Terminal terminal, string folder, string? file, Dictionary<Field, string> given, int seeds, double? minutes,
        CancellationToken cancellationToken)
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
                int code = Run(terminal, SeedSummary.FolderOf(folder, seed), file, own, planOnly: false, minutes, summary,
                    cancellationToken);
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
            string values = string.Join(", ", ((JsonArray)figure["values"]!).Select(v
                => v!.GetValue<double>().ToString("0.0000", CultureInfo.InvariantCulture)));
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{name.Replace('_', ' ')}: {figure["mean"]!.GetValue<double>():0.0000} ± "
                    + $"{figure["deviation"]!.GetValue<double>():0.0000} ({values})"));
        }

        terminal.Line($"Saved {folder}: the best by {summary.Measure!.Name} on held-out data, seed {best}.");
        return ExitCode.Ok;
    }

    /// <summary>The standard settings, of a folder without a run.</summary>
    private static FinetuningConfig Standard(string folder, RunStart<FinetuningConfig, FinetuningTask> start)
    {
        if (!start.Gives("model") && !start.Gives("train") && Directory.Exists(Path.Combine(folder, SeedSummary.FolderName)))
            throw new UsageException($"--seeds: is omitted, and {folder} holds runs of several seeds. Give --seeds and the settings "
                + $"that they were begun with.");
        return new FinetuningConfig();
    }

    private static TrainingRun<FinetuningTask> Prepare(Terminal terminal, RunStart<FinetuningConfig, FinetuningTask> start, string folder,
        FinetuningConfig config, CancellationToken cancellationToken)
        => start.Prepare(
            plan => FinetuningRun.Prepare(folder, config, new Reporter<string>(s => terminal.Status(s + " …")),
                new Reporter<string>(terminal.Warn), plan, cancellationToken),
            (settings, steps) => FinetuningPlan.OfSteps(settings, steps, start.Gives("warmup_steps"), start.Gives("evaluate_every"),
                start.Gives("save_every")),
            made => FinetuningPlan.MostSteps((FinetuningConfig)made.Config, made.Task.Data), cancellationToken);

    /// <summary>Says what the data hold and what was decided.</summary>
    private static void Announce(Terminal terminal, TrainingRun<FinetuningTask> run)
    {
        terminal.Note($"Task: {run.Task.Name}{(run.FirstStep > 0 ? ", resumed" : "")}");
        foreach (string line in run.Task.Report.ToString().TrimEnd('\n').Split('\n')) terminal.Note(line);
        foreach (string decision in run.Task.Decisions) terminal.Note(decision);
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
        string at = ShellWord.Of(folder);
        terminal.Line($"Try it: {run.Task.Name switch
        {
            "similarity" => $"heed embed texts {at} \"…\"",
            "ranking" => $"heed predict {at} \"…\" --pair \"…\"",
            _ => $"heed predict {at} \"…\"",
        }}");
        return ExitCode.Ok;
    }
}
