using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Heed.Retrieval;

/// <summary>
/// Reads files of word vectors. Only the byte 0x20 separates fields and only 0x0A ends a line, so words may hold any other blank; the last
/// fields of a line are the vector, so words may hold the blank itself (glove.840B has some).
/// </summary>
internal static class WordVectorReader
{
    /// <summary>Lines from which the width of a file without a line of counts is found.</summary>
    private const int Sample = 1000;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static WordTable Read(string path, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        using FileStream stream = InputFile.Open(path);
        using ByteLines lines = new(path, stream);
        if (!lines.TryLine(out ReadOnlySpan<byte> first)) throw new InvalidFileException(path, "",
            "is empty; a word and its numbers a line were expected");
        if (first.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]))
            throw new InvalidFileException(path, "", "is compressed; unpack it with gunzip");
        if (Fields(first) != 2)
        {
            lines.Restart();
            return Text(path, lines, FindWidth(path, lines), null, progress, cancellationToken);
        }

        (int count, int width) = Counts(path, first);
        return lines.LooksLikeText(IsText)
            ? Text(path, lines, width, count, progress, cancellationToken)
            : Binary(path, lines, width, count, progress, cancellationToken);
    }

    /// <summary>Whether a first row is text: values in binary neither end in a number after a blank nor are free of control
    /// characters.</summary>
    private static bool IsText(ReadOnlySpan<byte> row)
        => Trim(row).IsEmpty || (Fields(row) > 1 && TrailingNumbers(row) > 0 && !Trim(row).ContainsAnyInRange((byte)0, (byte)0x1F)
        && System.Text.Unicode.Utf8.IsValid(row));

    private static (int Count, int Width) Counts(string path, ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> text = Trim(line);
        int blank = text.IndexOf((byte)' ');
        if (int.TryParse(text[..blank], NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            && int.TryParse(text[(blank + 1)..].TrimStart((byte)' '), NumberStyles.None, CultureInfo.InvariantCulture, out int width)
            && width is > 0 and <= 1 << 20) return (count, width);
        throw new InvalidFileException(path, "line 1", $"is \"{Shown(line)}\"; two fields are the number of words and the numbers of a "
            + "vector (1 to 1048576). Correct it, or remove it from a file of GloVe's form");
    }

    private static WordTable Text(
        string path, ByteLines lines, int width, int? count, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        // A number takes two bytes at least, so no first line can ask for more room than the file justifies.
        WordTable table = new(path, width, (int)Math.Min(count ?? 1024, (lines.Length / (2 * width)) + 1));
        long read = 0;
        while (lines.TryLine(out ReadOnlySpan<byte> line))
        {
            ReadOnlySpan<byte> text = Trim(line);
            if (text.IsEmpty) continue;
            if (count == read) throw new InvalidFileException(path, lines.Where,
                $"is one more than the {count} words that line 1 announces. "
                + "Correct line 1, or remove what follows");
            Span<float> vector = table.Next();
            for (int d = width - 1; d >= 0; d--)
            {
                int blank = text.LastIndexOf((byte)' ');
                ReadOnlySpan<byte> field = text[(blank + 1)..];
                if (blank < 0) throw new InvalidFileException(path, lines.Where,
                    $"has {width - 1 - d} numbers after the word; {width} were expected");
                if (!float.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out vector[d]) || !float.IsFinite(vector[d]))
                    throw new InvalidFileException(path, lines.Where, $"has \"{Shown(field)}\" as number {d + 1} of {width}; a finite "
                        + "number was expected");
                text = d == 0 ? text[..blank] : text[..blank].TrimEnd((byte)' ');
            }

            table.Add(Word(path, lines.Where, text));
            if ((++read & 0xFFF) == 0) Report(lines, progress, cancellationToken);
        }

        if (count is { } announced && read < announced) throw new InvalidFileException(path, "",
            $"ends after {read} words; line 1 announces "
            + $"{announced}. Get the file again, or correct line 1");
        if (read == 0) throw new InvalidFileException(path, "", "holds no word; a word and its numbers a line were expected");
        progress?.Report(1);
        return table;
    }

    private static WordTable Binary(
        string path, ByteLines lines, int width, int count, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        if (count * ((4L * width) + 2) > lines.Length) throw new InvalidFileException(path, "line 1", $"announces {count} words of {width} "
            + $"numbers, which take more than the file's {Printable.Bytes(lines.Length)}. Get the file again");
        WordTable table = new(path, width, count);
        for (int n = 1; n <= count; n++)
        {
            string where = $"word {n}";
            if (!lines.TryUntil((byte)' ', out ReadOnlySpan<byte> bytes)) throw Short(where);
            string word = Word(path, where, bytes.TrimStart((byte)'\n'));
            if (!lines.TryTake(4 * width, out ReadOnlySpan<byte> numbers)) throw Short(where);
            Span<float> vector = table.Next();
            for (int d = 0; d < width; d++)
            {
                vector[d] = BinaryPrimitives.ReadSingleLittleEndian(numbers[(4 * d)..]);
                if (!float.IsFinite(vector[d])) throw new InvalidFileException(path, where, $"has {vector[d]} as number {d + 1} of "
                    + $"{width}; a finite number was expected");
            }

            table.Add(word);
            if ((n & 0xFFF) == 0) Report(lines, progress, cancellationToken);
        }

        if (lines.TryLine(out ReadOnlySpan<byte> rest) && (!Trim(rest).IsEmpty || lines.TryLine(out _)))
            throw new InvalidFileException(path, "", $"goes on after the {count} words that line 1 announces. Correct line 1");
        progress?.Report(1);
        return table;

        InvalidFileException Short(string where) => new(path, where, $"is cut off; line 1 announces {count} words of {width} numbers. Get "
            + "the file again");
    }

    /// <summary>The width of a file without a line of counts: what the first lines can all have as numbers after a word.</summary>
    private static int FindWidth(string path, ByteLines lines)
    {
        int width = int.MaxValue;
        for (int n = 0; n < Sample && lines.TryLine(out ReadOnlySpan<byte> line); n++)
        {
            if (Trim(line).IsEmpty) continue;
            int numbers = Math.Min(TrailingNumbers(line), Fields(line) - 1);
            if (numbers < 1) throw new InvalidFileException(path, lines.Where,
                $"is \"{Shown(line)}\"; a word and its numbers were expected, "
                + "separated by blanks");
            width = Math.Min(width, numbers);
        }

        if (width == int.MaxValue) throw new InvalidFileException(path, "", "holds no word; a word and its numbers a line were expected");
        lines.Restart();
        return width;
    }

    /// <summary>A line without what ends it: blanks and a carriage return.</summary>
    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> line)
    {
        if (line.EndsWith("\r"u8)) line = line[..^1];
        return line.TrimEnd((byte)' ');
    }

    private static int Fields(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> text = Trim(line);
        int fields = 0;
        foreach (Range range in text.Split((byte)' '))
            if (range.End.GetOffset(text.Length) > range.Start.GetOffset(text.Length)) fields++;
        return fields;
    }

    private static int TrailingNumbers(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> text = Trim(line);
        int numbers = 0;
        while (!text.IsEmpty)
        {
            int blank = text.LastIndexOf((byte)' ');
            if (!float.TryParse(text[(blank + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out _)) return numbers;
            numbers++;
            if (blank < 0) return numbers;
            text = text[..blank].TrimEnd((byte)' ');
        }

        return numbers;
    }

    private static string Word(string path, string where, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) throw new InvalidFileException(path, where, "has no word before its numbers");
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidFileException(path, where, "has a word that is not UTF-8. Convert the file, or remove the word", e);
        }
    }

    private static string Shown(ReadOnlySpan<byte> bytes) => Printable.Shorten(Encoding.UTF8.GetString(bytes[..Math.Min(200,
        bytes.Length)]));

    private static void Report(ByteLines lines, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        progress?.Report((double)lines.Position / Math.Max(1, lines.Length));
    }
}
