using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Heed.Training.Data;

/// <summary>Reads plain text as documents: files, folders, JSONL. Files are read in parts, so a file of any size takes little memory by
/// itself.</summary>
public static class TextFiles
{
    /// <summary>Endings that are read in a folder.</summary>
    public static IReadOnlyList<string> Endings { get; } = [".txt", ".md", ".rst", ".text", ".jsonl"];

    /// <summary>A larger file is cut at line ends into documents of at most this many bytes.</summary>
    internal const int PartBytes = 16 << 20;

    private static readonly byte[] ByteOrderMark = [0xEF, 0xBB, 0xBF];

    /// <summary>The documents under a path: the file, or all files of a folder with one of <see cref="Endings"/>, in ordinal order of their
    /// paths.</summary>
    /// <param name="path">A file of any ending, or a folder.</param>
    /// <param name="warnings">Reports what is left out in a folder; may be null.</param>
    /// <exception cref="StorageException">The path does not exist or cannot be read.</exception>
    /// <exception cref="InputException">A file is binary or not UTF-8 (the message names the byte), or a folder holds no text.</exception>
    public static IEnumerable<TextDocument> Read(string path, IProgress<string>? warnings = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        foreach (string file in Find(path, warnings))
        {
            bool lines = file.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase);
            int number = 0;
            foreach (string part in Parts(file, PartBytes, lines))
            {
                if (lines)
                {
                    foreach (TextDocument document in Lines(file, part, number)) yield return document;
                    number += part.AsSpan().Count('\n');
                }
                else if (!string.IsNullOrWhiteSpace(part))
                {
                    yield return new TextDocument(file, part);
                }
            }
        }
    }

    /// <summary>The files that <see cref="Read"/> reads.</summary>
    /// <param name="path">A file of any ending, or a folder.</param>
    /// <param name="warnings">Reports what is left out in a folder; may be null.</param>
    /// <exception cref="StorageException">The path does not exist.</exception>
    /// <exception cref="InputException">A folder holds no text.</exception>
    public static IReadOnlyList<string> Find(string path, IProgress<string>? warnings = null)
    {
        if (File.Exists(path)) return [path];
        if (!Directory.Exists(path)) throw new StorageException($"{path}: does not exist. Name a text file or a folder of text files.");
        IReadOnlyList<string> files = TextFolder.Files(path, Endings, warnings);
        return files.Count > 0 ? files : throw new InputException($"{path}: holds no text file; files ending in {string.Join(", ", Endings)} are read.");
    }

    /// <summary>The text of a file in parts that end after a line, or else after a space; joined they are the file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="partBytes">Most bytes of a part.</param>
    /// <param name="wholeLines">True: a longer line makes a longer part.</param>
    internal static IEnumerable<string> Parts(string file, int partBytes, bool wholeLines)
    {
        using FileStream stream = InputFile.Open(file);
        byte[] buffer = new byte[(int)Math.Min(partBytes, stream.Length + 1)];
        int held = 0, line = 1;
        long offset = 0;
        while (true)
        {
            int filled = held + Fill(file, stream, buffer.AsSpan(held));
            bool end = filled < buffer.Length;
            int cut = end ? filled : Cut(buffer.AsSpan(0, filled), wholeLines);
            if (cut == 0 && !end)
            {
                if (buffer.Length > Array.MaxLength / 2) throw new InputException($"{file}: line {line} is longer than {Printable.Bytes(buffer.Length)}. Split it.");
                Array.Resize(ref buffer, buffer.Length * 2);
                held = filled;
                continue;
            }

            int mark = offset == 0 && buffer.AsSpan(0, cut).StartsWith(ByteOrderMark) ? ByteOrderMark.Length : 0;
            string text = Decode(file, buffer.AsSpan(mark, cut - mark), offset + mark, line);
            if (text.Length > 0) yield return text;
            if (end) yield break;
            line += buffer.AsSpan(0, cut).Count((byte)'\n');
            offset += cut;
            held = filled - cut;
            buffer.AsSpan(cut, held).CopyTo(buffer);
        }
    }

    private static int Fill(string file, FileStream stream, Span<byte> buffer)
    {
        try
        {
            return stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (IOException e)
        {
            throw new StorageException($"{file}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Where a part ends: after the last line end, after the last space, or between two characters; 0 if it must be
    /// longer.</summary>
    private static int Cut(ReadOnlySpan<byte> bytes, bool wholeLines)
    {
        int cut = bytes.LastIndexOf((byte)'\n') + 1;
        if (cut > 0 || wholeLines) return cut;
        cut = bytes.LastIndexOf((byte)' ') + 1;
        if (cut > 0) return cut;
        // The first byte of a character is not 10xxxxxx; a character has at most four.
        for (int back = 1; back <= Math.Min(4, bytes.Length - 1); back++)
            if ((bytes[^back] & 0xC0) != 0x80) return bytes.Length - back;
        return bytes.Length;
    }

    private static string Decode(string file, ReadOnlySpan<byte> bytes, long offset, int line)
    {
        if (offset == 0 && Utf16(bytes) is { } order)
        {
            throw new InputException($"{file}: is UTF-16 ({order}-endian); text in UTF-8 was expected. "
                + $"Convert it with: iconv -f UTF-16{(order == "little" ? "LE" : "BE")} -t UTF-8.");
        }

        int zero = bytes.IndexOf((byte)0);
        if (zero >= 0) throw new InputException($"{file}: byte {offset + zero} is 0: this is a binary file; text in UTF-8 was expected. Leave it out.");
        if (Utf8.IsValid(bytes)) return Encoding.UTF8.GetString(bytes);
        int at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out Rune rune, out int used) == OperationStatus.Done)
        {
            if (rune.Value == '\n') line++;
            at += used;
        }

        throw new InputException($"{file}: line {line}, byte {offset + at}: is not UTF-8. Save the file as UTF-8 (iconv -t utf-8) or leave it out.");
    }

    /// <summary>The byte order of UTF-16: by its mark, or because every second byte of the beginning is 0; null for anything
    /// else.</summary>
    private static string? Utf16(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= 2 && bytes[0] == 0xFF && bytes[1] == 0xFE) return "little";
        if (bytes.Length >= 2 && bytes[0] == 0xFE && bytes[1] == 0xFF) return "big";
        const int Sample = 512;
        ReadOnlySpan<byte> head = bytes[..(Math.Min(Sample, bytes.Length) & ~1)];
        if (head.Length < 8) return null;
        int even = 0, odd = 0;
        for (int i = 0; i < head.Length; i += 2)
        {
            if (head[i] == 0) even++;
            if (head[i + 1] == 0) odd++;
        }

        // Latin text has a zero in nearly every unit, on one side only.
        int most = head.Length / 2 * 9 / 10;
        return odd >= most && even == 0 ? "little" : even >= most && odd == 0 ? "big" : null;
    }

    private static IEnumerable<TextDocument> Lines(string file, string text, int before)
    {
        int number = before;
        foreach (string line in text.Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            string where = FormattableString.Invariant($"{file}:{number}");
            using JsonDocument json = StrictJson.Parse(Encoding.UTF8.GetBytes(line), where);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("text", out JsonElement value))
                throw new InvalidFileException(where, "$.text", "is missing; each line is an object with the field \"text\"");
            string content = StrictJson.Text(value, where, "$.text");
            if (!string.IsNullOrWhiteSpace(content)) yield return new TextDocument(where, content);
        }
    }
}
