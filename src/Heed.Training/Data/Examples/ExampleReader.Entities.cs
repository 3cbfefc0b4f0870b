using System.Globalization;

namespace Heed.Training.Data;

public static partial class ExampleReader
{
    private const string DocumentStart = "-DOCSTART-";

    /// <summary>
    /// Reads words with a tag each: CoNLL (word first, tag last, blank lines between sentences, <c>-DOCSTART-</c> left out),
    /// or JSONL, JSON, Parquet with <c>tokens</c> and <c>ner_tags</c> or <c>tags</c>, as names, or as numbers of
    /// <see cref="DataOptions.LabelNames"/>.
    /// </summary>
    /// <param name="path">The file; other endings than those of rows are CoNLL.</param>
    /// <param name="options">Settings; all deduced if null.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    /// <exception cref="InputException">There are faults, a column is missing or ambiguous, or there is no example.</exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    public static ExampleSet<TaggedExample> Tags(string path, DataOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DataOptions();
        DataFaults faults = new();
        List<string> statements = [];
        List<TaggedExample> examples;
        if (Path.GetExtension(path).ToLowerInvariant() is ".jsonl" or ".ndjson" or ".json" or ".parquet")
        {
            DataRows rows = DataRows.Open(path, options, faults, statements);
            string words = ColumnNames.Need(DataColumn.Words, rows, options), tags = ColumnNames.Need(DataColumn.Tags, rows, options);
            statements.Add($"{path}: words are '{words}', tags are '{tags}'");
            examples = ReadRows(rows, row => TaggedRow(row, words, tags, options, faults), cancellationToken);
        }
        else
        {
            examples = ReadConll(path, options, faults, statements, cancellationToken);
        }

