using Heed.Training.Finetuning;

namespace Heed.Lab.Reports;

/// <summary>A plot as an SVG file that stands alone, in light and dark.</summary>
internal static class PlotFile
{
    private const string Style = "<style>svg{background:#fff}text{font:12px "
        + "system-ui,sans-serif;fill:#333}.grid{stroke:#ddd}polyline{fill:none;stroke-width:2}"
        + ".s0{stroke:#0b62b8}.t0{fill:#0b62b8}.s1{stroke:#c4500a}.t1{fill:#c4500a}.s2{stroke:#1a7f37}.t2{fill:#1a7f37}.s3{stroke:#8250df}"
        + ".t3{fill:#8250df}.s4{stroke:#9a6700}.t4{fill:#9a6700}.s5{stroke:#bf3989}.t5{fill:#bf3989}"
        + "@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#ccc}.grid{stroke:#333}"
        + ".s0{stroke:#58a6ff}.t0{fill:#58a6ff}.s1{stroke:#f0883e}.t1{fill:#f0883e}.s2{stroke:#3fb950}.t2{fill:#3fb950}"
        + ".s3{stroke:#bc8cff}.t3{fill:#bc8cff}.s4{stroke:#d29922}.t4{fill:#d29922}.s5{stroke:#f778ba}.t5{fill:#f778ba}}</style>";

    /// <summary>The plots of a result as SVG texts, in order.</summary>
    public static IReadOnlyList<string> Of(ExperimentResult result)
        => [.. result.Points.GroupBy(p => p.Plot).Select(p => Draw(p.Key, p)).Where(svg => svg.Length > 0)];

    private static string Draw(LabPlot plot, IEnumerable<PlotPoint> points)
    {
        ChartLine[] lines =
        [
            .. points.GroupBy(p => p.Line).Select(line => new ChartLine(line.Key, [.. line.OrderBy(p => p.X).Select(p => (
                plot.LogX ? Math.Log2(p.X) : p.X, plot.LogY ? Math.Log10(Math.Max(p.Y, 1e-300)) : p.Y))])),
        ];
        string x = plot.LogX ? $"log₂ {plot.X}" : plot.X, y = plot.LogY && !plot.Y.StartsWith("log", StringComparison.Ordinal)
            ? $"log₁₀ {plot.Y}" : plot.Y;
        string svg = SvgChart.Lines($"{plot.Title}: {y} over {x}", $"{x}; y: {y}", lines);
        int end = svg.IndexOf('>', StringComparison.Ordinal);
        return end < 0 ? "" : $"{svg[..end]} xmlns=\"http://www.w3.org/2000/svg\">{Style}{svg[(end + 1)..]}\n";
    }
}
