using System.Text;
using System.Text.Json.Nodes;
using Heed.Training.Symptoms;

namespace Heed.Doctor;

/// <summary>A rule that could not be judged, and why.</summary>
/// <param name="Rule">Its name.</param>
/// <param name="Why">What was missing, a sentence without its stop.</param>
public sealed record UnjudgedRule(string Rule, string Why);

/// <summary>What an examination found.</summary>
/// <param name="Subject">What was examined: a path, or the type of an object.</param>
/// <param name="Kind"><c>model</c>, <c>run</c>, <c>data</c> or <c>task</c>.</param>
/// <param name="Findings">The mistakes found; empty where all is well.</param>
/// <param name="Judged">Names of the rules that were judged.</param>
/// <param name="Unjudged">Rules that apply and could not be judged.</param>
public sealed record ExaminationReport(
    string Subject, string Kind, IReadOnlyList<Finding> Findings, IReadOnlyList<string> Judged, IReadOnlyList<UnjudgedRule> Unjudged)
{
    /// <summary>True if nothing was found.</summary>
    public bool IsHealthy => Findings.Count == 0;

    /// <summary>The report as JSON, as <c>heed doctor --json</c> prints it.</summary>
    public JsonObject ToJson() => new()
    {
        ["subject"] = Subject,
        ["kind"] = Kind,
        ["healthy"] = IsHealthy,
        ["findings"] = new JsonArray([.. Findings.Select(f => (JsonNode)new JsonObject
        {
            ["rule"] = f.Rule,
            ["place"] = f.Place,
            ["evidence"] = f.Evidence,
            ["harm"] = f.Harm,
            ["fix"] = f.Fix,
        })]),
        ["judged"] = new JsonArray([.. Judged.Select(r => (JsonNode)r)]),
        ["not_judged"] = new JsonArray([.. Unjudged.Select(u => (JsonNode)new JsonObject { ["rule"] = u.Rule, ["why"] = u.Why })]),
    };

    /// <summary>The report as text: a block for each finding, and a line of what was judged.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        foreach (Finding f in Findings)
        {
            text.Append(f.Rule).Append('\n');
            text.Append("  where     ").Append(f.Place).Append('\n');
            text.Append("  evidence  ").Append(f.Evidence).Append('\n');
            text.Append("  harm      ").Append(f.Harm).Append('\n');
            text.Append("  fix       ").Append(f.Fix).Append("\n\n");
        }

        text.Append(Subject).Append(": ");
        text.Append(IsHealthy ? "healthy" : FormattableString.Invariant($"{Findings.Count} finding{(Findings.Count > 1 ? "s" : "")}"));
        text.Append(FormattableString.Invariant($" ({Judged.Count} rules judged"));
        if (Unjudged.Count > 0) text.Append(FormattableString.Invariant($", {Unjudged.Count} not"));
        text.Append(")\n");
        foreach (UnjudgedRule u in Unjudged) text.Append("  not judged: ").Append(u.Rule).Append(": ").Append(u.Why).Append('\n');
        return Printable.Escape(text.ToString());
    }
}
