using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Which task a file is for, by its form and its columns.</summary>
/// <param name="Name">The task.</param>
/// <param name="Reason">Why, a sentence.</param>
internal sealed record TaskOfData(string Name, string Reason)
{
    /// <summary>Endings of files of a word and a tag a line.</summary>
    private static readonly string[] ConllEndings = [".conll", ".conll2003", ".iob", ".iob2", ".bio", ".bioes", ".ner"];

    /// <summary>The task.</summary>
    /// <exception cref="InputException">The columns fit no task, or several: the message names them.</exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    public static TaskOfData Find(string path, DataOptions options)
    {
        if (Directory.Exists(path)) return Of(ClassificationData.Name, "a folder per class");
        string ending = Path.GetExtension(path).ToLowerInvariant();
        if (ConllEndings.Contains(ending)) return Of(EntityData.Name, "a word and a tag a line");
        if (ending is ".txt" or ".ft" or ".fasttext") return OfLines(path, options);
        if (ending == ".json" && TextLines.ReadBytes(path, options).AsSpan().TrimStart(" \t\r\n"u8).StartsWith("{"u8))
            return Of(QuestionData.Name, "an object with SQuAD's data");
        DataRows rows = DataRows.Open(path, options, new DataFaults(), []);
        TaskOfData[] found = [.. Candidates(rows, options)];
        return found.Length switch
        {
            1 => found[0] with { Reason = $"{found[0].Reason}: the task is {found[0].Name}" },
            0 => throw new InputException($"{path}: the columns {Listed(rows.Columns)} fit no task. Known are text and label "
                + $"(classification), tokens and tags, or text and entities (entities), question, context and answers (questions), source "
                + $"and target (translation), document and summary (summarization), messages, conversations, or instruction and output "
                + $"(instruct), two sentences with a score, or anchor and positive (similarity). Rename columns, name them (columns), or say "
                + $"the task (task)."),
            _ => throw new InputException($"{path}: fits several tasks: {string.Join("; ", found.Select(t => $"{t.Name} ({t.Reason})"))}. "
                + $"Say which one is meant (task)."),
        };
    }

    private static TaskOfData Of(string task, string reason) => new(task, $"{reason}: the task is {task}");

    /// <summary>Lines of text: fastText's, or a word and a tag each.</summary>
    private static TaskOfData OfLines(string path, DataOptions options)
    {
        string[] first = [.. TextLines.Read(path, options, new DataFaults()).Select(l => l.Text.Trim()).Where(l => l.Length > 0).Take(1)];
        string[] fields = first.Length == 0 ? [] : first[0].Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        bool isConll = fields.Length >= 2 && (fields[0] == "-DOCSTART-" || EntityLabels.MarkEntities([fields[^1]]));
        return isConll ? Of(EntityData.Name, "a word and a tag a line") : Of(ClassificationData.Name, "lines with __label__");
    }

    /// <summary>Every task that the columns fit.</summary>
    private static IEnumerable<TaskOfData> Candidates(DataRows rows, DataOptions options)
    {
        string? text = Column(DataColumn.Text), label = Column(DataColumn.Label), score = Column(DataColumn.Score),
            spans = Column(DataColumn.Spans);
        string? pair = ColumnNames.Pairs(rows, options).Select(p => $"{p.First}' with '{p.Second}").FirstOrDefault();
        bool isAlpaca = rows.Columns.Contains("instruction", StringComparer.Ordinal) && rows.Columns.Contains("output", StringComparer.Ordinal);
        if (Column(DataColumn.Messages) is { } messages) yield return new TaskOfData(ChatData.Name, $"'{messages}'");
        else if (isAlpaca) yield return new TaskOfData(ChatData.Name, "'instruction' and 'output'");

        bool isQuestion = Column(DataColumn.Context) is not null && Column(DataColumn.Answers) is not null
            && Column(DataColumn.Question) is not null;
        if (isQuestion)
            yield return new TaskOfData(QuestionData.Name,
                $"'{Column(DataColumn.Question)}', '{Column(DataColumn.Context)}' and '{Column(DataColumn.Answers)}'");

        bool isSpans = text is not null && spans is not null && HoldsSpans(rows, spans);
        if (Column(DataColumn.Words) is { } words && Column(DataColumn.Tags) is { } tags)
            yield return new TaskOfData(EntityData.Name, $"'{words}' and '{tags}'");
        else if (isSpans || (rows.Columns.Contains("data", StringComparer.Ordinal) && rows.Columns.Contains("annotations", StringComparer.Ordinal)))
            yield return new TaskOfData(EntityData.Name, isSpans ? $"'{text}' and '{spans}'" : "Label Studio's 'data' and 'annotations'");

        if (rows.Columns.Contains("translation", StringComparer.Ordinal)) yield return new TaskOfData(RewritingData.Translation, "'translation'");
        else if (!isAlpaca && ColumnNames.RewritingsOf(rows, options).FirstOrDefault() is { First: { } source, Second: { } target })
            yield return new TaskOfData(ColumnNames.IsSummary(target) ? RewritingData.Summarization : RewritingData.Translation,
                $"'{source}' and '{target}'");

        bool isNear = Column(DataColumn.Anchor) is not null && Column(DataColumn.Positive) is not null;
        if (isNear) yield return new TaskOfData(SimilarityData.Name, $"'{Column(DataColumn.Anchor)}' and '{Column(DataColumn.Positive)}'");
        else if (pair is not null && (score is not null || label is null))
            yield return new TaskOfData(SimilarityData.Name, score is null ? $"'{pair}' and nothing else" : $"'{pair}' and '{score}'");

        if ((text ?? pair) is { } read && label is not null && !(isSpans && label == spans))
            yield return new TaskOfData(ClassificationData.Name, $"'{read}' and '{label}'");
        else if (text is not null && label is null && score is not null && pair is null)
            yield return new TaskOfData(ClassificationData.Name, $"'{text}' and '{score}'");

        string? Column(DataColumn what) => ColumnNames.Any(what, rows, options);
    }

    /// <summary>True if a column's first value is a list of labelled parts; a list of labels is not.</summary>
    private static bool HoldsSpans(DataRows rows, string column)
        => rows.Rows.FirstOrDefault()?.Fields.GetValueOrDefault(column) is List<object?> list
            && (list.Count == 0 ? column is not ("label" or "labels") : list[0] is List<object?> or IReadOnlyDictionary<string, object?>);

    private static string Listed(IEnumerable<string> columns) => string.Join(", ", columns.Select(c => $"'{Printable.Shorten(c, 40)}'"));
}
