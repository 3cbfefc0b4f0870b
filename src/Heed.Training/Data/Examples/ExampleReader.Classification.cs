using System.Globalization;

namespace Heed.Training.Data;

public static partial class ExampleReader
{
    private const string FastTextPrefix = "__label__";

    /// <summary>
    /// Reads texts or pairs of texts with labels or numbers: CSV, TSV, JSONL, JSON, Parquet, fastText lines (<c>__label__x text</c>), or a
    /// folder with a folder of text files per class. Lists of labels make several labels per text, numbers with a fraction make regression.
    /// </summary>
    /// <param name="path">A file or a folder.</param>
    /// <param name="options">Settings; all deduced if null.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    /// <exception cref="InputException">There are faults, a column is missing or ambiguous, or there is no example.</exception>
    /// <exception cref="StorageException">The path cannot be read.</exception>
    public static ClassificationSet Classification(string path, DataOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DataOptions();
        DataFaults faults = new();
        List<string> statements = [];
        List<Raw> raw = Directory.Exists(path) ? ReadFolders(path, options, faults, statements, cancellationToken)
            : IsFastText(path) ? ReadFastText(path, options, faults, statements, cancellationToken)
            : ReadTable(path, options, faults, statements, cancellationToken);
        LabelKind kind = options.Kind ?? Deduce(raw);
        List<ClassificationExample> examples = kind == LabelKind.Regression ? Numbers(raw, faults, statements)
            : Labelled(raw, kind, options, faults);
        CheckAny(path, examples.Count, faults, options);
        string[] labels = kind == LabelKind.Regression ? [] : options.LabelNames is { } names ? [.. names]
            : [.. examples.SelectMany(e => e.Labels).Distinct(StringComparer.Ordinal).OrderBy(l => long.TryParse(l,
                CultureInfo.InvariantCulture, out long n) ? n : long.MaxValue).ThenBy(l => l, StringComparer.Ordinal)];
        string pairs = examples[0].Second is null ? "texts" : "pairs of texts";
        statements.Add(FormattableString.Invariant($"kind: {pairs} with {(kind == LabelKind.Regression ? "a number (regression)" : kind == LabelKind.Multiple ? $"any of {labels.Length} labels (multi-label)" : $"one of {labels.Length} labels")}{(options.Kind is null ? ", deduced" : "")}"));
        if (kind == LabelKind.Single && labels.Length < 2)
            throw new InputException($"{path}: has one label only, '{labels.FirstOrDefault()}'; two or more are needed to tell them "
                + $"apart.");
        return new ClassificationSet { Examples = examples, Statements = statements, Faults = faults.All, Kind = kind, Labels = labels };
    }

    /// <summary>True for a file of fastText lines, by its ending.</summary>
    private static bool IsFastText(string path) => Path.GetExtension(path).ToLowerInvariant() is ".txt" or ".ft" or ".fasttext";

    /// <summary>A row whose label is not understood yet.</summary>
    private sealed record Raw(DataPlace Place, string Text, string? Second, object? Label, bool IsCell = false);