        int opened = examples.Sum(e => OpenedByInside(e.Tags));
        if (opened > 0) statements.Add(FormattableString.Invariant($"{opened} entities begin with I- (as in IOB1, or by damage): they count as beginning there"));
        return Finish(path, examples, statements, faults, options);
    }

    /// <summary>
    /// Reads texts with labelled parts from JSONL or JSON: <c>{"text", "entities": [{"start", "end", "label"}]}</c> (spaCy, Prodigy's
    /// <c>spans</c>, doccano's triples), or Label Studio's export. Offsets count code points, those of Label Studio UTF-16 units.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Settings; all deduced if null.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    /// <exception cref="InputException">There are faults, a column is missing or ambiguous, or there is no example.</exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    public static ExampleSet<SpanExample> Spans(string path, DataOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DataOptions();
        DataFaults faults = new();
        List<string> statements = [];
        DataRows rows = DataRows.Open(path, options, faults, statements);
        bool isStudio = rows.Columns.Contains("data", StringComparer.Ordinal)
            && rows.Columns.Contains("annotations", StringComparer.Ordinal);
        string text = isStudio ? "text" : ColumnNames.Need(DataColumn.Text, rows, options), spans = isStudio ? "annotations"
            : ColumnNames.Need(DataColumn.Spans, rows, options);
        statements.Add(isStudio ? $"{path}: Label Studio's export" : $"{path}: the text is '{text}', labelled parts are '{spans}'");
        List<SpanExample> examples = ReadRows(rows, row =>
        {
            DataRow source = isStudio && row.Fields["data"] is IReadOnlyDictionary<string, object?> data ? row with { Fields = data } : row;
            if (TextOf(source, text, faults) is not { } content) return null;
            if (row.Fields.GetValueOrDefault(spans) is not List<object?> items)
            {
                faults.Add(row.Place,
                    $"'{spans}' is {Describe(row.Fields.GetValueOrDefault(spans))}; a list of labelled parts was expected");
                return null;
            }

            if (isStudio) items = StudioItems(items);
            return SpansOf(row.Place, content, items, isStudio ? null : CodePointPlaces(content), faults);
        }, cancellationToken);
        return Finish(path, examples, statements, faults, options);
    }

    private static List<TaggedExample> ReadConll(string path, DataOptions options, DataFaults faults, List<string> statements,
        CancellationToken cancellationToken)
    {
        List<TaggedExample> examples = [];
        List<string> words = [], tags = [];
        long begin = 0, documents = 0;
        int width = 0;
        bool faulty = false;
        foreach (TextLine line in TextLines.Read(path, options, faults))
        {
            cancellationToken.ThrowIfCancellationRequested();
            string[] fields = line.Text.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length == 0)
            {
                Close();
                continue;
            }

            if (fields[0] == DocumentStart)
            {
                Close();
                documents++;
                continue;
            }

            if (words.Count == 0 && !faulty) begin = line.Number;
            if (width == 0 && fields.Length >= 2) width = fields.Length;
            if (fields.Length != width)
            {
                // The sentence is left out whole: a word that is missing would move its neighbours' tags.
                faults.Add(new DataPlace(path, line.Number), width == 0
                    ? "has one column; a word and a tag, separated by a blank or a tab, were expected"
                    : FormattableString.Invariant($"has {fields.Length} columns and the lines before {width}"));
                faulty = true;
                continue;
            }

            words.Add(fields[0]);
            tags.Add(fields[^1]);
        }

        Close();
        statements.Add(FormattableString.Invariant($"{path}: CoNLL with {width} columns, the word first and the tag last{(documents > 0 ? $"; {Printable.Counted(documents, $"{DocumentStart} line")}" : "")}"));
        return examples;

        void Close()
        {
            if (words.Count > 0 && !faulty) examples.Add(new TaggedExample(new DataPlace(path, begin), words, tags));
            words = [];
            tags = [];
            faulty = false;
        }
    }

    private static TaggedExample? TaggedRow(DataRow row, string wordColumn, string tagColumn, DataOptions options, DataFaults faults)
    {
        if (row.Fields.GetValueOrDefault(wordColumn) is not List<object?> words
            || row.Fields.GetValueOrDefault(tagColumn) is not List<object?> tags)
        {
            faults.Add(row.Place,
                $"'{wordColumn}' is {Describe(row.Fields.GetValueOrDefault(wordColumn))} and '{tagColumn}' is {Describe(row.Fields.GetValueOrDefault(tagColumn))}; two lists were expected");
            return null;
        }

        if (words.Count != tags.Count || words.Count == 0)
        {
            faults.Add(row.Place,
                FormattableString.Invariant($"has {words.Count} words in '{wordColumn}' and {tags.Count} tags in '{tagColumn}'; each word needs one tag"));
            return null;
        }

        if (words.Exists(w => w is not string))
        {
            faults.Add(row.Place, $"'{wordColumn}' holds {Describe(words.Find(w => w is not string))}; words were expected");
            return null;
        }

        string[] names = new string[tags.Count];
        for (int i = 0; i < names.Length; i++)
        {
            string? wrong = tags[i] is long && options.LabelNames is null
                ? $"tag {i} is the number {Describe(tags[i])}; name the tags in order ({nameof(DataOptions)}.{nameof(DataOptions.LabelNames)})"
                : Name(tags[i], options, out names[i]);
            if (wrong is null) continue;
            faults.Add(row.Place, wrong);
            return null;
        }

        return new TaggedExample(row.Place, [.. words.Cast<string>()], names);
    }

    private static int OpenedByInside(IReadOnlyList<string> tags)
    {
        int opened = 0;
        for (int i = 0; i < tags.Count; i++)
        {
            if (!tags[i].StartsWith("I-", StringComparison.Ordinal)) continue;
            string type = tags[i][2..];
            if (i == 0 || (tags[i - 1] != "B-" + type && tags[i - 1] != "I-" + type)) opened++;
        }

        return opened;
    }

    /// <summary>The results of the first annotation, in the form of the others.</summary>
    private static List<object?> StudioItems(List<object?> annotations)
    {
        List<object?> items = [];
        if (annotations.FirstOrDefault() is not IReadOnlyDictionary<string, object?> annotation
            || annotation.GetValueOrDefault("result") is not List<object?> results) return items;
        foreach (object? result in results)
            if (result is IReadOnlyDictionary<string, object?> fields
                && fields.GetValueOrDefault("value") is IReadOnlyDictionary<string, object?> value
                && value.ContainsKey("start")) items.Add(value);
        return items;
    }

    private static SpanExample? SpansOf(DataPlace place, string text, List<object?> items, int[]? places, DataFaults faults)
    {
        List<LabelledSpan> spans = [];
        int length = places is null ? text.Length : places.Length - 1;
        for (int i = 0; i < items.Count; i++)
        {
            (object? Start, object? End, object? Label, string? Covered) part = items[i] switch
            {
                List<object?> { Count: 3 } triple => (triple[0], triple[1], triple[2], null),
                IReadOnlyDictionary<string, object?> fields => (fields.GetValueOrDefault("start"), fields.GetValueOrDefault("end"),
                    fields.GetValueOrDefault("label") ?? (fields.GetValueOrDefault("labels") as List<object?>)?.FirstOrDefault(),
                    fields.GetValueOrDefault("text") as string),
                _ => (null, null, null, null),
            };
            string? wrong = null;
            if (part.Start is not long first || part.End is not long last || Scalar(part.Label) is not { Length: > 0 } name)
            {
                wrong = "needs \"start\", \"end\" and \"label\"";
            }
            else if (first < 0 || last > length || first >= last)
            {
                wrong = string.Create(CultureInfo.InvariantCulture, $"is [{first}, {last}) and the text has {length} characters");
            }
            else
            {
                LabelledSpan span = new(places is null ? (int)first : places[first], places is null ? (int)last : places[last], name);
                string found = text[span.Start..span.End];
                if (part.Covered is null || part.Covered == found) spans.Add(span);
                else wrong = $"is given as '{Printable.Shorten(part.Covered, 40)}', and the text has '{Printable.Shorten(found, 40)}' there";
            }

            if (wrong is null) continue;
            faults.Add(place, FormattableString.Invariant($"labelled part {i} {wrong}"));
            return null;
        }

        spans.Sort((a, b) => a.Start != b.Start ? a.Start.CompareTo(b.Start) : a.End.CompareTo(b.End));
        for (int i = 1; i < spans.Count; i++)
        {
            if (spans[i].Start >= spans[i - 1].End) continue;
            faults.Add(place, FormattableString.Invariant($"'{Printable.Shorten(text[spans[i - 1].Start..spans[i - 1].End], 40)}' ({spans[i - 1].Label}) and '{Printable.Shorten(text[spans[i].Start..spans[i].End], 40)}' ({spans[i].Label}) overlap; a word can have one tag"));
            return null;
        }

        return new SpanExample(place, text, spans);
    }
}
