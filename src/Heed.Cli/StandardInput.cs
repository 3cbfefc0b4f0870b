using Heed.Tokenizers.Training;

namespace Heed.Cli;

/// <summary>The standard input read as bytes of UTF-8, strictly: errors count its lines and bytes truly.</summary>
internal static class StandardInput
{
    /// <summary>What errors call it.</summary>
    public const string Name = "standard input";

    private const int LongestLine = 1 << 30;

    /// <summary>Whether an argument names the standard input.</summary>
    public static bool IsMeant(string? argument) => argument == "-";

    /// <summary>Pieces of the text, each ending with its line feed, the last one perhaps without.</summary>
    /// <exception cref="InvalidFileException">It is not UTF-8.</exception>
    public static IEnumerable<string> Pieces(Terminal terminal)
    {
        bool first = true;
        foreach (string line in TrainingText.Lines(terminal.Input, Name))
        {
            yield return first ? line.TrimStart('\uFEFF') : line;
            first = false;
        }
    }

    /// <summary>The whole text, less one line end at its end, which a shell puts there; further line ends are text.</summary>
    /// <exception cref="InvalidFileException">It is not UTF-8.</exception>
    public static string Text(Terminal terminal)
    {
        string text = string.Concat(Pieces(terminal));
        return text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
    }

    /// <summary>The lines that are not blank, each with its number from 1: what stands between line feeds. A line's bytes are good until
    /// the next one is taken.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public static IEnumerable<(long Number, ReadOnlyMemory<byte> Line)> Lines(Terminal terminal)
    {
        Stream stream = terminal.Input;
        byte[] buffer = new byte[1 << 16];
        int start = 0, end = 0, searched = 0;
        long number = 1;
        for (bool ended = false; !ended || start < end; number++)
        {
            int found = -1;
            while ((found = Array.IndexOf(buffer, (byte)'\n', searched, end - searched)) < 0 && !ended)
            {
                searched = end;
                ended = !Fill(stream, ref buffer, ref start, ref end, ref searched, number);
            }

            if (found < 0) found = end;
            ReadOnlyMemory<byte> line = buffer.AsMemory(start, found - start);
            if (number == 1 && line.Span.StartsWith("\uFEFF"u8)) line = line[3..];
            if (line.Span.ContainsAnyExcept(" \t\r"u8)) yield return (number, line);
            start = searched = Math.Min(found + 1, end);
        }
    }

    /// <summary>Reads more after what is there; false at the end.</summary>
    private static bool Fill(Stream stream, ref byte[] buffer, ref int start, ref int end, ref int searched, long number)
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (end, searched, start) = (end - start, searched - start, 0);
        }

        if (end >= LongestLine) throw new InvalidFileException(Name, $"line {number}", $"is longer than {Printable.Bytes(LongestLine)}; cut it into several");
        if (end == buffer.Length) Array.Resize(ref buffer, Math.Min(LongestLine, buffer.Length * 2));
        try
        {
            int read = stream.Read(buffer, end, buffer.Length - end);
            end += read;
            return read > 0;
        }
        catch (IOException e)
        {
            throw new StorageException($"{Name}: cannot be read: {e.Message}", e);
        }
    }
}