    private static List<Raw> ReadTable(string path, DataOptions options, DataFaults faults, List<string> statements,
        CancellationToken cancellationToken)
    {
        DataRows rows = DataRows.Open(path, options, faults, statements);
        (string First, string Second)? pair = options.Columns.ContainsKey(DataColumn.Text) ? null : ColumnNames.FindPair(rows, options);
        string? text = options.Columns.ContainsKey(DataColumn.First) ? null : ColumnNames.Find(DataColumn.Text, rows, options);
        if (pair is { } both && text is not null)
            throw new InputException($"{path}: both '{text}' and '{both.First}' with '{both.Second}' could be the text. Name the one "
                + $"(--columns, {nameof(DataOptions)}.{nameof(DataOptions.Columns)}).");
        if (pair is null && text is null) throw ColumnNames.Missing(rows, "the text",
            ["text", "sentence", "review", "content", "body", "question", "sentence1/sentence2", "text_a/text_b", "premise/hypothesis",
            "query/document"], DataColumn.Text);
        string label = ColumnNames.Find(DataColumn.Label, rows, options) ?? ColumnNames.Find(DataColumn.Score, rows, options)
            ?? ColumnNames.Need(DataColumn.Label, rows, options);
        string[] used = pair is { } p ? [p.First, p.Second, label] : [text!, label];
        string[] unused = [.. rows.Columns.Except(used, StringComparer.Ordinal)];
        string taken = pair is { } q ? $"texts are '{q.First}' and '{q.Second}'" : $"the text is '{text}'";
        string rest = unused.Length > 0 ? $"; not used: {string.Join(", ", unused.Select(u => $"'{Printable.Shorten(u, 40)}'"))}" : "";
        statements.Add($"{path}: {taken}, the label is '{label}'{rest}");
        bool isCell = Path.GetExtension(path).ToLowerInvariant() is ".csv" or ".tsv" or ".tab";
        return ReadRows(rows, row =>
        {
            string? first = TextOf(row, pair?.First ?? text!, faults), second = pair is null ? null
                : TextOf(row, pair.Value.Second, faults);
            if (first is null || (pair is not null && second is null)) return null;
            row.Fields.TryGetValue(label, out object? value);
            if (value is null or "" || (value is string blank && string.IsNullOrWhiteSpace(blank)))
            {
                faults.Add(row.Place, $"'{label}' is {(value is null ? "missing" : "empty")}; a label was expected");
                return null;
            }

            // A list of JSON in a cell is a list: exports of JSON data write them so.
            return new Raw(row.Place, first, second, isCell && ListOf(value) is { } list ? list : value, isCell);
        }, cancellationToken);
    }

    /// <summary>The texts of a cell that holds a JSON array of texts; null for any other cell.</summary>
    private static List<object?>? ListOf(object? cell)
    {
        if (cell is not string text || !text.TrimStart().StartsWith('[') || !text.TrimEnd().EndsWith(']')) return null;
        try
        {
            using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse(text);
            return json.RootElement.EnumerateArray().All(e => e.ValueKind == System.Text.Json.JsonValueKind.String)
                ? [.. json.RootElement.EnumerateArray().Select(e => (object?)e.GetString())] : null;
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }

    private static List<Raw> ReadFastText(string path, DataOptions options, DataFaults faults, List<string> statements,
        CancellationToken cancellationToken)
    {
        List<Raw> raw = [];
        foreach (TextLine line in TextLines.Read(path, options, faults))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (string.IsNullOrWhiteSpace(line.Text)) continue;
            string rest = line.Text.Trim();
            List<object?> labels = [];
            while (rest.StartsWith(FastTextPrefix, StringComparison.Ordinal))
            {
                int end = rest.AsSpan().IndexOfAny(' ', '\t');
                labels.Add(end < 0 ? rest[FastTextPrefix.Length..] : rest[FastTextPrefix.Length..end]);
                rest = end < 0 ? "" : rest[end..].TrimStart();
            }

            DataPlace place = new(path, line.Number);
            if (labels.Count == 0) faults.Add(place,
                $"does not begin with {FastTextPrefix}; fastText lines are '{FastTextPrefix}NAME text'");
            else if (labels.Contains("")) faults.Add(place, $"has {FastTextPrefix} without a name");
            else if (rest.Length == 0) faults.Add(place, "has labels and no text");
            else raw.Add(new Raw(place, rest, null, labels));
        }

        statements.Add($"{path}: fastText lines ({FastTextPrefix}NAME text)");
        bool single = raw.TrueForAll(r => ((List<object?>)r.Label!).Count == 1);
        return single ? raw.ConvertAll(r => r with { Label = ((List<object?>)r.Label!)[0] }) : raw;
    }

    private static List<Raw> ReadFolders(string path, DataOptions options, DataFaults faults, List<string> statements,
        CancellationToken cancellationToken)
    {
        List<Raw> raw = [];
        string[] classes = [.. Directory.EnumerateDirectories(path).Where(d
            => !Path.GetFileName(d).StartsWith('.')).Order(StringComparer.Ordinal)];
        if (classes.Length == 0) throw new InputException($"{path}: holds no folders; a folder of training data has one folder of text "
            + $"files per class.");
        foreach (string folder in classes)
        {
            foreach (string file in Directory.EnumerateFiles(folder).Where(f
                => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal))
            {
                cancellationToken.ThrowIfCancellationRequested();
                string text = TextLines.ReadAll(file, options);
                if (string.IsNullOrWhiteSpace(text)) faults.Add(new DataPlace(file, 1), "is empty; a text was expected");
                else raw.Add(new Raw(new DataPlace(file, 1), text.TrimEnd('\r', '\n'), null, Path.GetFileName(folder)));
            }
        }

        statements.Add($"{path}: one folder per class, one file per text");
        return raw;
    }

