using System.Text;

namespace Heed.Training.Data;

/// <summary>One text with a beginning and an end: a file, a line of a JSONL file, a member's documentation.</summary>
/// <param name="Source">File and place, for errors.</param>
/// <param name="Text">Its characters.</param>
public readonly record struct TextDocument(string Source, string Text)
{
    /// <summary>A number that depends on the text alone: FNV-1a, 64 bit, over UTF-16 units. Splits and de-duplication use it.</summary>
    public ulong Hash
    {
        get
        {
            ulong hash = 14695981039346656037;
            foreach (char c in Text) hash = (hash ^ c) * 1099511628211;
            // The low bits of FNV are weak; one multiplication folds the high ones in.
            return (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15;
        }
    }

    /// <summary>True where the document belongs to the held-out part: decided by its text, so the same text never stands on both sides.</summary>
    /// <param name="fraction">Part held out, 0 to 1.</param>
    public bool IsHeldOut(double fraction) => Place < fraction;

    /// <summary>Where the text falls between 0 and 1: evenly, and by the text alone.</summary>
    internal double Place => (Hash >> 11) * (1.0 / (1UL << 53));
}

/// <summary>Reads plain text as documents: files, folders, JSONL.</summary>
public static class TextFiles
{
    /// <summary>Endings that are read in a folder.</summary>
    public static IReadOnlyList<string> Endings { get; } = [".txt", ".md", ".rst", ".text", ".jsonl"];

    private const long MaximumFileBytes = 2_000_000_000;

    /// <summary>The documents under a path: the file, or all files of a folder with one of <see cref="Endings"/>, in ordinal order of their paths.</summary>
    /// <param name="path">A file of any ending, or a folder.</param>
    /// <exception cref="StorageException">The path does not exist or cannot be read.</exception>
    /// <exception cref="InputException">A file is binary or not UTF-8 (the message names the byte), or a folder holds no text.</exception>
    public static IEnumerable<TextDocument> Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        foreach (string file in Find(path))
        {
            string text = Decode(file, InputFile.ReadAll(file, MaximumFileBytes));
            if (file.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase))
            {
                foreach (TextDocument document in Lines(file, text)) yield return document;
            }
            else if (!string.IsNullOrWhiteSpace(text))
            {
                yield return new TextDocument(file, text);
            }
        }
    }

    /// <summary>The files that <see cref="Read"/> reads.</summary>
    public static IReadOnlyList<string> Find(string path)
    {
        if (File.Exists(path)) return [path];
        if (!Directory.Exists(path)) throw new StorageException($"{path}: does not exist. Name a text file or a folder of text files.");
        string[] files = [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(f => Endings.Contains(Path.GetExtension(f).ToLowerInvariant()))];
        Array.Sort(files, StringComparer.Ordinal);
        return files.Length > 0 ? files : throw new InputException($"{path}: holds no text file; files ending in {string.Join(", ", Endings)} are read.");
    }

    private static string Decode(string file, byte[] bytes)
    {
        ReadOnlySpan<byte> rest = bytes;
        if (rest.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) rest = rest[3..];
        int zero = rest.IndexOf((byte)0);
        if (zero >= 0) throw new InputException($"{file}: byte {zero + bytes.Length - rest.Length} is 0: this is a binary file; text in UTF-8 was expected. Leave it out.");
        if (System.Text.Unicode.Utf8.IsValid(rest)) return Encoding.UTF8.GetString(rest);
        int at = 0, line = 1;
        while (Rune.DecodeFromUtf8(rest[at..], out Rune rune, out int used) == System.Buffers.OperationStatus.Done)
        {
            if (rune.Value == '\n') line++;
            at += used;
        }

        throw new InputException($"{file}: line {line}, byte {at + bytes.Length - rest.Length}: is not UTF-8. Save the file as UTF-8 (iconv -t utf-8) or leave it out.");
    }

    private static IEnumerable<TextDocument> Lines(string file, string text)
    {
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            string where = FormattableString.Invariant($"{file}:{number}");
            using System.Text.Json.JsonDocument json = StrictJson.Parse(Encoding.UTF8.GetBytes(line), where);
            if (json.RootElement.ValueKind != System.Text.Json.JsonValueKind.Object || !json.RootElement.TryGetProperty("text", out System.Text.Json.JsonElement value))
                throw new InvalidFileException(where, "$.text", "is missing; each line is an object with the field \"text\"");
            string content = StrictJson.Text(value, where, "$.text");
            if (!string.IsNullOrWhiteSpace(content)) yield return new TextDocument(where, content);
        }
    }
}
