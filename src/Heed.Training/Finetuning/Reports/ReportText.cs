using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Heed.Training.Finetuning;

/// <summary>The report as plain text (<c>report.txt</c>): figures, labels, confusions, the worst examples.</summary>
internal static class ReportText
{
    private const int Confusions = 10;

    /// <summary>The text of a report.</summary>
    public static string Of(JsonObject report)
    {
        StringBuilder text = new();
        Line($"{Word(report["model"])}, trained for {Word(report["task"])}: step {report["saved_step"]} of {report["last_step"]}");
        if (report["measures"] is JsonObject measures)
        {
            Line("");
            Line($"On {report["held_out"]} held-out examples");
            Figures(report["loss"], measures);
            Parts(report["details"] as JsonObject);
        }

        if (report["test"] is JsonObject test)
        {
            Line("");
            Line($"On {test["examples"]} test examples");
            Figures(test["loss"], (JsonObject)test["measures"]!);
            Parts(test["details"] as JsonObject);
        }

        if (report["worst"] is JsonArray { Count: > 0 } worst)
        {
            Line("");
            Line(report["test"] is null ? "Worst held-out examples" : "Worst test examples");
            foreach (JsonNode? example in worst)
                Line($"  {Word(example!["place"])}: expected {Word(example["expected"])}, predicted {Word(example["predicted"])}: "
                    + $"{Word(example["text"])}");
        }

        return text.ToString();

        void Line(string line) => text.Append(line).Append('\n');

        void Figures(JsonNode? loss, JsonObject measures)
        {
            Line($"  {"loss",-24} {Number(loss)}");
            foreach ((string name, JsonNode? value) in measures) Line($"  {name.Replace('_', ' '),-24} {Number(value)}");
        }

        void Parts(JsonObject? details)
        {
            foreach (string kind in (string[])["classes", "types"])
            {
                foreach (JsonNode? part in details?[kind] as JsonArray ?? [])
                    Line($"  {Word(part!["label"] ?? part["type"]),-24} F1 {Number(part["f1"])}, precision {Number(part["precision"])}, "
                        + $"recall {Number(part["recall"])}, {part["support"]} in all");
            }

            foreach (JsonNode? row in details?["by_source_length"] as JsonArray ?? [])
                Line($"  sources of {row!["characters_from"]} to {row["characters_to"]} characters: {row["examples"]}, exact match "
                    + $"{Number(row["exact_match"])}");
            if (details?["confusion"] is not JsonArray rows || details["labels"] is not JsonArray labels) return;
            var mistaken = rows.SelectMany((row, right) => row!.AsArray().Select((n, taken)
                => (Right: right, Taken: taken, Count: n!.GetValue<long>())))
                .Where(c => c.Right != c.Taken && c.Count > 0).OrderByDescending(c => c.Count).Take(Confusions);
            foreach (var c in mistaken) Line($"  {c.Count} of {Word(labels[c.Right])} taken for {Word(labels[c.Taken])}");
        }
    }

    private static string Number(JsonNode? node) => node is JsonValue value && value.TryGetValue(out double number)
        ? number.ToString("0.0000", CultureInfo.InvariantCulture) : "not defined";

    private static string Word(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? word) ? Printable.Escape(word)
        : node?.ToJsonString() ?? "";
}