    private static LabelKind Deduce(List<Raw> raw)
    {
        if (raw.Exists(r => r.Label is List<object?>)) return LabelKind.Multiple;
        if (raw.Count == 0 || !raw.TrueForAll(r => Number(r, out _))) return LabelKind.Single;
        return raw.Exists(r => r.Label is double || (r.Label is string text && text.AsSpan().IndexOfAny(".,eE") >= 0))
            ? LabelKind.Regression : LabelKind.Single;
    }

    /// <summary>A label as a number; a cell of a CSV file may have a decimal comma.</summary>
    private static bool Number(Raw raw, out double value)
    {
        value = double.NaN;
        switch (raw.Label)
        {
            case long whole:
                value = whole;
                return true;
            case double number:
                value = number;
                return double.IsFinite(value);
            case string text when raw.IsCell:
                string plain = text.Trim();
                if (plain.Count(c => c == ',') == 1 && !plain.Contains('.', StringComparison.Ordinal)) plain = plain.Replace(',', '.');
                return double.TryParse(plain, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
            default:
                return false;
        }
    }

    private static List<ClassificationExample> Numbers(List<Raw> raw, DataFaults faults, List<string> statements)
    {
        List<ClassificationExample> examples = [];
        bool comma = false;
        foreach (Raw row in raw)
        {
            if (!Number(row, out double value))
            {
                faults.Add(row.Place, $"the label is {Describe(row.Label)}; a finite number was expected");
                continue;
            }

            comma |= row.Label is string text && text.Contains(',', StringComparison.Ordinal);
            examples.Add(new ClassificationExample(row.Place, row.Text, row.Second, [], value));
        }

        if (comma) statements.Add("numbers have a decimal comma");
        return examples;
    }

    private static List<ClassificationExample> Labelled(List<Raw> raw, LabelKind kind, DataOptions options, DataFaults faults)
    {
        List<ClassificationExample> examples = [];
        foreach (Raw row in raw)
        {
            object?[] values = row.Label is List<object?> list ? [.. list]
                : kind == LabelKind.Multiple && row.IsCell
                    ? [.. ((string)row.Label!).Split(['|', ';', ','],
                    StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)]
                : [row.Label];
            if (kind == LabelKind.Single && values.Length != 1)
            {
                faults.Add(row.Place, FormattableString.Invariant($"has {values.Length} labels; one was expected"));
                continue;
            }

            string[] labels = new string[values.Length];
            string? wrong = null;
            for (int i = 0; i < labels.Length && wrong is null; i++) wrong = Name(values[i], options, out labels[i]);
            if (wrong is null && labels.Distinct(StringComparer.Ordinal).Count() < labels.Length) wrong =
                "has a label twice; each may stand once";
            if (wrong is null) examples.Add(new ClassificationExample(row.Place, row.Text, row.Second, labels, double.NaN));
            else faults.Add(row.Place, wrong);
        }

        return examples;
    }

    /// <summary>A label's name: of a number that of <see cref="DataOptions.LabelNames"/>. Gives what is wrong, or null.</summary>
    private static string? Name(object? value, DataOptions options, out string name)
    {
        name = Scalar(value)?.Trim() ?? "";
        if (name.Length == 0) return $"the label is {Describe(value)}; a name or a number was expected";
        if (options.LabelNames is not { } names || names.Contains(name, StringComparer.Ordinal)) return null;
        if (!long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
            out long number)) return $"the label '{Printable.Shorten(name)}' is none of the {names.Count} label names";
        if (number < 0 || number >= names.Count) return FormattableString.Invariant($"the label is {number}; with {names.Count} label names it is 0 to {names.Count - 1}");
        name = names[(int)number];
        return null;
    }
}
