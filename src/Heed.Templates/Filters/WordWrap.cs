using System.Text.RegularExpressions;

namespace Heed.Templates;

/// <summary>The filter <c>wordwrap</c>: Python's <c>textwrap.wrap</c> of each line.</summary>
internal static partial class WordWrap
{
    /// <summary>Python's word separators: blanks, em-dashes between words, and words up to a hyphen within them.</summary>
    [GeneratedRegex("""[\t\n\v\f\r ]+|(?<=[\w!"'&.,?])-{2,}(?=\w)|[^\t\n\v\f\r ]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[\w!"'&.,?]-))(?=[^\d\W]-?[^\d\W])|(?=[\t\n\v\f\r ]|\z)|(?<=[\w!"'&.,?])(?=-{2,}\w))""", RegexOptions.CultureInvariant)]
    private static partial Regex WithHyphens();

    [GeneratedRegex("""[\t\n\v\f\r ]+|[^\t\n\v\f\r ]+""", RegexOptions.CultureInvariant)]
    private static partial Regex BlanksOnly();

    /// <summary>Steps of a character: each may be a chunk of its own.</summary>
    private const int ChunkSteps = 8;

    public static object? Filter(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("wordwrap", 1, "s", "width", "break_long_words", "wrapstring", "break_on_hyphens");
        string text = Python.TextOf(v[0]) ?? (v[0] is Undefined u ? throw u.Fail() : throw new TemplateFault($"'{Python.TypeName(v[0])}' object has no attribute 'splitlines'"));
        int width = v[1] is Missing ? 79 : Python.SmallIndex(v[1]);
        bool breakLong = v[2] is Missing || Python.IsTrue(v[2]);
        string between = v[3] is Missing or null ? "\n" : Python.TextOf(v[3]) ?? throw new TemplateFault("wordwrap wants a string as wrapstring");
        bool hyphens = v[4] is Missing || Python.IsTrue(v[4]);
        r.Budget.Items((long)text.Length * ChunkSteps);
        r.Budget.NewText(((long)text.Length + 1) * (between.Length + 1));
        List<string> lines = [];
        foreach (string line in PythonText.Lines(text, keepEnds: false)) lines.Add(string.Join(between, Wrap(r, line, width, breakLong, hyphens)));
        string result = string.Join(between, lines);
        return v[0] is MarkupText ? new MarkupText(result) : result;
    }

    private static List<string> Wrap(Renderer r, string line, int width, bool breakLong, bool hyphens)
    {
        if (width <= 0) throw new TemplateFault($"invalid width {width} (must be > 0)");
        Stack<string> chunks = new();
        List<string> found = [.. (hyphens ? WithHyphens() : BlanksOnly()).Matches(line).Select(m => m.Value)];
        for (int i = found.Count - 1; i >= 0; i--) chunks.Push(found[i]);
        List<string> lines = [];
        List<string> current = [];
        while (chunks.Count > 0)
        {
            current.Clear();
            int length = 0;
            if (lines.Count > 0 && IsBlank(chunks.Peek())) chunks.Pop();
            while (chunks.Count > 0 && length + PythonText.Length(chunks.Peek()) <= width)
            {
                length += PythonText.Length(chunks.Peek());
                current.Add(chunks.Pop());
            }

            if (chunks.Count > 0 && PythonText.Length(chunks.Peek()) > width)
            {
                if (breakLong)
                {
                    string chunk = chunks.Pop();
                    r.Budget.Characters(chunk.Length);
                    int end = width - length;
                    string start = PythonText.Range(chunk, 0, end);
                    int hyphen = hyphens ? start.LastIndexOf('-') : -1;
                    if (hyphen > 0 && start[..hyphen].Any(c => c != '-')) start = start[..(hyphen + 1)];
                    current.Add(start);
                    chunks.Push(chunk[start.Length..]);
                }
                else if (current.Count == 0)
                {
                    current.Add(chunks.Pop());
                }
            }

            if (current.Count > 0 && IsBlank(current[^1])) current.RemoveAt(current.Count - 1);
            if (current.Count > 0) lines.Add(string.Concat(current));
        }

        return lines;
    }

    private static bool IsBlank(string chunk) => PythonText.Strip(chunk, null).Length == 0;
}
