using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Training.Data;

public static partial class ExampleReader
{
    /// <summary>
    /// Reads texts with what they are to become: columns <c>source</c> and <c>target</c>, <c>document</c> and <c>summary</c> and the like,
    /// Hugging Face's <c>{"translation": {"en": …, "de": …}}</c> (the first language is the source unless named), or a TSV or CSV file of
    /// two columns without a header.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Settings; all deduced if null.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    /// <exception cref="InputException">There are faults, a column is missing or ambiguous, or there is no example.</exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    public static ExampleSet<RewritingExample> Rewritings(string path, DataOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DataOptions();
        DataFaults faults = new();
        List<string> statements = [];
        DataRows rows = DataRows.Open(path, options, faults, statements, first => Headerless(first, options, ["source", "target"]));
        string? outer = rows.Columns.Contains("translation", StringComparer.Ordinal) ? "translation" : null;
        List<RewritingExample> examples;
        if (outer is not null)
        {
            string? source = options.Columns.GetValueOrDefault(DataColumn.Source),
                target = options.Columns.GetValueOrDefault(DataColumn.Target);
            examples = ReadRows(rows, row =>
            {
                if (row.Fields.GetValueOrDefault(outer) is not IReadOnlyDictionary<string, object?> texts)
                {
                    faults.Add(row.Place,
                        $"'{outer}' is {Describe(row.Fields.GetValueOrDefault(outer))}; an object with a text for each language was "
                            + $"expected");
                    return null;
                }

                if (source is null || target is null)
                {
                    string[] languages = [.. texts.Keys];
                    if (languages.Length != 2) throw new InputException($"{row.Place}: '{outer}' has the languages "
                        + $"{string.Join(", ", languages)}; name source and target (--columns, "
                        + $"{nameof(DataOptions)}.{nameof(DataOptions.Columns)}).");
                    source ??= languages.First(l => l != target);
                    target ??= languages.First(l => l != source);
                    statements.Add($"{path}: from '{source}' to '{target}'");
                }

                return Rewriting(row with { Fields = texts }, source, target, faults);
            }, cancellationToken);
        }
        else
        {
            (string source, string target) = ColumnNames.FindRewriting(rows, options)
                ?? throw ColumnNames.Missing(rows, "the source text and the target text", ColumnNames.RewritingNames, DataColumn.Source);
            statements.Add($"{path}: from '{source}' to '{target}'");
            examples = ReadRows(rows, row => Rewriting(row, source, target, faults), cancellationToken);
        }

        return Finish(path, examples, statements, faults, options);
    }

    /// <summary>
    /// Reads conversations: OpenAI's <c>messages</c> (<c>role</c>, <c>content</c>), ShareGPT's <c>conversations</c> (<c>from</c>,
    /// <c>value</c>), or Alpaca's <c>instruction</c>, <c>input</c>, <c>output</c> (with <c>system</c> and <c>history</c>). Each needs an
    /// answer to learn from.
    /// </summary>
    /// <param name="path">A JSONL, JSON or Parquet file.</param>
    /// <param name="options">Settings; all deduced if null.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    /// <exception cref="InputException">There are faults, a column is missing or ambiguous, or there is no example.</exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    public static ExampleSet<ChatExample> Chats(string path, DataOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DataOptions();
        DataFaults faults = new();
        List<string> statements = [];
        DataRows rows = DataRows.Open(path, options, faults, statements);
        bool isAlpaca = rows.Columns.Contains("instruction", StringComparer.Ordinal) && !options.Columns.ContainsKey(DataColumn.Messages);
        string? messages = isAlpaca ? null : ColumnNames.Need(DataColumn.Messages, rows, options);
        statements.Add(isAlpaca ? $"{path}: Alpaca's instruction, input and output" : $"{path}: conversations are '{messages}'");
        List<ChatExample> examples = ReadRows(rows, row =>
        {
            ChatRow reader = new(row, faults);
            return isAlpaca ? reader.ReadAlpaca() : reader.ReadMessages(messages!);
        }, cancellationToken);
        return Finish(path, examples, statements, faults, options);
    }

    private static RewritingExample? Rewriting(DataRow row, string source, string target, DataFaults faults)
        => TextOf(row, source, faults) is { } from && TextOf(row, target, faults) is { } to ? new RewritingExample(row.Place, from, to)
            : null;

    /// <summary>
    /// Names for the columns of a file whose first line has as many fields, and neither a known name nor codes of
    /// languages.
    /// </summary>
    private static string[]? Headerless(List<string> first, DataOptions options, string[] names)
        => first.Count == names.Length && options.Columns.Count == 0 && !first.Exists(ColumnNames.IsKnown) && !first.TrueForAll(IsLanguage)
            ? names : null;

    /// <summary><c>en</c>, <c>deu</c>, <c>pt_BR</c>.</summary>
    private static bool IsLanguage(string name)
        => name.Split('_', '-')[0] is { Length: 2 or 3 } code && code.All(char.IsAsciiLetterLower);
}
