using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Training.Finetuning;
using Heed.Training.Logging;

namespace Heed.Cli.Commands;

/// <summary><c>heed plot RUN… --measure NAME</c>: curves of runs beside one another.</summary>
internal static class PlotCommand
{
    private const string Step = "step", Seconds = "seconds";

    public static Command Create(Terminal terminal)
    {
        Argument<string[]> runs = new("run")
        {
            Description = "folders of runs, as --out of 'heed pretrain' or 'heed finetune' named them",
            Arity = ArgumentArity.OneOrMore
        };
        Option<string> measure = new("--measure")
        {
            Description = "what is drawn: a key of the runs' log.jsonl, such as loss, "
            + "held_out_loss, held_out_exact_match",
            DefaultValueFactory = _ => "held_out_loss"
        };
        Option<string> by = new("--by")
        {
            Description = $"{Step} or {Seconds}: of training, without evaluations",
            DefaultValueFactory = _
            => Step
        };
        Option<string> output = new("--out") { Description = "file to write; it ends in .svg", Required = true };
        Command command = new("plot", "Draw a measure of one or more runs over steps or seconds, as an SVG file. "
            + "Example: heed plot runs/a runs/b --measure held_out_exact_match --by seconds --out curves.svg") { runs, measure, by,
                output };
        command.SetAction((parsed, _) => Task.FromResult(Run(
            terminal, parsed.GetRequiredValue(runs), parsed.GetRequiredValue(measure), parsed.GetRequiredValue(by),
                parsed.GetRequiredValue(output))));
        return command;
    }

    private static int Run(Terminal terminal, string[] runs, string measure, string by, string file)
    {
        if (by is not (Step or Seconds)) throw new UsageException($"--by: is \"{Printable.Shorten(by)}\"; {Step} or {Seconds} was "
            + $"expected.");
        if (!file.EndsWith(".svg",
            StringComparison.OrdinalIgnoreCase)) throw new UsageException($"--out: '{file}' does not end in .svg, and a picture in that "
                + $"form is what is written.");
        RunCurve[] curves = [.. runs.Select(r => RunCurve.Read(r, measure))];
        ChartLine[] lines = [.. curves.Select(c => new ChartLine(c.Name, [.. c.Points.Select(p => (X(p), p.Value))]))];
        string name = measure.Replace('_', ' ');
        DurableFile.WriteText(file,
            SvgChart.File(SvgChart.Lines($"{name} by {by}", $"{(by == Step ? "steps" : "seconds of training")} ({name})", lines)));
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["file"] = file,
                ["measure"] = measure,
                ["by"] = by,
                ["runs"] = new JsonArray([.. curves.Select(c => (JsonNode)new JsonObject
                {
                    ["name"] = c.Name,
                    ["points"] = new JsonArray([.. c.Points.Select(p => (JsonNode)new JsonArray(X(p), p.Value))]),
                })]),
            });
            return ExitCode.Ok;
        }

        foreach (RunCurve c in curves)
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{c.Name}: {c.Points.Count} points, the last {c.Points[^1].Value:0.####} after {c.Points[^1].Step:N0} steps, "
                    + $"{c.Points[^1].Seconds:0.0} s"));
        terminal.Line($"Wrote {file}");
        return ExitCode.Ok;

        double X(RunCurvePoint p) => by == Step ? p.Step : p.Seconds;
    }
}
