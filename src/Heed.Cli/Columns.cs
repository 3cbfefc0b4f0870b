namespace Heed.Cli;

/// <summary>Two texts side by side, or one under the other where the terminal is narrow.</summary>
internal static class Columns
{
    private const int Narrowest = 30, Widest = 56;

    public static void Print(Terminal terminal, string leftTitle, string left, string rightTitle, string right)
    {
        int width = Math.Min(Widest, (terminal.Width - 5) / 2);
        if (width < Narrowest)
        {
            foreach ((string title, string text) in ((string, string)[])[(leftTitle, left), (rightTitle, right)])
            {
                terminal.Line("  " + terminal.Dim(title));
                foreach (string line in Wrap(text, Math.Max(Narrowest, terminal.Width - 3))) terminal.Line("  " + line);
            }

            return;
        }

        List<string> a = Wrap(left, width), b = Wrap(right, width);
        terminal.Line("  " + terminal.Dim(leftTitle.PadRight(width + 2)) + terminal.Dim(rightTitle));
        for (int i = 0; i < Math.Max(a.Count, b.Count); i++)
            terminal.Line(("  " + (i < a.Count ? a[i] : "").PadRight(width + 2) + (i < b.Count ? b[i] : "")).TrimEnd());
    }

    /// <summary>A title and a text beside it that takes as many lines as it needs.</summary>
    public static void List(Terminal terminal, string title, string text)
    {
        bool first = true;
        foreach (string line in Wrap(text, Math.Max(Narrowest, terminal.Width - title.Length - 1)))
        {
            terminal.Line((first ? title : new string(' ', title.Length)) + line);
            first = false;
        }
    }

    private static List<string> Wrap(string text, int width)
    {
        List<string> lines = [];
        string line = "";
        foreach (string word in Printable.Escape(text).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string rest = word;
            while (rest.Length > width)
            {
                if (line.Length > 0) lines.Add(line);
                line = "";
                lines.Add(rest[..width]);
                rest = rest[width..];
            }

            if (line.Length > 0 && line.Length + rest.Length + 1 > width)
            {
                lines.Add(line);
                line = "";
            }

            line = line.Length == 0 ? rest : $"{line} {rest}";
        }

        if (line.Length > 0) lines.Add(line);
        return lines;
    }
}
