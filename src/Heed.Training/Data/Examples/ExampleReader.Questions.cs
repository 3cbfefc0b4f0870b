using System.Text.Json;

namespace Heed.Training.Data;

public static partial class ExampleReader
{
    /// <summary>
    /// Reads questions about contexts: SQuAD 1.1 and 2.0 (<c>data[].paragraphs[].qas[]</c>), or rows with <c>question</c>, <c>context</c>
    /// and <c>answers</c> (<c>{"text": […], "answer_start": […]}</c>, a list of objects, or a text that the context holds once). Offsets
    /// count code points; each is checked against the context.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Settings; all deduced if null.</param>
    /// <param name="cancellationToken">Looked at for each question.</param>
    /// <exception cref="InputException">There are faults, a column is missing or ambiguous, or there is no example.</exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    public static ExampleSet<QuestionExample> Questions(string path, DataOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DataOptions();
        DataFaults faults = new();
        List<string> statements = [];
        List<QuestionExample> examples;
        if (Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase) && TextLines.ReadBytes(path, options) is var bytes
            && bytes.AsSpan().TrimStart(" \t\r\n"u8).StartsWith("{"u8))
        {
            examples = ReadSquad(path, bytes, faults, cancellationToken);
            statements.Add($"{path}: SQuAD {(examples.Exists(e => e.Answers.Count == 0) ? "2.0, with questions that have no answer" : "1.1")}");
        }
        else
        {
            DataRows rows = DataRows.Open(path, options, faults, statements);
            string question = ColumnNames.Need(DataColumn.Question, rows, options),
                context = ColumnNames.Need(DataColumn.Context, rows, options),
                answers = ColumnNames.Need(DataColumn.Answers, rows, options);
            statements.Add($"{path}: '{question}', '{context}' and '{answers}'");
            examples = ReadRows(rows, row => QuestionRow(row, question, context, answers, faults), cancellationToken);
        }

        return Finish(path, examples, statements, faults, options);
    }

    private static List<QuestionExample> ReadSquad(string path, byte[] bytes, DataFaults faults, CancellationToken cancellationToken)
    {
        using JsonDocument json = StrictJson.Parse(bytes, path);
        if (!json.RootElement.TryGetProperty("data", out JsonElement data) || data.ValueKind != JsonValueKind.Array)
            throw new InvalidFileException(path, "$.data",
                "is missing or no array; SQuAD has data[].paragraphs[].qas[], a flat file is an array of objects");
        using IEnumerator<long> lines = QuestionLines(bytes).GetEnumerator();
        List<QuestionExample> examples = [];
        foreach (JsonElement article in data.EnumerateArray())
        {
            foreach (JsonElement paragraph in Array(article, "paragraphs"))
            {
                string? context = paragraph.TryGetProperty("context", out JsonElement c) && c.ValueKind == JsonValueKind.String
                    ? c.GetString() : null;
                foreach (JsonElement asked in Array(paragraph, "qas"))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    lines.MoveNext();
                    DataPlace place = new(path, lines.Current);
                    if (JsonRows.Value(asked) is not Dictionary<string, object?> fields)
                    {
                        faults.Add(place, $"is {StrictJson.Describe(asked)}; a question is an object");
                        continue;
                    }

                    fields["context"] = context;
                    if (QuestionRow(new DataRow(place, fields), "question", "context", "answers",
                        faults) is { } example) examples.Add(example);
                }
            }
        }

        return examples;

        JsonElement.ArrayEnumerator Array(JsonElement of, string name)
            => of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out JsonElement list)
                && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray()
                : throw new InvalidFileException(path, $"$.data[].{name}", "is missing or no array; SQuAD has data[].paragraphs[].qas[]");
    }

    /// <summary>The lines on which the items of <c>qas</c> begin, in order.</summary>
    private static List<long> QuestionLines(byte[] bytes)
    {
        List<long> lines = [];
        Utf8JsonReader reader = new(bytes, new JsonReaderOptions { MaxDepth = StrictJson.MaximumDepth });
        int counted = 0;
        long line = 1;
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || !reader.ValueTextEquals("qas"u8)) continue;
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray) continue;
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                int start = (int)reader.TokenStartIndex;
                line += bytes.AsSpan(counted, start - counted).Count((byte)'\n');
                counted = start;
                lines.Add(line);
                reader.Skip();
            }
        }

        return lines;
    }

    private static QuestionExample? QuestionRow(DataRow row, string questionColumn, string contextColumn, string answerColumn,
        DataFaults faults)
    {
        if (TextOf(row, questionColumn, faults) is not { } question || TextOf(row, contextColumn, faults) is not { } context) return null;
        object? given = row.Fields.GetValueOrDefault(answerColumn);
        List<(object? Text, object? Start)> found = [];
        string? wrong = null;
        switch (given)
        {
            case string { Length: 0 }:
                break;
            case string text:
                wrong = PlainAnswer(row, text, context, out long place);
                found.Add((text, place));
                break;
            case null when row.Fields.GetValueOrDefault("is_impossible") is true:
                break;
            case IReadOnlyDictionary<string, object?> fields when fields.GetValueOrDefault("text") is List<object?> texts
                && fields.GetValueOrDefault("answer_start") is List<object?> starts && texts.Count == starts.Count:
                found.AddRange(texts.Zip(starts));
                break;
            case IReadOnlyDictionary<string, object?> fields when fields.GetValueOrDefault("text") is string text:
                found.Add((text, fields.GetValueOrDefault("answer_start")));
                break;
            case List<object?> list:
                foreach (object? item in list)
                {
                    if (item is IReadOnlyDictionary<string, object?> answer) found.Add((answer.GetValueOrDefault("text"),
                        answer.GetValueOrDefault("answer_start")));
                    else wrong ??= $"'{answerColumn}' holds {Describe(item)}; objects with \"text\" and \"answer_start\" were expected";
                }

                break;
            default:
                wrong = $"'{answerColumn}' is {Describe(given)}; \"text\" and \"answer_start\" of each answer were expected";
                break;
        }

        if (row.Fields.GetValueOrDefault("is_impossible") is true) found.Clear();
        int[] places = CodePointPlaces(context);
        List<ContextAnswer> answers = [];
        foreach ((object? text, object? start) in found)
        {
            if (wrong is not null) break;
            if (text is not string { Length: > 0 } answer) wrong = $"an answer is {Describe(text)}; a text was expected";
            else if (start is not long at || at < 0 || at >= places.Length) wrong =
                FormattableString.Invariant($"the answer '{Printable.Shorten(answer, 40)}' starts at {Describe(start)}; the context has characters 0 to {places.Length - 2}");
            else if (!context.AsSpan(places[at]).StartsWith(answer, StringComparison.Ordinal)) wrong = Elsewhere(answer, at, context,
                places);
            else answers.Add(new ContextAnswer(answer, places[at]));
        }

        if (wrong is not null)
        {
            faults.Add(row.Place, wrong);
            return null;
        }

        return new QuestionExample(row.Place, Scalar(row.Fields.GetValueOrDefault("id")) ?? row.Place.ToString(), question, context,
            answers);
    }

    /// <summary>Finds an answer that is given as a text, as in a table: <c>answer_start</c> says where it stands, or it stands once.</summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    private static string? PlainAnswer(DataRow row, string answer, string context, out long place)
    {
        place = 0;
        if (row.Fields.GetValueOrDefault("answer_start") is { } given and not "")
            return long.TryParse(Scalar(given), System.Globalization.CultureInfo.InvariantCulture, out place) ? null
                : $"\"answer_start\" is {Describe(given)}; a number of characters was expected";
        int first = context.IndexOf(answer, StringComparison.Ordinal), times = 0;
        for (int i = first; i >= 0; i = context.IndexOf(answer, i + 1, StringComparison.Ordinal)) times++;
        if (times == 1) place = System.Array.BinarySearch(CodePointPlaces(context), first);
        return times switch
        {
            0 => $"the context does not hold the answer '{Printable.Shorten(answer, 40)}'",
            1 => null,
            _ => FormattableString.Invariant($"the answer '{Printable.Shorten(answer, 40)}' stands {times} times in the context; give \"answer_start\""),
        };
    }

    private static string Elsewhere(string answer, long at, string context, int[] places)
    {
        List<int> found = [];
        for (int i = context.IndexOf(answer, StringComparison.Ordinal); i >= 0; i = context.IndexOf(answer, i + 1,
            StringComparison.Ordinal)) found.Add(System.Array.BinarySearch(places, i));
        string where = found.Count == 0 ? "; the context does not hold it"
            : FormattableString.Invariant($"; it stands at {found.MinBy(i => Math.Abs(i - at))}");
        return FormattableString.Invariant($"the answer '{Printable.Shorten(answer, 40)}' does not stand at character {at} of the context{where}");
    }
}
