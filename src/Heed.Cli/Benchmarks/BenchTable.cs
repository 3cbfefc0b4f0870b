using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Verification.Benchmarks;

namespace Heed.Cli.Benchmarks;

/// <summary>The table of works: figure, share of peak and bandwidth, memory, goal; below it what works say beside each other.</summary>
internal static class BenchTable
{
    /// <summary>Writes rows as they come, and puts all into the report.</summary>
    public static void Write(Terminal terminal, IEnumerable<JsonObject> results, JsonObject report)
    {
        JsonArray rows = [];
        if (!terminal.IsJson)
        {
            terminal.Line();
            terminal.Line($"{"work",-46} {"best",10} {"median",10} {"",-9} {"peak",5} {"of GF/s",8} {"bandw.",6} {"of GB/s",8} "
                + $"{"memory",10} {"beyond",10}  goal");
        }

        foreach (JsonObject row in results)
        {
            rows.Add((JsonNode)row);
            if (!terminal.IsJson) terminal.Line(Line(row));
        }

        report["peak_gigaflops"] = Most(rows, "peak_gigaflops");
        report["bandwidth_gigabytes"] = Most(rows, "bandwidth_gigabytes");
        report["works"] = rows;
        JsonArray ratios = Ratios(rows);
        report["ratios"] = ratios;
        if (terminal.IsJson) return;
        if (ratios.Count > 0) terminal.Line();
        foreach (JsonNode? ratio in ratios) terminal.Line(RatioLine(ratio!.AsObject()));
        terminal.Line();
        terminal.Line("peak, bandw.: the best figure as a part of what the same process measured; useful operations only, no padding, no "
            + "masked pairs. beyond: memory beyond 16 bytes per parameter.");
    }

    /// <summary>One result as the report holds it.</summary>
    public static JsonObject ToJson(BenchmarkResult r) => new()
    {
        ["work"] = r.Name,
        ["unit"] = r.Unit,
        ["best"] = r.Best,
        ["median"] = r.Median,
        ["repetitions"] = r.Repetitions,
        ["threads"] = r.Threads,
        ["of_peak"] = r.OfPeak,
        ["of_bandwidth"] = r.OfBandwidth,
        ["peak_gigaflops"] = r.Limits.PeakOperations / 1e9,
        ["bandwidth_gigabytes"] = r.Limits.Bandwidth / 1e9,
        ["resident_bytes"] = (double)r.ResidentBytes,
        ["beyond_state_bytes"] = (double)r.BeyondStateBytes,
        ["least"] = r.Goal?.Least,
        ["goal"] = r.Goal?.Goal,
        ["reached"] = r.Goal is { } goal && r.Part is { } part ? Verdict(part, goal.Least, goal.Goal, smaller: false) : null,
    };

    private static string Verdict(double value, double least, double goal, bool smaller)
        => (smaller ? value <= goal : value >= goal) ? "goal" : (smaller ? value <= least : value >= least) ? "least" : "no";

    private static string Line(JsonObject row)
    {
        string text = string.Create(CultureInfo.InvariantCulture,
            $"{Printable.Shorten(row["work"]!.GetValue<string>(), 46),-46} {Number(row, "best"),10:0.0} {Number(row, "median"),10:0.0} "
            + $"{row["unit"]!.GetValue<string>(),-9} {Percent(row, "of_peak"),5} {Number(row, "peak_gigaflops"),8:0} "
            + $"{Percent(row, "of_bandwidth"),6} {Number(row, "bandwidth_gigabytes"),8:0.0} {Bytes(row, "resident_bytes"),10} "
            + $"{Bytes(row, "beyond_state_bytes"),10}  ");
        return row["goal"] is null ? text.TrimEnd() : text + $"{Percent(row, "goal")}: {Reached(row)}";
    }

    private static JsonArray Ratios(JsonArray rows)
    {
        Dictionary<string, BenchmarkResult> results = rows.Select(r => Figures(r!.AsObject())).ToDictionary(r => r.Name);
        JsonArray ratios = [];
        foreach (BenchmarkRatio ratio in WorkList.Ratios)
        {
            if (!results.TryGetValue(ratio.Above, out BenchmarkResult? above)) continue;
            if (!results.TryGetValue(ratio.Below, out BenchmarkResult? below)) continue;
            if (ratio.Value(below) <= 0 || ratio.Value(above) <= 0) continue;
            double value = ratio.Value(above) / ratio.Value(below);
            ratios.Add((JsonNode)new JsonObject
            {
                ["ratio"] = ratio.Name,
                ["above"] = ratio.Above,
                ["below"] = ratio.Below,
                ["value"] = value,
                ["least"] = ratio.Least,
                ["goal"] = ratio.Goal,
                ["smaller_is_better"] = ratio.Smaller,
                ["reached"] = Verdict(value, ratio.Least, ratio.Goal, ratio.Smaller),
            });
        }

        return ratios;
    }

    private static BenchmarkResult Figures(JsonObject row) => new(
        row["work"]!.GetValue<string>(), row["unit"]!.GetValue<string>(), Number(row, "best"), Number(row, "median"), 0, 0,
        new BenchmarkLimits(0, 0))
    {
        BeyondStateBytes = (long)Number(row, "beyond_state_bytes"),
    };

    private static string RatioLine(JsonObject ratio) => string.Create(CultureInfo.InvariantCulture,
        $"{ratio["ratio"]!.GetValue<string>(),-62} {Number(ratio, "value"),6:0.00}   "
        + $"goal {(ratio["smaller_is_better"]!.GetValue<bool>() ? "≤" : "≥")} {Number(ratio, "goal"):0.00}: {Reached(ratio)}");

    private static string Reached(JsonObject row) => row["reached"]?.GetValue<string>() switch
    {
        "goal" => "reached",
        "least" => $"missed, least of {row["least"]!.GetValue<double>().ToString("0.00", CultureInfo.InvariantCulture)} reached",
        _ => "missed",
    };

    private static JsonNode? Most(JsonArray rows, string field) => rows.Count == 0 ? null : rows.Max(r => Number(r!.AsObject(), field));

    private static double Number(JsonObject row, string field) => row[field]?.GetValue<double>() ?? 0;

    private static string Percent(JsonObject row, string field)
        => row[field]?.GetValue<double>().ToString("P0", CultureInfo.InvariantCulture) ?? "";

    private static string Bytes(JsonObject row, string field)
        => Number(row, field) is > 0 and double bytes ? Printable.Bytes((long)bytes) : "";
}
