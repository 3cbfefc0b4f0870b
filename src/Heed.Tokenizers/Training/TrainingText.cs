using System.Text;

namespace Heed.Tokenizers.Training;

/// <summary>Reads training text from files, line by line and never whole.</summary>
internal static class TrainingText
{
    /// <summary>Longest line given out in one piece, in bytes; longer ones are cut.</summary>
    private const int LongestLine = 1 << 20;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The lines of UTF-8 files, one file after another. Lines above 1 MiB are cut where a character ends.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="keepLineEnds">Whether lines keep their line feed, so that a byte-level vocabulary learns it.</param>
    /// <exception cref="StorageException">A file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file is not UTF-8; the error names line and byte.</exception>
    public static IEnumerable<string> Lines(IEnumerable<string> paths, bool keepLineEnds = true)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return paths.SelectMany(path => FileLines(path, keepLineEnds));
    }

    /// <summary>The lines of an open stream of UTF-8, such as the standard input; read once, as they are taken. The stream stays open.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="keepLineEnds">Whether lines keep their line feed, so that a byte-level vocabulary learns it.</param>
    /// <exception cref="StorageException">The stream cannot be read.</exception>
    /// <exception cref="InvalidFileException">It is not UTF-8; the error names line and byte.</exception>
    public static IEnumerable<string> Lines(Stream stream, string name, bool keepLineEnds = true)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        return StreamLines(stream, name, keepLineEnds);
    }

    private static IEnumerable<string> FileLines(string path, bool keepLineEnds)
    {
        using FileStream stream = InputFile.Open(path);
        foreach (string line in StreamLines(stream, path, keepLineEnds)) yield return line;
    }

    private static IEnumerable<string> StreamLines(Stream stream, string path, bool keepLineEnds)
    {
        byte[] buffer = new byte[2 * LongestLine];
        int length = 0;
        long line = 1, offset = 0;
        bool ended = false;
        while (!ended || length > 0)
        {
            if (!ended) ended = !Fill(stream, path, buffer, ref length);
            int used = 0;
            while (NextLine(buffer.AsSpan(used, length - used), ended, out int taken, out bool complete))
            {
                int text = complete && !keepLineEnds ? taken - 1 : taken;
                yield return Decode(buffer.AsSpan(used, text), path, line, offset + used);
                used += taken;
                if (complete) line++;
            }

            buffer.AsSpan(used, length - used).CopyTo(buffer);
            length -= used;
            offset += used;
        }
    }

    /// <summary>Fills the buffer; false at the end of the file.</summary>
    private static bool Fill(Stream stream, string path, byte[] buffer, ref int length)
    {
        try
        {
            while (length < buffer.Length)
            {
                int read = stream.Read(buffer, length, buffer.Length - length);
                if (read == 0) return false;
                length += read;
            }

            return true;
        }
        catch (IOException e)
        {
            throw new StorageException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The next line in the buffer, or a first part of a line that is too long.</summary>
    private static bool NextLine(ReadOnlySpan<byte> bytes, bool ended, out int taken, out bool complete)
    {
        (taken, complete) = (0, false);
        if (bytes.IsEmpty) return false;
        int end = bytes.IndexOf((byte)'\n');
        complete = end >= 0 && end < LongestLine;
        if (complete) taken = end + 1;
        else if (bytes.Length >= LongestLine) taken = LongestLine;
        else if (ended) taken = bytes.Length;
        else return false;
        // A cut never falls inside a character: continuation bytes are 10xxxxxx.
        if (!complete && taken < bytes.Length)
            for (int back = 0; back < 3 && (bytes[taken] & 0xC0) == 0x80; back++) taken--;
        return true;
    }

    private static string Decode(ReadOnlySpan<byte> bytes, string path, long line, long offset)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidFileException(path, $"line {line}, byte {offset + e.Index}", "is not valid UTF-8; convert the file to UTF-8 or leave it out", e);
        }
    }
}
