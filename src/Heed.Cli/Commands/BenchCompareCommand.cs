using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Cli.Commands;

/// <summary><c>heed bench compare</c>: two results of <c>heed bench --json</c> side by side.</summary>
internal static class BenchCompareCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> before = new("before") { Description = "a file written by heed bench --json" };
        Argument<string> after = new("after") { Description = "another one" };
        Command command = new("compare",
            "Two results of heed bench --json side by side: figures, shares of peak and bandwidth, and the second divided by the first. "
                + "Example: heed bench compare before.json after.json")
        { before, after };
        command.SetAction((parsed, _) => Task.FromResult(Run(terminal, parsed.GetValue(before)!, parsed.GetValue(after)!)));
        return command;
    }

    private static int Run(Terminal terminal, string before, string after)
    {
        Dictionary<string, JsonObject> first = Read(before), second = Read(after);
        string[] both = [.. first.Keys.Where(second.ContainsKey)];
        if (both.Length == 0) throw new InputException($"{after}: has no work in common with {before}; measure the same works twice.");
        JsonArray rows = [];
        if (!terminal.IsJson)
            terminal.Line($"{"work",-46} {"before",10} {"after",10} {"unit",-9} {"ratio",6} {"of limit, before",17} {"after",6}");
        foreach (string work in both)
        {
            JsonObject a = first[work], b = second[work];
            double ratio = Best(b, after) / Best(a, before);
            if (terminal.IsJson)
            {
                rows.Add((JsonNode)new JsonObject
                {
                    ["work"] = work,
                    ["before"] = Best(a, before),
                    ["after"] = Best(b, after),
                    ["ratio"] = ratio,
                    ["of_limit_before"] = OfLimit(a),
                    ["of_limit_after"] = OfLimit(b),
                });
                continue;
            }

            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{Printable.Shorten(work, 46),-46} {Best(a, before),10:0.0} {Best(b, after),10:0.0} {(string?)a["unit"],-9} "
                + $"{ratio,6:0.00} {Percent(OfLimit(a)),17} {Percent(OfLimit(b)),6}"));
        }

        int one = first.Count + second.Count - (2 * both.Length);
        if (terminal.IsJson) terminal.Json(new JsonObject { ["works"] = rows, ["in_one_file_alone"] = one });
        else if (one > 0) terminal.Line($"{one} work(s) are in one of the files alone.");
        return ExitCode.Ok;
    }

    private static Dictionary<string, JsonObject> Read(string file)
    {
        using JsonDocument document = StrictJson.ReadFile(file);
        JsonElement root = document.RootElement.Clone();
        JsonObject? report = root.ValueKind == JsonValueKind.Object ? JsonObject.Create(root) : null;
        if (report?["works"] is not JsonArray works)
            throw new InputException($"{file}: has no field \"works\"; a result of heed bench --json was expected.");
        Dictionary<string, JsonObject> rows = [];
        for (int i = 0; i < works.Count; i++)
        {
            if (works[i] is not JsonObject row || row["work"] is not JsonValue name || !name.TryGetValue(out string? work))
                throw new InputException($"{file}: works[{i}] has no name in \"work\"; a result of heed bench --json was expected.");
            rows[work] = row;
        }

        return rows;
    }

    private static double Best(JsonObject row, string file)
        => row["best"] is JsonValue value && value.TryGetValue(out double best) && best > 0
            ? best
            : throw new InputException($"{file}: \"best\" of {row["work"]} is not a number above 0; measure it again.");

    private static double? OfLimit(JsonObject row)
        => row["of_bandwidth"] is JsonValue b && b.TryGetValue(out double bandwidth) ? bandwidth
            : row["of_peak"] is JsonValue p && p.TryGetValue(out double peak) ? peak : null;

    private static string Percent(double? part) => part?.ToString("P0", CultureInfo.InvariantCulture) ?? "";
}
