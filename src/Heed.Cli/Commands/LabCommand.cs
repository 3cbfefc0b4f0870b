using System.CommandLine;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Lab;
using Heed.Lab.Reports;

namespace Heed.Cli.Commands;

/// <summary><c>heed lab list | run | report</c>: claims about Transformers as experiments.</summary>
internal static class LabCommand
{
    private const int WhatWidth = 62;

    public static Command Create(Terminal terminal)
        => new("lab", "What courses say about Transformers, as experiments: claim, expectation, measured value, verdict. Example: heed "
            + "lab run --quick")
        {
            List(terminal), Run(terminal), Report(terminal),
        };

    private static Command List(Terminal terminal)
    {
        Command command = new("list", "The experiments with their numbers, names and claims. Example: heed lab list");
        command.SetAction(_ =>
        {
            JsonArray rows = [];
            foreach (Experiment e in Experiments.All)
            {
                if (!terminal.IsJson) terminal.Line($"{e.Number,2} {(e.IsQuick ? "⚡" : " ")} {e.Name,-22} {e.Claim}");
                rows.Add((JsonNode)new JsonObject
                {
                    ["number"] = e.Number,
                    ["name"] = e.Name,
                    ["quick"] = e.IsQuick,
                    ["uses_model"] = e.UsesModel,
                    ["claim"] = e.Claim,
                });
            }

            if (terminal.IsJson) terminal.Json(new JsonObject { ["experiments"] = rows });
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Run(Terminal terminal)
    {
        Argument<string[]> names = new("name") { Description = "names or numbers of 'heed lab list'", Arity = ArgumentArity.ZeroOrMore };
        Option<bool> quick = new("--quick") { Description = "all experiments that train nothing" };
        Option<string> seeds = new("--seeds") { Description = "seeds, separated by commas", DefaultValueFactory = _ => "1,2,3" };
        Option<string?> model = new("--model") { Description = "model folder or pulled name, for experiments that can run on one" };
        Option<string?> folder = new("--out") { Description = "folder for the results, one JSON file each in its subfolder results" };
        Option<string?> work = new("--work") { Description = "folder in which long experiments keep finished parts, to go on there" };
        Option<bool> times = new("--times") { Description = "measure times as well, where an experiment has some; they decide nothing" };
        Option<int?> threads = NumberOption.Threads();
        Command command = new("run", "Run experiments and judge them. Example: heed lab run saturation head-rank --seeds 1,2,3")
        {
            names, quick, seeds, model, folder, work, times, threads,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            NumberOption.SetThreads(parsed, threads);
            List<Experiment> chosen = [.. (parsed.GetValue(names) ?? []).Select(Experiments.Named).Distinct()];
            if (parsed.GetValue(quick)) chosen = [.. chosen.Concat(Experiments.Quick).Distinct().OrderBy(e => e.Number)];
            if (chosen.Count == 0)
                throw new UsageException("no experiment was named; names or numbers of 'heed lab list' were expected, or --quick.");
            int[] numbers = [.. (parsed.GetValue(seeds) ?? "").Split(',').Select(Seed)];
            using HeedModel? opened = parsed.GetValue(model) is { } name ? HeedModel.Open(name) : null;
            LabOptions options = new() { Seeds = numbers, Model = opened, Work = parsed.GetValue(work), Times = parsed.GetValue(times) };
            return Task.FromResult(Run(terminal, chosen, options, parsed.GetValue(folder), cancellationToken));
        });
        return command;
    }

    private static int Seed(string text)
        => int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int seed)
            ? seed
            : throw new UsageException($"--seeds: \"{Printable.Shorten(text)}\" is no seed; whole numbers separated by commas were "
            + "expected, such as 1,2,3.");

    private static int Run(Terminal terminal, List<Experiment> chosen, LabOptions options, string? folder,
        CancellationToken cancellationToken)
    {
        List<ExperimentResult> results = [];
        foreach (Experiment experiment in chosen)
        {
            Reporter<LabProgress> progress = new(p => terminal.Status($"{p.Experiment.Number}. {p.Experiment.Name}, {p.Text}"));
            ExperimentResult result = Experiments.Run(experiment, options, progress, cancellationToken);
            terminal.ClearStatus();
            results.Add(result);
            if (folder is not null && result.Skipped.Length == 0) ResultFile.Save(Path.Combine(folder, LabPages.ResultFolder), result);
            if (!terminal.IsJson) Show(terminal, result);
        }

        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject { ["experiments"] = new JsonArray([.. results.Select(Json)]) });
            return ExitCode.Ok;
        }

        terminal.Line(terminal.Bold($"{"no.",-4}{"experiment",-24}{"as expected",-13}verdict"));
        foreach (ExperimentResult r in results)
        {
            string right = r.Measurements.Count == 0 ? "" : $"{r.Measurements.Count(m => m.IsAsExpected)} of {r.Measurements.Count}";
            terminal.Line($"{r.Experiment.Number,-4}{r.Experiment.Name,-24}{right,-13}{r.VerdictText}");
        }

        return ExitCode.Ok;
    }

    private static void Show(Terminal terminal, ExperimentResult result)
    {
        terminal.Line(terminal.Bold($"{result.Experiment.Number}. {result.Experiment.Claim}"));
        foreach (Measurement m in result.Measurements)
        {
            string what = Printable.Shorten(m.Expectation.What, WhatWidth - 1).PadRight(WhatWidth), measured = LabPages.Measured(m);
            string mark = m.Expectation.Expected.Length == 0 || m.IsAsExpected ? "  " : "✗ ";
            terminal.Line($"  {mark}{what} {m.Expectation.Expected,-26} {measured}");
        }

        terminal.Line($"  {result.VerdictText}");
        terminal.Line();
    }

    private static JsonNode Json(ExperimentResult result)
    {
        using MemoryStream stream = new();
        using (System.Text.Json.Utf8JsonWriter json = new(stream)) ResultFile.Write(json, result);
        return JsonNode.Parse(stream.ToArray())!;
    }

    private static Command Report(Terminal terminal)
    {
        Argument<string> folder = new("folder")
        {
            Description = "folder with results of 'heed lab run --out'; the pages are written "
            + "beside them"
        };
        Command command = new("report", "Write pages from results: one per experiment, an overview, corrections. Example: heed lab "
            + "report docs/lab") { folder };
        command.SetAction(parsed =>
        {
            string target = parsed.GetValue(folder)!;
            IReadOnlyList<ExperimentResult> results = LabPages.Read(target);
            IReadOnlyDictionary<string, string> pages = LabPages.Of(results);
            foreach ((string name, string text) in pages)
            {
                string path = Path.Combine(target, name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                DurableFile.WriteText(path, text);
            }

            if (terminal.IsJson) terminal.Json(new JsonObject
            {
                ["folder"] = target,
                ["experiments"] = results.Count,
                ["files"] = pages.Count
            });
            else terminal.Line($"{results.Count} experiments, {pages.Count} files in {target}");
            return ExitCode.Ok;
        });
        return command;
    }
}
