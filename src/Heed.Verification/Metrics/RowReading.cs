using System.Text.Json;

namespace Heed.Verification;

/// <summary>
/// Inputs of a row as arrays. A field that is missing or of another kind throws what <see cref="TokenizerVerification.Check"/>
/// reports.
/// </summary>
internal static class RowReading
{
    public static string Text(this JsonElement row, string name)
        => row.GetProperty(name).GetString() ?? throw new FormatException($"'{name}' is null");

    public static int Number(this JsonElement row, string name) => row.GetProperty(name).GetInt32();

    public static double Real(this JsonElement row, string name) => row.GetProperty(name).GetDouble();

    public static bool Flag(this JsonElement row, string name) => row.GetProperty(name).GetBoolean();

    public static double? OptionalReal(this JsonElement row, string name)
        => row.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetDouble() : null;

    public static int[] Integers(this JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetInt32())];

    public static double[] Reals(this JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetDouble())];

    public static string[] Texts(this JsonElement list)
        => [.. list.EnumerateArray().Select(v => v.GetString() ?? throw new FormatException("a text is null"))];

    public static string?[][] Streams(this JsonElement list)
        => [.. list.EnumerateArray().Select(stream => (string?[])[.. stream.EnumerateArray().Select(v => v.GetString())])];

    public static string[][] Sentences(this JsonElement list) => [.. list.EnumerateArray().Select(Texts)];

    public static int[][] IntegerRows(this JsonElement list) => [.. list.EnumerateArray().Select(Integers)];

    /// <summary>A matrix in row-major order.</summary>
    public static double[] Matrix(this JsonElement list, out int width)
    {
        double[][] rows = [.. list.EnumerateArray().Select(Reals)];
        width = rows.Length == 0 ? 1 : rows[0].Length;
        foreach (double[] row in rows)
            if (row.Length != width) throw new FormatException("the rows differ in length");
        return [.. rows.SelectMany(r => r)];
    }

    /// <summary>A matrix of 0 and 1 in row-major order.</summary>
    public static bool[] Flags(this JsonElement list, out int width) => [.. Matrix(list, out width).Select(v => v != 0)];
}
