using System.Globalization;
using Heed.Inspection;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Heed.Cli.Inspections;

/// <summary>Tables and blocks of colour on a terminal; without colours, shades of characters.</summary>
internal sealed class InspectCanvas
{
    private const string Shades = " ·░▒▓█";

    private readonly Terminal _terminal;
    private readonly IAnsiConsole _console;

    public InspectCanvas(Terminal terminal)
    {
        _terminal = terminal;
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = terminal.HasColours ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = terminal.HasColours ? ColorSystemSupport.EightBit : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(terminal.Output),
        });
        _console.Profile.Width = terminal.Width;
        _console.Profile.Capabilities.Unicode = true;
    }

    /// <summary>A number with three digits that count.</summary>
    public static string Number(double value) => value == 0 ? "0" : Math.Abs(value) is >= 0.001 and < 100_000
        ? value.ToString(Math.Abs(value) >= 100 ? "0" : "0.###", CultureInfo.InvariantCulture)
        : value.ToString("0.0e+0", CultureInfo.InvariantCulture);

    /// <summary>A line above a section.</summary>
    public void Title(string text)
    {
        _terminal.Line();
        _terminal.Line(_terminal.Bold(text));
    }

    /// <summary>A table of texts; columns after the first stand to the right where all their cells are numbers.</summary>
    public void Table(string[] columns, IReadOnlyList<string[]> rows)
    {
        Table table = New();
        for (int c = 0; c < columns.Length; c++)
        {
            TableColumn column = new(new Text(columns[c]));
            if (c > 0 && rows.All(r => r[c].Length == 0 || char.IsAsciiDigit(r[c][^1]))) column.RightAligned();
            table.AddColumn(column);
        }

        foreach (string[] row in rows) table.AddRow(row.Select(cell => (IRenderable)new Text(Printable.Escape(cell))));
        _terminal.ClearStatus();
        _console.Write(table);
    }

    /// <summary>Shares or differences by token, with a bar for each.</summary>
    public void Bars(IReadOnlyList<string> names, IReadOnlyList<double> values)
    {
        double largest = Math.Max(1e-30, values.Select(Math.Abs).Where(double.IsFinite).DefaultIfEmpty(0).Max());
        int room = Math.Clamp(_terminal.Width - names.Select(n => n.Length).DefaultIfEmpty(0).Max() - 20, 5, 40);
        Table table = New().HideHeaders();
        table.AddColumn(new TableColumn(""));
        table.AddColumn(new TableColumn("").RightAligned());
        table.AddColumn(new TableColumn(""));
        for (int i = 0; i < names.Count; i++)
        {
            int length = double.IsFinite(values[i]) ? (int)Math.Round(room * Math.Abs(values[i]) / largest) : 0;
            table.AddRow(new Text(Printable.Escape(names[i])), new Text(Number(values[i])),
                new Text(new string('█', length), Diverging(values[i] / largest, foreground: true)));
        }

        _terminal.ClearStatus();
        _console.Write(table);
    }

    /// <summary>A grid of numbers as blocks of colour: heads of layers, keys of queries.</summary>
    /// <param name="corner">What rows are.</param>
    /// <param name="columns">Over the columns.</param>
    /// <param name="rows">Before the rows.</param>
    /// <param name="cells">[rows, columns].</param>
    /// <param name="label">What stands in a cell; null: shades alone.</param>
    /// <param name="diverging">True: zero is the middle; false: zero is nothing and 1 is all.</param>
    public void Grid(string corner, IReadOnlyList<string> columns, IReadOnlyList<string> rows, ValueArray cells, Func<int, int,
        string>? label, bool diverging)
    {
        double largest = diverging ? Math.Max(1e-30, cells.ToArray().Max(v => Math.Abs((double)v))) : 1;
        Table table = New();
        table.AddColumn(new TableColumn(new Text(corner)));
        foreach (string column in columns) table.AddColumn(new TableColumn(new Text(column)).RightAligned().NoWrap());
        for (int r = 0; r < rows.Count; r++)
        {
            List<IRenderable> row = [new Text(Printable.Escape(rows[r]))];
            for (int c = 0; c < columns.Count; c++)
            {
                double share = cells[r, c] / largest;
                row.Add(new Text(label is null ? Shade(share) : label(r, c), diverging ? Diverging(share) : Sequential(share)));
            }

            table.AddRow(row);
        }

        _terminal.ClearStatus();
        _console.Write(table);
    }

    /// <summary>A pattern, two columns a cell; false if it is wider than the terminal.</summary>
    public bool Matrix(IReadOnlyList<string> queries, IReadOnlyList<string> keys, ValueArray pattern)
    {
        int name = Math.Min(16, queries.Max(q => q.Length)), width = name + 5 + (2 * keys.Count);
        if (width > _terminal.Width) return false;
        _terminal.ClearStatus();
        string head = new(' ', name + 5);
        for (int digit = keys.Count > 10 ? 10 : 1; digit >= 1; digit /= 10)
            _terminal.Line(head + string.Concat(Enumerable.Range(0, keys.Count)
                .Select(k => digit == 1 ? $" {k % 10}" : k % 10 == 0 ? $" {k / 10 % 10}" : "  ")));
        for (int q = 0; q < queries.Count; q++)
        {
            string shown = Printable.Escape(queries[q]);
            _console.Write(new Text($"{(shown.Length > name ? shown[..name] : shown).PadRight(name)} {q,3} "));
            for (int k = 0; k < keys.Count; k++) _console.Write(
                new Text(_terminal.HasColours ? "  " : new string(Shade(pattern[q, k])[0], 2), Sequential(pattern[q, k])));
            _terminal.Output.WriteLine();
        }

        return true;
    }

    private static Table New() => new Table().Border(TableBorder.Simple).BorderColor(Color.Grey);

    private static string Shade(double share)
        => Shades[double.IsFinite(share) ? (int)Math.Round(Math.Min(1, Math.Abs(share)) * (Shades.Length - 1)) : 0].ToString();

    /// <summary>From nothing to blue.</summary>
    private static Style Sequential(double share)
    {
        if (!(share > 0.02)) return Style.Plain;
        double s = Math.Min(1, share);
        return new Style(s > 0.55 ? Color.White : Color.Default,
            new Color((byte)(225 - (200 * s)), (byte)(235 - (150 * s)), (byte)(245 - (70 * s))));
    }

    /// <summary>Blue below zero, orange above.</summary>
    private static Style Diverging(double share, bool foreground = false)
    {
        if (!double.IsFinite(share) || Math.Abs(share) < 0.02) return Style.Plain;
        double s = Math.Min(1, Math.Abs(share));
        Color colour = share < 0 ? new Color((byte)(200 - (160 * s)), (byte)(215 - (110 * s)), (byte)(240 - (50 * s)))
            : new Color((byte)(245 - (20 * s)), (byte)(215 - (100 * s)), (byte)(190 - (170 * s)));
        return foreground ? new Style(share < 0 ? Color.DodgerBlue1 : Color.Orange1) : new Style(Color.Black, colour);
    }
}
