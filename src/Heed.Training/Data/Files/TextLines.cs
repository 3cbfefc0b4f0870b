using System.Text;
using System.Text.Unicode;

namespace Heed.Training.Data;

/// <summary>A line of a file, without its line feed.</summary>
internal readonly record struct TextLine(long Number, string Text);

/// <summary>Reads UTF-8 lines one by one; a byte-order mark is left out.</summary>
internal static class TextLines
{
    /// <summary>The lines. One that is not UTF-8 is a fault and is left out.</summary>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is UTF-16 or binary, or a line is too long.</exception>
    public static IEnumerable<TextLine> Read(string file, DataOptions options, DataFaults faults)
    {
        using FileStream stream = InputFile.Open(file);
        byte[] buffer = new byte[1 << 16];
        int start = 0, end = 0;
        long number = 0, offset = 0;
        bool first = true;
        while (true)
        {
            int at = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (at < 0)
            {
                if (start > 0)
                {
                    buffer.AsSpan(start, end - start).CopyTo(buffer);
                    end -= start;
                    start = 0;
                }

                if (end == buffer.Length)
                {
                    if (buffer.Length >= options.LongestLine)
                        throw new InvalidFileException(file, FormattableString.Invariant($"line {number + 1}, byte {offset}"),
                            $"is longer than {Printable.Bytes(options.LongestLine)}, the longest line accepted. Cut the text, or raise {nameof(DataOptions.LongestLine)}");
                    Array.Resize(ref buffer, (int)Math.Min(2L * buffer.Length, options.LongestLine));
                }

                int read = Read(stream, buffer, end, file);
                if (read > 0)
                {
                    end += read;
                    continue;
                }

                if (end == start) yield break;
                at = end - start;
            }

            number++;
            ReadOnlyMemory<byte> line = buffer.AsMemory(start, at);
            if (first) line = line[SkipMark(line.Span, file)..];
            first = false;
            if (Decode(line.Span, file, number, offset, faults) is { } text) yield return new TextLine(number, text);
            start = Math.Min(start + at + 1, end);
            offset += at + 1;
        }
    }

    /// <summary>A whole file as text.</summary>
    /// <exception cref="InvalidFileException">The file is UTF-16, binary or no UTF-8.</exception>
    public static string ReadAll(string file, DataOptions options) => Encoding.UTF8.GetString(ReadBytes(file, options));

    /// <summary>A whole file's bytes, without a byte-order mark, known to be UTF-8.</summary>
    /// <exception cref="InvalidFileException">The file is UTF-16, binary or no UTF-8.</exception>
    public static byte[] ReadBytes(string file, DataOptions options)
    {
        byte[] bytes = InputFile.ReadAll(file, Math.Max(options.LongestLine, 1 << 30));
        int mark = SkipMark(bytes, file);
        DataFaults faults = new();
        if (!Utf8.IsValid(bytes.AsSpan(mark)) || bytes.AsSpan().Contains((byte)0))
        {
            long line = 1, offset = 0;
            foreach (Range range in ((ReadOnlySpan<byte>)bytes).Split((byte)'\n'))
            {
                Decode(bytes.AsSpan(range), file, line++, offset, faults);
                offset = range.End.GetOffset(bytes.Length) + 1;
                if (faults.All.Count > 0) throw new InvalidFileException(file, FormattableString.Invariant($"line {line - 1}"),
                    faults.All[0].Reason);
            }
        }

        return bytes[mark..];
    }

    private static int Read(FileStream stream, byte[] buffer, int end, string file)
    {
        try
        {
            return stream.Read(buffer, end, buffer.Length - end);
        }
        catch (IOException e)
        {
            throw new StorageException($"{file}: cannot be read: {e.Message}", e);
        }
    }

    private static int SkipMark(ReadOnlySpan<byte> start, string file)
    {
        if (start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || start.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
            throw new InvalidFileException(file, "line 1, byte 0", "is UTF-16; save the file as UTF-8 (iconv -f utf-16 -t utf-8)");
        return start.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? 3 : 0;
    }

    private static string? Decode(ReadOnlySpan<byte> line, string file, long number, long offset, DataFaults faults)
    {
        int zero = line.IndexOf((byte)0);
        if (zero >= 0) throw new InvalidFileException(file, FormattableString.Invariant($"line {number}, byte {offset + zero}"),
            "is 0: this is a binary file; text in UTF-8 was expected");
        if (Utf8.IsValid(line)) return Encoding.UTF8.GetString(line);
        int at = 0;
        while (Rune.DecodeFromUtf8(line[at..], out _, out int used) == System.Buffers.OperationStatus.Done) at += used;
        faults.Add(new DataPlace(file, number),
            FormattableString.Invariant($"byte {offset + at} (0x{line[at]:X2}) is not UTF-8; save the file as UTF-8 (iconv -f windows-1252 -t utf-8)"));
        return null;
    }
}
