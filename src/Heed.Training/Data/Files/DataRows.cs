using System.Text.Json;

namespace Heed.Training.Data;

/// <summary>A row with named fields: null, string, long, double, bool, a list of such, or a dictionary of such.</summary>
internal sealed record DataRow(DataPlace Place, IReadOnlyDictionary<string, object?> Fields);

/// <summary>A file of rows: CSV, TSV, JSONL, JSON, Parquet.</summary>
internal sealed class DataRows
{
    private DataRows(string file, IReadOnlyList<string> columns, IEnumerable<DataRow> rows)
    {
        File = file;
        Columns = columns;
        Rows = rows;
    }

    /// <summary>The file.</summary>
    public string File { get; }

    /// <summary>Names of the first row's fields, or of the header.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>The rows, read as they are asked for.</summary>
    public IEnumerable<DataRow> Rows { get; }

    /// <summary>The endings of files of rows.</summary>
    public const string Endings = ".csv, .tsv, .jsonl, .json, .parquet";

    /// <summary>Opens a file of rows.</summary>
    /// <param name="file">The file; its ending says what it is.</param>
    /// <param name="headerless">Names of the columns of a CSV or TSV file whose first line is no header, or null; asked with the first
    /// line.</param>
    /// <exception cref="InputException">The ending is not known, or the file is empty.</exception>
    public static DataRows Open(string file, DataOptions options, DataFaults faults, List<string> statements, Func<List<string>,
        string[]?>? headerless = null)
    {
        switch (Path.GetExtension(file).ToLowerInvariant())
        {
            case ".csv" or ".tsv" or ".tab":
                return Delimited(file, options, faults, statements, headerless);
            case ".jsonl" or ".ndjson":
                return ByFirst(file, JsonRows.Lines(file, options, faults), faults);
            case ".json":
                return ByFirst(file, JsonRows.Array(file, options, faults), faults);
            case ".parquet":
                return ByFirst(file, ParquetRows.Read(file), faults);
            default:
                if (Directory.Exists(file)) throw new InputException($"{file}: is a folder; one file ending in {Endings} was expected. Name it.");
                throw new InputException($"{file}: a file ending in '{Path.GetExtension(file)}' is not read here; files ending in {Endings} are. Rename it, or convert it.");
        }
    }

