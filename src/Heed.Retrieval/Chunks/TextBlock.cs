namespace Heed.Retrieval;

/// <summary>A paragraph, a block of code or a heading of a text.</summary>
/// <param name="Start">Its first character.</param>
/// <param name="End">After its last character.</param>
/// <param name="Level">1 to 6 for a heading, else 0.</param>
/// <param name="IsCode">Whether its lines are code.</param>
internal readonly record struct TextBlock(int Start, int End, int Level = 0, bool IsCode = false)
{
    private const int DeepestHeading = 6, FenceLength = 3;

    /// <summary>The blocks of a text, in its order.</summary>
    public static IEnumerable<TextBlock> Of(string text, DocumentForm form)
    {
        int start = -1, end = 0;
        bool markdown = form == DocumentForm.Markdown;
        string? fence = null;
        foreach ((int from, int to) in Lines(text, 0, text.Length))
        {
            string line = text[from..to].Trim();
            if (fence is not null)
            {
                end = to;
                if (!line.StartsWith(fence, StringComparison.Ordinal) || line.TrimStart(fence[0]).Length > 0) continue;
                yield return new TextBlock(start, end, IsCode: true);
                (start, fence) = (-1, null);
                continue;
            }

            string? opens = markdown ? Fence(line) : null;
            int level = markdown ? LevelOf(line) : 0;
            if (start >= 0 && (line.Length == 0 || opens is not null || level > 0))
            {
                yield return new TextBlock(start, end);
                start = -1;
            }

            if (level > 0)
            {
                yield return new TextBlock(from, to, level);
            }
            else if (line.Length > 0)
            {
                if (start < 0) start = from;
                end = to;
                fence = opens;
            }
        }

        if (start >= 0) yield return new TextBlock(start, end, IsCode: fence is not null);
    }

    /// <summary>The lines of a part of a text, without their ends.</summary>
    public static IEnumerable<(int Start, int End)> Lines(string text, int start, int end)
    {
        for (int at = start; at < end;)
        {
            int line = text.IndexOf('\n', at, end - at), to = line < 0 ? end : line;
            yield return (at, to > at && text[to - 1] == '\r' ? to - 1 : to);
            at = to + 1;
        }
    }

    /// <summary>The sentences of a part of a text: they end at . ! ? … and their like where white space and no small letter
    /// follows.</summary>
    public static IEnumerable<(int Start, int End)> Sentences(string text, int start, int end)
    {
        int from = start;
        for (int i = start; i < end; i++)
        {
            if (text[i] is not ('.' or '!' or '?' or '…' or '。' or '！' or '？')) continue;
            int after = i + 1;
            while (after < end && text[after] is '.' or '!' or '?' or '"' or '\'' or ')' or ']' or '”' or '’' or '»') after++;
            int next = after;
            while (next < end && char.IsWhiteSpace(text[next])) next++;
            bool wide = text[i] > 0x3000;
            if (next >= end || (next == after && !wide) || char.IsLower(text[next])) continue;
            yield return (from, after);
            from = next;
            i = next - 1;
        }

        if (from < end) yield return (from, end);
    }

    /// <summary>The words of a part of a text, parted by white space.</summary>
    public static IEnumerable<(int Start, int End)> Words(string text, int start, int end)
    {
        int from = -1;
        for (int i = start; i <= end; i++)
        {
            bool white = i == end || char.IsWhiteSpace(text[i]);
            if (white && from >= 0)
            {
                yield return (from, i);
                from = -1;
            }
            else if (!white && from < 0)
            {
                from = i;
            }
        }
    }

    /// <summary>The fence that a line opens: three or more ` or ~.</summary>
    private static string? Fence(ReadOnlySpan<char> line)
    {
        if (line.Length < FenceLength || line[0] is not ('`' or '~')) return null;
        int length = line.Length - line.TrimStart(line[0]).Length;
        return length >= FenceLength ? new string(line[0], length) : null;
    }

    private static int LevelOf(ReadOnlySpan<char> line)
    {
        int level = line.Length - line.TrimStart('#').Length;
        return level is >= 1 and <= DeepestHeading && level < line.Length && line[level] is ' ' or '\t' ? level : 0;
    }
}
