using System.Globalization;
using Heed.Retrieval;
using Heed.Training.Data;

namespace Heed.Cli.Documents;

/// <summary>Documents of a folder or a file, as <c>heed search build</c> and <c>heed ask</c> take them.</summary>
internal static class DocumentFiles
{
    /// <summary>For the help.</summary>
    public const string Description = "a folder of texts (.txt, .md, .rst; .jsonl, .json, .csv and .tsv with a document per row), or "
        + "one such file";

    private static readonly string[] Texts = [".txt", ".md", ".markdown", ".rst", ".text"];
    private static readonly string[] Rows = [".jsonl", ".ndjson", ".json", ".csv", ".tsv"];
    private static readonly string[] KeyNames = ["key", "id", "_id", "url", "path"];
    private static readonly string[] TextNames = ["text", "content", "body", "passage", "document"];

    /// <summary>Reads documents one by one.</summary>
    /// <param name="path">A folder or a file.</param>
    /// <param name="terminal">Gets warnings.</param>
    /// <exception cref="StorageException">There is nothing there.</exception>
    /// <exception cref="InputException">A file is not UTF-8, or has no column of texts.</exception>
    public static IEnumerable<SearchDocument> Read(string path, Terminal terminal)
    {
        if (!Directory.Exists(path))
        {
            if (!File.Exists(path)) throw new StorageException($"{path}: does not exist. Name {Description}.");
            return OfFile(path, Path.GetFileName(path));
        }

        IReadOnlyList<string> files = TextFolder.Files(path, [.. Texts, .. Rows], new Reporter<string>(terminal.Warn));
        return files.Count > 0 ? files.SelectMany(f => OfFile(f, Path.GetRelativePath(path, f).Replace('\\', '/')))
            : throw new InputException($"{path}: holds no document; files ending in {string.Join(", ", Texts.Concat(Rows))} were "
            + $"expected.");
    }

    private static IEnumerable<SearchDocument> OfFile(string file, string name)
    {
        string ending = Path.GetExtension(file).ToLowerInvariant();
        if (Rows.Contains(ending)) return OfRows(file, name);
        if (!Texts.Contains(ending))
            throw new InputException($"{file}: a file ending in '{ending}' is not read here; files ending in "
                + $"{string.Join(", ", Texts.Concat(Rows))} are.");
        string text = TextLines.ReadAll(file, new DataOptions());
        bool isMarkdown = ending is ".md" or ".markdown";
        return [new SearchDocument
        {
            Key = name,
            Text = text,
            Title = isMarkdown ? Heading(text) : null,
            Form = isMarkdown ? DocumentForm.Markdown : DocumentForm.Plain,
            Metadata = new Dictionary<string, object> { ["file"] = name, ["ending"] = ending },
        }];
    }

    private static IEnumerable<SearchDocument> OfRows(string file, string name)
    {
        DataFaults faults = new();
        DataRows rows = DataRows.Open(file, new DataOptions(), faults, []);
        string text = TextNames.FirstOrDefault(n => rows.Columns.Contains(n, StringComparer.Ordinal))
            ?? throw new InputException($"{file}: has no column of texts; one of {string.Join(", ", TextNames)} was expected, and there "
            + $"are {string.Join(", ", rows.Columns)}. Rename one.");
        string? key = KeyNames.FirstOrDefault(n => rows.Columns.Contains(n, StringComparer.Ordinal));
        foreach (DataRow row in rows.Rows)
        {
            if (row.Fields.GetValueOrDefault(text) is not string content)
                throw new InputException($"{row.Place}: '{text}' is no text. Correct the row.");
            Dictionary<string, object> metadata = new(StringComparer.Ordinal) { ["file"] = name };
            foreach ((string field, object? value) in row.Fields)
                if (field != text && field != key && field != "title" && Kept(value) is { } kept) metadata[field] = kept;
            yield return new SearchDocument
            {
                Key = key is not null && row.Fields.GetValueOrDefault(key) is { } given
                    && Convert.ToString(given, CultureInfo.InvariantCulture)
                    is { Length: > 0 } named ? named : string.Create(CultureInfo.InvariantCulture, $"{name}:{row.Place.Number}"),
                Text = content,
                Title = row.Fields.GetValueOrDefault("title") as string,
                Metadata = metadata,
            };
        }

        faults.ThrowUnlessSkipped(new DataOptions());
    }

    /// <summary>A value of a row as a field to filter by: numbers in a CSV are numbers; what cannot be one is left out.</summary>
    private static object? Kept(object? value) => value switch
    {
        string text when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole)
            && whole.ToString(CultureInfo.InvariantCulture) == text => whole,
        string or long or bool => value,
        double number when double.IsFinite(number) => number,
        IEnumerable<object?> list when list.All(v => v is string or long or double or bool) => list.ToArray(),
        _ => null,
    };

    private static string? Heading(string markdown)
    {
        foreach (string line in markdown.Split('\n'))
            if (line.StartsWith("# ", StringComparison.Ordinal)) return line.Trim('#', ' ', '\r', '\t');
        return null;
    }
}
