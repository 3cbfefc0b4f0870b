using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Runtime;
using Heed.Verification.Benchmarks;

namespace Heed.Cli.Benchmarks;

/// <summary>The table of <c>heed bench --profile</c>: the ops of a step, which add up to it.</summary>
internal static class BenchProfileReport
{
    /// <summary>Profiles works one after another.</summary>
    public static void Write(
        Terminal terminal, IReadOnlyList<BenchmarkWork> works, double seconds, JsonObject report, CancellationToken cancellationToken)
    {
        JsonArray profiles = [];
        foreach (BenchmarkWork work in works)
        {
            cancellationToken.ThrowIfCancellationRequested();
            BenchmarkProfile profile = BenchmarkSuite.Profile(work, seconds);
            if (terminal.IsJson) profiles.Add((JsonNode)ToJson(profile));
            else Print(terminal, profile);
        }

        report["profiles"] = profiles;
    }

    private static void Print(Terminal terminal, BenchmarkProfile p)
    {
        double step = p.StepSeconds;
        terminal.Line();
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"{p.Name}, {p.Threads} thread(s): {step * 1e3:0.000} ms per step over {p.Steps} steps ("
            + $"{p.PlainSeconds * 1e3:0.000} ms without the profile); peak {p.Limits.PeakOperations / 1e9:0} GF/s, bandwidth {p.Limits.Bandwidth / 1e9:0.0} GB/s"));
        terminal.Line($"{"op",-52} {"calls",6} {"ms",9} {"share",6} {"peak",5} {"MB",8} {"GB/s",6} {"late",6} {"early",6} {"before",7}");
        foreach (WorkTimes op in p.Ops)
        {
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{Shown(op),-52} {(double)op.Calls / p.Steps,6:0.#} {op.Elapsed / p.Steps * 1e3,9:0.000} "
                + $"{op.Elapsed / p.Steps / step,6:P1} "
                + $"{Known(op.Operations / op.Elapsed / p.Limits.PeakOperations, "P0"),5} "
                + $"{Known(op.Bytes / p.Steps / 1e6, "0.0"),8} {Known(op.Bytes / op.Elapsed / 1e9, "0.0"),6} "
                + $"{op.LateStart / p.Steps / step,6:P1} {op.EarlyEnd / p.Steps / step,6:P1} {op.Before / p.Steps / step,7:P1}"));
        }

        double busy = Part(p, op => op.Busy), late = Part(p, op => op.LateStart), early = Part(p, op => op.EarlyEnd);
        double ofPeak = p.Times.Ops.Sum(op => op.Operations) / p.Times.Seconds / p.Limits.PeakOperations;
        double unnamed = Part(p, op => op.Elapsed) - busy - late - early, own = p.Times.Own / p.Steps;
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"in parts {busy / step:P1}, waiting for parts to begin {late / step:P1}, waiting after the last part {early / step:P1}, "
            + $"between parts {unnamed / step:P1}, between ops {p.BetweenSeconds / step:P1}, the profile itself {own / step:P1}: together "
            + $"{(busy + late + early + unnamed + p.BetweenSeconds + own) / step:P1} of the step; {ofPeak:P0} of peak"));
    }

    private static string Shown(WorkTimes op) => Printable.Shorten(op.Phase == "forward" ? op.Name : $"{op.Phase}: {op.Name}", 52);

    private static string Known(double value, string format) => value > 0 ? value.ToString(format, CultureInfo.InvariantCulture) : "";

    private static double Part(BenchmarkProfile p, Func<WorkTimes, double> of) => p.Times.Ops.Sum(of) / p.Steps;

    private static JsonObject ToJson(BenchmarkProfile p) => new()
    {
        ["work"] = p.Name,
        ["threads"] = p.Threads,
        ["steps"] = p.Steps,
        ["step_seconds"] = p.StepSeconds,
        ["plain_step_seconds"] = p.PlainSeconds,
        ["between_ops_seconds"] = p.BetweenSeconds,
        ["profile_seconds"] = p.Times.Own / p.Steps,
        ["peak_gigaflops"] = p.Limits.PeakOperations / 1e9,
        ["bandwidth_gigabytes"] = p.Limits.Bandwidth / 1e9,
        ["ops"] = new JsonArray([.. p.Ops.Select(op => (JsonNode)new JsonObject
        {
            ["phase"] = op.Phase,
            ["op"] = op.Name,
            ["calls"] = (double)op.Calls / p.Steps,
            ["seconds"] = op.Elapsed / p.Steps,
            ["in_parts_seconds"] = op.Busy / p.Steps,
            ["late_start_seconds"] = op.LateStart / p.Steps,
            ["early_end_seconds"] = op.EarlyEnd / p.Steps,
            ["before_seconds"] = op.Before / p.Steps,
            ["operations"] = op.Operations / p.Steps,
            ["bytes"] = op.Bytes / p.Steps,
        })]),
    };
}
