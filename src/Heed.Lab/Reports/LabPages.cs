using System.Globalization;
using System.Text;

namespace Heed.Lab.Reports;

/// <summary>Pages from results: one per experiment, an overview, and what courses say that must be corrected.</summary>
internal static class LabPages
{
    /// <summary>The folder of the results below the pages.</summary>
    public const string ResultFolder = "results";

    /// <summary>All files: names below the pages' folder, and their contents.</summary>
    public static IReadOnlyDictionary<string, string> Of(IReadOnlyList<ExperimentResult> results)
    {
        SortedDictionary<string, string> files = new(StringComparer.Ordinal);
        foreach (ExperimentResult result in results)
        {
            IReadOnlyList<string> plots = PlotFile.Of(result);
            List<string> names = [];
            for (int i = 0; i < plots.Count; i++)
            {
                names.Add($"plots/{result.Experiment.FileName}{(i == 0 ? "" : $"-{i + 1}")}.svg");
                files[names[i]] = plots[i];
            }

            files[result.Experiment.FileName + ".md"] = Page(result, names);
        }

        files["README.md"] = Overview(results);
        files["corrections.md"] = CorrectionPage.Of(results);
        return files;
    }

    /// <summary>The results of a folder in the order of their numbers.</summary>
    /// <exception cref="StorageException">There are none.</exception>
    public static IReadOnlyList<ExperimentResult> Read(string folder)
    {
        string results = Path.Combine(folder, ResultFolder);
        string[] files = Directory.Exists(results) ? Directory.GetFiles(results, "*.json") : [];
        if (files.Length == 0)
            throw new StorageException($"{results}: has no results; files of 'heed lab run … --out {folder}' were expected. Run "
                + "experiments first.");
        return [.. files.Order(StringComparer.Ordinal).Select(ResultFile.Read).OrderBy(r => r.Experiment.Number)];
    }

    private static string Page(ExperimentResult result, List<string> plots)
    {
        Experiment e = result.Experiment;
        StringBuilder page = new();
        Line($"# {e.Number}. {Title(e)}");
        Line();
        Line($"> {e.Claim}");
        Line();
        Line($"**Verdict: {result.VerdictText}.**");
        Line();
        Line($"- **Experiment:** {e.Form}");
        Line($"- **Measured:** {e.Measure}");
        Line($"- **Would refute it:** {e.Refutation}");
        Line($"- **Source:** {e.Source}.");
        Line();
        if (result.Measurements.Count > 0)
        {
            string seeds = string.Join(", ", result.Seeds);
            Line($"Expectations were written before the run. Values are medians of the seeds {seeds}; the range in brackets where they "
                + "differ."
                + (result.Model.Length > 0 ? $" Model: {result.Model}." : ""));
            Line();
            Line("| what | expected | measured | as expected | bears on the claim |");
            Line("|---|---|---|---|---|");
            foreach (Measurement m in result.Measurements)
                Line($"| {Cell(m.Expectation.What)} | {Cell(m.Expectation.Expected)} | {Measured(m)} | {AsExpected(m)} | "
                    + $"{Word(m.Expectation.Bearing)} |");
            Line();
        }

        if (e.Remark.Length > 0)
        {
            Line($"After the run: {e.Remark}");
            Line();
        }

        foreach (string plot in plots)
        {
            Line($"![{Title(e)}]({plot})");
            Line();
        }

        Line($"Run it: `heed lab run {e.Name}`. [All experiments](README.md).");
        return page.ToString();

        void Line(string text = "") => page.Append(text).Append('\n');
    }

    private static string Overview(IReadOnlyList<ExperimentResult> results)
    {
        StringBuilder page = new();
        page.Append("# The lab\n\nWhat courses say about Transformers, as experiments that anyone can run. Each was written down before "
            + "it ran: the claim, its sharpest small form, what is measured, the number to expect, what would refute it. The verdict comes "
            + "from those bounds alone. Where a setup or a bound was changed after a first run, the page of the experiment says so.\n\n"
            + "```\n./heed lab list\n./heed lab run --quick\n./heed lab run dot-products saturation --out out\n./heed lab report "
            + "docs/lab\n```\n\n"
            + "- Three seeds; tables show the median and the range. Where seeds disagree on a number that decides, the verdict is "
            + "*undecided*.\n"
            + "- ⚡ trains nothing and takes seconds. The others train small models, up to some minutes on two cores.\n"
            + "- Costs are counted, not timed. Times appear only with `--times`, as slopes or ratios, and decide nothing.\n"
            + "- The same seeds give the same numbers on any number of threads.\n"
            + "- These pages are made from [results](results) by `heed lab report`; a test holds them to each other.\n\n"
            + "What courses say and a careful lab must correct is on [a page of its own](corrections.md).\n\n");
        page.Append("| no. | claim | verdict | measured |\n|---|---|---|---|\n");
        foreach (ExperimentResult result in results)
        {
            Experiment e = result.Experiment;
            int right = result.Measurements.Count(m => m.IsAsExpected);
            string key = result.Measurements.Count == 0 ? "" : $"{Key(result)}; {right} of {result.Measurements.Count} as expected";
            page.Append(CultureInfo.InvariantCulture,
                $"| [{e.Number}]({e.FileName}.md){(e.IsQuick ? " ⚡" : "")} | {Cell(e.Claim)} | **{result.VerdictText}** | {key} |\n");
        }

        return page.ToString();
    }

    /// <summary>The number that decides: the first that refutes, limits or supports.</summary>
    private static string Key(ExperimentResult result)
    {
        Measurement key = result.Measurements.FirstOrDefault(m => m.Expectation.Bearing == Bearing.Refutes && m.IsAsExpected)
            ?? result.Measurements.FirstOrDefault(m => m.Expectation.Bearing == Bearing.Supports && !m.IsAsExpected)
            ?? result.Measurements.FirstOrDefault(m => m.Expectation.Bearing == Bearing.Limits && m.IsAsExpected)
            ?? result.Measurements[0];
        return $"{Cell(key.Expectation.What)}: {Measured(key)}";
    }

    /// <summary>The median, and the range where seeds differ.</summary>
    public static string Measured(Measurement m)
    {
        string median = LabNumber.Text(m.Median), low = LabNumber.Text(m.Values.Min()), high = LabNumber.Text(m.Values.Max());
        if (m.Values.Any(double.IsNaN)) high = "not finite";
        return low == high ? median : $"{median} ({low} … {high})";
    }

    private static string AsExpected(Measurement m) => m.Expectation.Expected.Length == 0 || m.Expectation.IsTime ? ""
        : m.IsAsExpected ? "yes" : "**no**";

    private static string Word(Bearing bearing) => bearing switch
    {
        Bearing.Supports => "needed",
        Bearing.Limits => "shows its limit",
        Bearing.Refutes => "refutes",
        _ => "",
    };

    internal static string Title(Experiment e) => char.ToUpperInvariant(e.Name[0]) + e.Name[1..].Replace('-', ' ');

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
