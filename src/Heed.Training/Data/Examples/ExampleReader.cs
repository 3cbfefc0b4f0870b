namespace Heed.Training.Data;

/// <summary>
/// Reads training data of every usual form. Columns are found by their names in English, German, French and Spanish, or named by the
/// caller; what was taken is stated, what is ambiguous is an error, and every fault is reported with file and line before anything is
/// trained.
/// </summary>
public static partial class ExampleReader
{
    /// <summary>Reads all rows of a file by <paramref name="read"/>, which gives null for a fault that it has reported.</summary>
    private static List<T> ReadRows<T>(DataRows rows, Func<DataRow, T?> read, CancellationToken cancellationToken)
        where T : class
    {
        List<T> examples = [];
        foreach (DataRow row in rows.Rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (read(row) is { } example) examples.Add(example);
        }

        return examples;
    }

    private static ExampleSet<T> Finish<T>(string path, List<T> examples, List<string> statements, DataFaults faults, DataOptions options)
    {
        CheckAny(path, examples.Count, faults, options);
        return new ExampleSet<T> { Examples = examples, Statements = statements, Faults = faults.All };
    }

    private static void CheckAny(string path, int examples, DataFaults faults, DataOptions options)
    {
        faults.ThrowUnlessSkipped(options);
        if (examples == 0) throw new InputException($"{path}: holds no example{(faults.All.Count > 0 ? $" without a fault; the first: {faults.All[0]}" : "; one or more are needed")}.");
    }

    /// <summary>A field that must be a text that is not blank; null, and a fault, if it is none.</summary>
    private static string? TextOf(DataRow row, string column, DataFaults faults)
    {
        if (!row.Fields.TryGetValue(column, out object? value)
            || value is null) faults.Add(row.Place, $"'{column}' is missing; a text was expected");
        else if (Scalar(value) is not { } text) faults.Add(row.Place, $"'{column}' is {Describe(value)}; a text was expected");
        else if (string.IsNullOrWhiteSpace(text)) faults.Add(row.Place, $"'{column}' is empty; a text was expected");
        else return text;
        return null;
    }

    /// <summary>A single value as text, null for lists and objects.</summary>
    private static string? Scalar(object? value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        long whole => FormattableString.Invariant($"{whole}"),
        double number => FormattableString.Invariant($"{number}"),
        _ => null,
    };

    private static string Describe(object? value) => value switch
    {
        null => "null",
        System.Collections.IDictionary => "an object",
        System.Collections.IList => "a list",
        _ => $"'{Printable.Shorten(Scalar(value) ?? "", 60)}'",
    };

    /// <summary>UTF-16 places of code points, the text's end included: data of Python counts code points.</summary>
    private static int[] CodePointPlaces(string text)
    {
        List<int> places = new(text.Length + 1);
        for (int i = 0; i < text.Length; i += i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]) ? 2 : 1) places.Add(i);
        places.Add(text.Length);
        return [.. places];
    }
}
