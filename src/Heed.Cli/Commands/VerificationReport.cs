using System.Text.Json.Nodes;
using Heed.Verification;

namespace Heed.Cli.Commands;

/// <summary>Shows results of stored cases folder by folder, and counts them.</summary>
internal sealed class VerificationReport(Terminal terminal)
{
    /// <summary>Failed cases of a folder that are shown.</summary>
    private const int Shown = 5;

    /// <summary>Cases so far.</summary>
    public int Total { get; private set; }

    /// <summary>Cases that failed so far.</summary>
    public int Failed { get; private set; }

    /// <summary>The results as data.</summary>
    public JsonArray Rows { get; } = [];

    /// <summary>Adds results and shows them.</summary>
    public void Add(IReadOnlyList<VerificationResult> results)
    {
        foreach (IGrouping<string, VerificationResult> group in results.GroupBy(r => r.Folder))
        {
            VerificationResult[] bad = [.. group.Where(r => !r.Passed)];
            Total += group.Count();
            Failed += bad.Length;
            if (terminal.IsJson)
            {
                Rows.Add((JsonNode)new JsonObject
                {
                    ["folder"] = group.Key,
                    ["cases"] = group.Count(),
                    ["failed"] = new JsonArray([.. bad.Select(b => (JsonNode)new JsonObject { ["case"] = b.Case, ["detail"] = b.Detail })]),
                });
                continue;
            }

            terminal.Line($"{(bad.Length == 0 ? terminal.Green("ok  ") : terminal.Red("FAIL"))} {group.Key}: {group.Count() - bad.Length} of {group.Count()} cases");
            foreach (VerificationResult b in bad.Take(Shown)) terminal.Line($"       {Printable.Escape($"{b.Case}: {b.Detail}")}");
        }
    }

    /// <summary>Shows a folder that could not be read.</summary>
    public void AddUnread(string folder, string why)
    {
        if (terminal.IsJson) Rows.Add((JsonNode)new JsonObject { ["folder"] = folder, ["error"] = why });
        else terminal.Line($"{terminal.Red("FAIL")} {folder}: {why}");
    }
}
