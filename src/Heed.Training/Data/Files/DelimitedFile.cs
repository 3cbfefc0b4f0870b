using System.Text;

namespace Heed.Training.Data;

/// <summary>CSV and TSV: RFC 4180 with any delimiter. A quoted field may hold delimiters, doubled quotes and line breaks.</summary>
/// <remarks>In TSV a quote opens a field only if it closes on the same line before a tab or the end: many TSV files have bare
/// quotes.</remarks>
internal static class DelimitedFile
{
    private const string Candidates = "\t;,|";
    private const int Sample = 50;

    /// <summary>A record and the line on which it begins.</summary>
    public readonly record struct Record(long Line, List<string> Fields);

    /// <summary>
    /// The delimiter: of those that give every record of the file's start as many fields, two or more, the one that gives
    /// most.
    /// </summary>
    public static char FindDelimiter(string file, DataOptions options)
    {
        if (options.Delimiter is { } given) return given;
        if (Path.GetExtension(file).ToLowerInvariant() is ".tsv" or ".tab") return '\t';
        List<TextLine> lines = [.. TextLines.Read(file, options, new DataFaults()).Take(Sample)];
        char best = ',';
        (bool Even, int Fields) most = (false, 1);
        foreach (char candidate in Candidates)
        {
            int[] widths = [.. Records(file, lines, candidate, new DataFaults(), isWhole: false).Select(r => r.Fields.Count)];
            if (widths.Length == 0 || widths[0] < 2) continue;
            (bool, int) now = (widths.All(w => w == widths[0]), widths[0]);
            if (now.CompareTo(most) <= 0) continue;
            (best, most) = (candidate, now);
        }

        return best;
    }

    /// <summary>The records, the header among them.</summary>
    public static IEnumerable<Record> Records(string file, char delimiter, DataOptions options, DataFaults faults)
        => Records(file, TextLines.Read(file, options, faults), delimiter, faults, isWhole: true);

    private static IEnumerable<Record> Records(string file, IEnumerable<TextLine> lines, char delimiter, DataFaults faults, bool isWhole)
    {
        List<string> fields = [];
        StringBuilder field = new();
        bool inQuotes = false, wasQuoted = false;
        long begin = 0, quote = 0;
        string? wrong = null;
        foreach (TextLine line in lines)
        {
            string text = line.Text;
            if (!inQuotes)
            {
                if (text.AsSpan().TrimEnd('\r').IsEmpty) continue;
                begin = line.Number;
            }

            for (int i = 0; i < text.Length; i++)
            {
                char c = text[i];
                if (inQuotes)
                {
                    if (c != '"') field.Append(c);
                    else if (i + 1 < text.Length && text[i + 1] == '"') field.Append(text[++i]);
                    else inQuotes = false;
                }
                else if (c == delimiter)
                {
                    Close();
                }
                else if (c == '"' && field.Length == 0 && !wasQuoted && (delimiter != '\t' || ClosesOnLine(text, i, delimiter)))
                {
                    (inQuotes, wasQuoted, quote) = (true, true, line.Number);
                }
                else if (wasQuoted)
                {
                    if (!char.IsWhiteSpace(c)) wrong
                        ??= FormattableString.Invariant($"field {fields.Count + 1} has text after its closing quote; double a quote that belongs to the text");
                }
                else if (c != '\r' || i + 1 < text.Length)
                {
                    field.Append(c);
                }
            }

            if (inQuotes)
            {
                field.Append('\n');
                continue;
            }

            Close();
            if (wrong is null) yield return new Record(begin, fields);
            else faults.Add(new DataPlace(file, begin), wrong);
            fields = [];
            wrong = null;
        }

        if (inQuotes && isWhole)
            faults.Add(new DataPlace(file, quote),
                FormattableString.Invariant($"a quote opens here and is not closed by the end of the file; the record that begins on line {begin} is lost"));

        void Close()
        {
            fields.Add(field.ToString());
            field.Clear();
            wasQuoted = false;
        }
    }

    private static bool ClosesOnLine(string text, int open, char delimiter)
    {
        for (int i = open + 1; i < text.Length; i++)
        {
            if (text[i] != '"') continue;
            if (i + 1 < text.Length && text[i + 1] == '"') i++;
            else return i + 1 == text.Length || text[i + 1] == delimiter || text[i + 1] == '\r';
        }

        return false;
    }
}
