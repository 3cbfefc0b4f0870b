using System.Text.Json;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Serialization;

/// <summary>Reads and writes vocab.txt, vocab.json and merges.txt.</summary>
internal static class VocabularyFiles
{
    private const long LargestFile = 1L << 30;

    /// <summary>vocab.txt: a token a line, its id the line's number from 0; of equal tokens the last one counts.</summary>
    public static List<KeyValuePair<string, int>> ReadText(StoredFile file)
    {
        Dictionary<string, int> entries = new(StringComparer.Ordinal);
        int id = 0;
        foreach (string line in Lines(file)) entries[line.TrimEnd()] = id++;
        return entries.Count > 0 ? [.. entries] : throw new InvalidFileException(file.Path, "", "is empty; a token a line was expected");
    }

    /// <summary>vocab.json: tokens and their ids.</summary>
    public static List<KeyValuePair<string, int>> ReadJson(StoredFile file)
    {
        using JsonDocument document = file.ReadJson(LargestFile);
        return ModelReader.ReadVocabulary(new JsonScope(document.RootElement, file.Path, "$"));
    }

    /// <summary>merges.txt: two tokens a line with a blank between them, best first; a <c>#version</c> line is left out.</summary>
    /// <param name="file">The file.</param>
    /// <param name="lines">Receives the line number of each merge.</param>
    public static List<(string Left, string Right)> ReadMerges(StoredFile file, List<int> lines)
    {
        List<(string, string)> merges = [];
        int number = 0;
        foreach (string line in Lines(file))
        {
            number++;
            if (line.Length == 0 || line.StartsWith("#version", StringComparison.Ordinal)) continue;
            string[] parts = line.Split(' ');
            if (parts.Length != 2) throw new InvalidFileException(file.Path, $"line {number}", $"is \"{Printable.Shorten(line)}\", which has {parts.Length} parts; a merge has two, with one blank between them");
            merges.Add((parts[0], parts[1]));
            lines.Add(number);
        }

        return merges;
    }

    /// <summary>Writes the model's vocabulary in the files that go without tokenizer.json; returns their paths.</summary>
    /// <exception cref="ConfigException">The model has no such files.</exception>
    public static IReadOnlyList<string> Write(ITokenModel model, string folder)
    {
        string vocab = Path.Combine(folder, "vocab.json");
        switch (model)
        {
            case WordPieceModel:
                vocab = Path.Combine(folder, "vocab.txt");
                DurableFile.WriteText(vocab, string.Concat(LineVocabulary(model).Select(token => token + "\n")));
                return [vocab];
            case WordLevelModel:
                WriteJson(vocab, model);
                return [vocab];
            case BpeModel bpe:
                string merges = Path.Combine(folder, "merges.txt");
                WriteJson(vocab, model);
                DurableFile.WriteText(merges, "#version: 0.2\n" + string.Concat(bpe.Merges.Select(merge => $"{merge.Left} {merge.Right}\n")));
                return [vocab, merges];
            default:
                throw new ConfigException("A Unigram vocabulary has no vocabulary files of its own; save tokenizer.json instead.");
        }
    }

    /// <summary>Tokens by id, which must be their line numbers.</summary>
    private static List<string> LineVocabulary(ITokenModel model)
    {
        List<string> tokens = [];
        foreach ((string token, int id) in model.Vocabulary)
        {
            if (id != tokens.Count) throw new ConfigException($"vocab.txt needs ids without gaps, but {tokens.Count} comes before {id}; save tokenizer.json instead.");
            if (token.Contains('\n', StringComparison.Ordinal)) throw new ConfigException($"vocab.txt cannot hold the token of id {id}, which has a line end; save tokenizer.json instead.");
            tokens.Add(token);
        }

        return tokens;
    }

    private static void WriteJson(string path, ITokenModel model) => DurableFile.Write(path, stream =>
    {
        using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        foreach ((string token, int id) in model.Vocabulary) json.WriteNumber(token, id);
        json.WriteEndObject();
    });

    private static IEnumerable<string> Lines(StoredFile file)
    {
        byte[] bytes = file.ReadAll(LargestFile);
        int number = 1;
        for (int start = 0; start < bytes.Length; number++)
        {
            int length = bytes.AsSpan(start).IndexOf((byte)'\n');
            if (length < 0) length = bytes.Length - start;
            ReadOnlySpan<byte> line = bytes.AsSpan(start, length);
            if (line.EndsWith("\r"u8)) line = line[..^1];
            if (!System.Text.Unicode.Utf8.IsValid(line)) throw new InvalidFileException(file.Path, $"line {number}", "is not valid UTF-8; save the file as UTF-8");
            yield return System.Text.Encoding.UTF8.GetString(line);
            start += length + 1;
        }
    }
}
