using Parquet;
using Parquet.Serialization;

namespace Heed.Training.Data;

/// <summary>Rows of Parquet files, one row group at a time.</summary>
internal static class ParquetRows
{
    /// <summary>The rows.</summary>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is no Parquet file, or holds a type that cannot be read.</exception>
    public static IEnumerable<DataRow> Read(string file)
    {
        using FileStream stream = InputFile.Open(file);
        (int groups, string[] columns) = Guard(file, () => Shape(stream).GetAwaiter().GetResult());
        long number = 0;
        for (int group = 0; group < groups; group++)
        {
            int now = group;
            stream.Position = 0;
            var rows = Guard(file,
                () => ParquetSerializer.DeserializeUntypedAsync(stream, null, now, CancellationToken.None).GetAwaiter().GetResult().Data);
            foreach (var row in rows)
            {
                number++;
                // A null is absent from the row that the library gives.
                yield return new DataRow(new DataPlace(file, number, IsRow: true),
                    columns.ToDictionary(c => c, c => Value(row.GetValueOrDefault(c)), StringComparer.Ordinal));
            }
        }
    }

    private static async Task<(int Groups, string[] Columns)> Shape(FileStream stream)
    {
        await using ParquetReader reader = await ParquetReader.CreateAsync(stream, null, true,
            CancellationToken.None).ConfigureAwait(false);
        return (reader.RowGroupCount, [.. reader.Schema.Fields.Select(f => f.Name)]);
    }

    private static object? Value(object? value) => value switch
    {
        null => null,
        string or bool or long or double => value,
        ReadOnlyMemory<char> text => text.ToString(),
        sbyte or byte or short or ushort or int or uint => Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture),
        float single => (double)single,
        decimal number => (double)number,
        Half half => (double)half,
        byte[] bytes => System.Text.Encoding.UTF8.GetString(bytes),
        ReadOnlyMemory<byte> bytes => System.Text.Encoding.UTF8.GetString(bytes.Span),
        IDictionary<string, object> fields => fields.ToDictionary(f => f.Key, f => Value(f.Value), StringComparer.Ordinal),
        System.Collections.IEnumerable items => items.Cast<object?>().Select(Value).ToList(),
        _ => value.ToString(),
    };

    /// <summary>Turns what the library throws about a damaged file into an error that names it.</summary>
    private static T Guard<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (HeedException or OutOfMemoryException or OperationCanceledException))
        {
            throw new InvalidFileException(file, "",
                $"cannot be read as Parquet: {e.Message.TrimEnd('.')}. Write it again, or convert it to JSONL", e);
        }
    }
}
