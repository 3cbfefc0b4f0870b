using System.Globalization;
using System.Net;
using System.Text;

namespace Heed.Training.Finetuning;

/// <summary>One line of a chart.</summary>
/// <param name="Name">For the legend.</param>
/// <param name="Points">x and y; what is not finite is left out.</param>
internal sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Small charts as SVG, in colours that the page decides (<c>.s0</c> … <c>.s5</c>), so that light and dark both work.</summary>
internal static class SvgChart
{
    private const int Width = 560, Height = 260, Left = 56, Right = 12, Top = 12, Bottom = 40;

    /// <summary>Lines over a common x axis.</summary>
    /// <param name="title">Read aloud instead of the picture.</param>
    /// <param name="xName">What x is.</param>
    /// <param name="lines">One or more.</param>
    /// <param name="range">Lowest and highest y; null: as the points need.</param>
    public static string Lines(string title, string xName, IReadOnlyList<ChartLine> lines, (double Low, double High)? range = null)
    {
        List<(double X, double Y)> all = [.. lines.SelectMany(l => l.Points).Where(p => double.IsFinite(p.X) && double.IsFinite(p.Y))];
        if (all.Count == 0) return "";
        (double x0, double x1) = Wide(all.Min(p => p.X), all.Max(p => p.X));
        (double y0, double y1) = range ?? Wide(all.Min(p => p.Y), all.Max(p => p.Y));
        StringBuilder svg = Begin(title);
        for (int i = 0; i <= 4; i++)
        {
            double y = y0 + ((y1 - y0) * i / 4), x = x0 + ((x1 - x0) * i / 4);
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(y):0.#}\" "
                + $"y2=\"{Y(y):0.#}\"/>")
                .Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 6}\" y=\"{Y(y) + 4:0.#}\" text-anchor=\"end\">{Number(y)}</text>")
                .Append(CultureInfo.InvariantCulture, $"<text x=\"{X(x):0.#}\" y=\"{Height - Bottom + 16}\" "
                    + $"text-anchor=\"middle\">{Number(x)}</text>");
        }

        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 6}\" "
            + $"text-anchor=\"middle\">{Text(xName)}</text>");
        for (int i = 0; i < lines.Count; i++)
        {
            string points = string.Join(' ', lines[i].Points.Where(p => double.IsFinite(p.X) && double.IsFinite(p.Y))
                .Select(p => Invariant($"{X(p.X):0.#},{Y(p.Y):0.#}")));
            svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"s{i % 6}\" points=\"{points}\"/>");
            if (lines.Count > 1)
                svg.Append(CultureInfo.InvariantCulture, $"<text class=\"t{i % 6}\" x=\"{Width - Right - 4}\" y=\"{Top + 14 + (16 * i)}\" "
                    + $"text-anchor=\"end\">{Text(lines[i].Name)}</text>");
        }

        return svg.Append("</svg>").ToString();

        double X(double x) => Left + ((x - x0) / (x1 - x0) * (Width - Left - Right));
        double Y(double y) => Height - Bottom - ((y - y0) / (y1 - y0) * (Height - Top - Bottom));
    }

    /// <summary>How often one label was taken for another: rows are right, columns predicted.</summary>
    public static string Matrix(string title, IReadOnlyList<string> labels, IReadOnlyList<IReadOnlyList<long>> counts)
    {
        const int Most = 24, Names = 150;
        int n = labels.Count;
        if (n is 0 or > Most) return "";
        int cell = Math.Clamp(380 / n, 18, 64), height = Names + (n * cell) + 8, width = height + 80;   // the last name leans over the edge
        StringBuilder svg = new StringBuilder().Append(CultureInfo.InvariantCulture,
            $"<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{Text(title)}\">");
        for (int r = 0; r < n; r++)
        {
            double sum = Math.Max(1, counts[r].Sum());
            int y = Names + (r * cell);
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Names - 8}\" y=\"{y + (cell / 2) + 4}\" "
                + $"text-anchor=\"end\">{Text(Short(labels[r]))}</text>")
                .Append(CultureInfo.InvariantCulture, $"<text transform=\"translate({y + (cell / 2) + 4},{Names - 8}) "
                    + $"rotate(-60)\">{Text(Short(labels[r]))}</text>");
            for (int c = 0; c < n; c++)
            {
                double share = counts[r][c] / sum;
                svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"{(r == c ? "right" : "wrong")}\" x=\"{Names + (c * cell)}\" "
                    + $"y=\"{y}\" width=\"{cell - 1}\" height=\"{cell - 1}\" "
                    + $"fill-opacity=\"{(counts[r][c] == 0 ? 0.04 : 0.15 + (0.85 * share)):0.##}\"/>");
                if (counts[r][c] > 0)
                    svg.Append(CultureInfo.InvariantCulture, $"<text class=\"cell\" x=\"{Names + (c * cell) + (cell / 2)}\" "
                        + $"y=\"{y + (cell / 2) + 4}\" text-anchor=\"middle\">{counts[r][c]}</text>");
            }
        }

        return svg.Append("</svg>").ToString();
    }

    /// <summary>A text as markup shows it.</summary>
    public static string Text(string text) => WebUtility.HtmlEncode(Printable.Escape(text));

    private static string Short(string label) => Printable.Shorten(label, 20);

    private static StringBuilder Begin(string title) => new StringBuilder().Append(CultureInfo.InvariantCulture,
        $"<svg viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" role=\"img\" aria-label=\"{Text(title)}\">");

    private static (double Low, double High) Wide(double low, double high) => high > low ? (low, high) : (low - 0.5, high + 0.5);

    private static string Number(double value) => value.ToString(Math.Abs(value) >= 1000 ? "0" : "0.###", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
