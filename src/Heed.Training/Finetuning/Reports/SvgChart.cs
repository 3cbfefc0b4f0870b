using System.Globalization;
using System.Net;
using System.Text;

namespace Heed.Training.Finetuning;

/// <summary>One line of a chart.</summary>
/// <param name="Name">For the legend.</param>
/// <param name="Points">x and y; what is not finite is left out.</param>
internal sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points)
{
    /// <summary>Lowest and highest value at some x, drawn as upright strokes.</summary>
    public IReadOnlyList<(double X, double Low, double High)> Ranges { get; init; } = [];
}

/// <summary>Small charts as SVG, in colours that the page decides (<c>.s0</c> … <c>.s5</c>), so that light and dark both work.</summary>
internal static class SvgChart
{
    private const int Width = 560, Height = 260, Left = 56, Right = 12, Top = 12, Bottom = 40;

    /// <summary>Lines over a common x axis.</summary>
    /// <param name="title">Read aloud instead of the picture.</param>
    /// <param name="xName">What x is.</param>
    /// <param name="lines">One or more.</param>
    /// <param name="range">Lowest and highest y; null: as the points need.</param>
    /// <param name="logarithmic">True for equal distances between equal ratios of x, which is above 0; every x is named.</param>
    public static string Lines(
        string title, string xName, IReadOnlyList<ChartLine> lines, (double Low, double High)? range = null, bool logarithmic = false)
    {
        List<(double X, double Y)> all = [.. lines.SelectMany(l => l.Points).Where(p => double.IsFinite(p.X) && double.IsFinite(p.Y))];
        if (all.Count == 0) return "";
        (double x0, double x1) = Wide(all.Min(p => Scaled(p.X)), all.Max(p => Scaled(p.X)));
        (double y0, double y1) = range ?? Wide(all.Min(p => p.Y), all.Max(p => p.Y));
        StringBuilder svg = Begin(title);
        for (int i = 0; i <= 4; i++)
        {
            double y = y0 + ((y1 - y0) * i / 4);
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(y):0.#}\" "
                + $"y2=\"{Y(y):0.#}\"/>")
                .Append(CultureInfo.InvariantCulture,
                    $"<text x=\"{Left - 6}\" y=\"{Y(y) + 4:0.#}\" text-anchor=\"end\">{Number(y)}</text>");
        }

        IEnumerable<double> marks = logarithmic ? all.Select(p => p.X).Distinct().Order()
            : Enumerable.Range(0, 5).Select(i => x0 + ((x1 - x0) * i / 4));
        foreach (double x in marks)
            svg.Append(CultureInfo.InvariantCulture,
                $"<text x=\"{X(x):0.#}\" y=\"{Height - Bottom + 16}\" text-anchor=\"middle\">{Number(x)}</text>");

        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 6}\" "
            + $"text-anchor=\"middle\">{Text(xName)}</text>");
        for (int i = 0; i < lines.Count; i++)
        {
            string points = string.Join(' ', lines[i].Points.Where(p => double.IsFinite(p.X) && double.IsFinite(p.Y))
                .Select(p => Invariant($"{X(p.X):0.#},{Y(p.Y):0.#}")));
            svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"s{i % 6}\" points=\"{points}\"/>");
            foreach ((double x, double low, double high) in lines[i].Ranges)
                svg.Append(CultureInfo.InvariantCulture,
                    $"<line class=\"s{i % 6}\" x1=\"{X(x):0.#}\" x2=\"{X(x):0.#}\" y1=\"{Y(low):0.#}\" y2=\"{Y(high):0.#}\"/>");
            if (lines.Count > 1)
                svg.Append(CultureInfo.InvariantCulture, $"<text class=\"t{i % 6}\" x=\"{Width - Right - 4}\" y=\"{Top + 14 + (16 * i)}\" "
                    + $"text-anchor=\"end\">{Text(lines[i].Name)}</text>");
        }

        return svg.Append("</svg>").ToString();

        double Scaled(double x) => logarithmic ? Math.Log10(x) : x;
        double X(double x) => Left + ((Scaled(x) - x0) / (x1 - x0) * (Width - Left - Right));
        double Y(double y) => Height - Bottom - ((y - y0) / (y1 - y0) * (Height - Top - Bottom));
    }

    /// <summary>A chart as a file of its own, with its colours, for light and dark pages.</summary>
    /// <param name="svg">From <see cref="Lines"/>.</param>
    public static string File(string svg)
    {
        string[] light = ["#0b62c4", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#57534e"];
        string[] dark = ["#60a5fa", "#fb923c", "#4ade80", "#c084fc", "#f87171", "#a8a29e"];
        StringBuilder style = new("<style>svg{background:#fff}text{font:12px system-ui,sans-serif;fill:#333}.grid{stroke:#ddd}"
            + "polyline{fill:none;stroke-width:2}");
        Colours(light);
        style.Append("@media(prefers-color-scheme:dark){svg{background:#16181d}text{fill:#ddd}.grid{stroke:#333}");
        Colours(dark);
        style.Append("}</style>");
        int open = svg.IndexOf('>', StringComparison.Ordinal);
        return $"{svg[..open].Replace("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", StringComparison.Ordinal)}>{style}{svg[(open + 1)..]}\n";

        void Colours(string[] colours)
        {
            for (int i = 0; i < colours.Length; i++)
                style.Append(CultureInfo.InvariantCulture, $".s{i}{{stroke:{colours[i]}}}.t{i}{{fill:{colours[i]}}}");
        }
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