    private static DataRows Delimited(string file, DataOptions options, DataFaults faults, List<string> statements, Func<List<string>,
        string[]?>? headerless)
    {
        char delimiter = DelimitedFile.FindDelimiter(file, options);
        if (options.Delimiter is null) statements.Add($"{file}: fields are separated by {Name(delimiter)}");
        DelimitedFile.Record header = DelimitedFile.Records(file, delimiter, options, new DataFaults()).FirstOrDefault();
        if (header.Fields is null) throw Empty(file, faults);
        string[]? names = headerless?.Invoke(header.Fields);
        if (names is not null) statements.Add($"{file}: the first line is no header; columns are {string.Join(", ", names)}");
        string[] columns = names ?? [.. header.Fields.Select(f => f.Trim())];
        if (columns.GroupBy(c => c, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new InvalidFileException(file, FormattableString.Invariant($"line {header.Line}"),
                $"has the column '{twice.Key}' twice; rename one of them");
        return new DataRows(file, columns, Rows());

        IEnumerable<DataRow> Rows()
        {
            foreach (DelimitedFile.Record record in DelimitedFile.Records(file, delimiter, options, faults).Skip(names is null ? 1 : 0))
            {
                DataPlace place = new(file, record.Line);
                if (record.Fields.Count != columns.Length)
                {
                    faults.Add(place, FormattableString.Invariant($"has {Printable.Counted(record.Fields.Count, "field")} and the header {columns.Length} (separated by {Name(delimiter)}); quote a field that holds one"));
                    continue;
                }

                Dictionary<string, object?> fields = new(StringComparer.Ordinal);
                for (int i = 0; i < columns.Length; i++) fields[columns[i]] = record.Fields[i];
                yield return new DataRow(place, fields);
            }
        }
    }

    private static DataRows ByFirst(string file, IEnumerable<DataRow> rows, DataFaults faults)
    {
        // A file is read once: its first row waits here for the others.
        IEnumerator<DataRow> enumerator = rows.GetEnumerator();
        if (!enumerator.MoveNext()) throw Empty(file, faults);
        DataRow first = enumerator.Current;
        return new DataRows(file, [.. first.Fields.Keys], All());

        IEnumerable<DataRow> All()
        {
            using (enumerator)
            {
                yield return first;
                while (enumerator.MoveNext()) yield return enumerator.Current;
            }
        }
    }

    private static InputException Empty(string file, DataFaults faults)
        => new(faults.All.Count > 0 ? $"{faults.All[0]}. No row of the file can be read."
            : $"{file}: holds no rows; one example per row was expected.");

    private static string Name(char delimiter) => delimiter switch
    {
        '\t' => "tabs",
        ';' => "semicolons",
        ',' => "commas",
        _ => $"'{delimiter}'",
    };
}

/// <summary>Rows of JSON files.</summary>
internal static class JsonRows
{
    /// <summary>One object per line.</summary>
    public static IEnumerable<DataRow> Lines(string file, DataOptions options, DataFaults faults)
    {
        foreach (TextLine line in TextLines.Read(file, options, faults))
        {
            if (string.IsNullOrWhiteSpace(line.Text)) continue;
            DataPlace place = new(file, line.Number);
            if (Parse(System.Text.Encoding.UTF8.GetBytes(line.Text), place, faults) is { } row) yield return row;
        }
    }

    /// <summary>An array of objects.</summary>
    public static IEnumerable<DataRow> Array(string file, DataOptions options, DataFaults faults)
    {
        byte[] bytes = TextLines.ReadBytes(file, options);
        List<(int Start, int End)> items = Items(bytes, file);
        long line = 1;
        int counted = 0;
        foreach ((int start, int end) in items)
        {
            line += bytes.AsSpan(counted, start - counted).Count((byte)'\n');
            counted = start;
            if (Parse(bytes.AsMemory(start, end - start), new DataPlace(file, line), faults) is { } row) yield return row;
        }
    }

    /// <summary>A JSON value as a field.</summary>
    public static object? Value(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String => json.GetString(),
        JsonValueKind.Number => json.TryGetInt64(out long whole) ? (object)whole : json.GetDouble(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Array => json.EnumerateArray().Select(Value).ToList(),
        JsonValueKind.Object => json.EnumerateObject().ToDictionary(p => p.Name, p => Value(p.Value), StringComparer.Ordinal),
        _ => null,
    };

    private static DataRow? Parse(ReadOnlyMemory<byte> utf8, DataPlace place, DataFaults faults)
    {
        try
        {
            using JsonDocument json = StrictJson.Parse(utf8, "");
            if (json.RootElement.ValueKind == JsonValueKind.Object) return new DataRow(place,
                (Dictionary<string, object?>)Value(json.RootElement)!);
            faults.Add(place, $"is {StrictJson.Describe(json.RootElement)}; an object with named fields was expected");
        }
        catch (InvalidFileException e)
        {
            faults.Add(place, e.Message.TrimStart(':', ' '));
        }
        catch (InvalidOperationException)
        {
            faults.Add(place, "has a text with an escaped lone surrogate, which is not a character");
        }

        return null;
    }

    private static List<(int Start, int End)> Items(byte[] bytes, string file)
    {
        List<(int, int)> items = [];
        Utf8JsonReader reader = new(bytes, new JsonReaderOptions { MaxDepth = StrictJson.MaximumDepth });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
                throw new InvalidFileException(file, "$",
                    "is no array; a .json file of rows is an array of objects, a .jsonl file has one object per line");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                int start = (int)reader.TokenStartIndex;
                reader.Skip();
                items.Add((start, (int)reader.BytesConsumed));
            }
        }
        catch (JsonException e)
        {
            throw new InvalidFileException(file, FormattableString.Invariant($"line {e.LineNumber + 1}"), "is not valid JSON: "
                + e.Message.Split(" LineNumber")[0].TrimEnd('.'), e);
        }

        return items;
    }
}
