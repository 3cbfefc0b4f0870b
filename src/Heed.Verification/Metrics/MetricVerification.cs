using System.Text.Json;

namespace Heed.Verification;

/// <summary>
/// Compares measures with stored answers of the reference, row by row: any folder in the form of <c>goldens/metrics</c> (its
/// README).
/// </summary>
internal static class MetricVerification
{
    /// <summary>The file that a folder of rows holds.</summary>
    internal const string FileName = "metrics.jsonl";

    /// <summary>Whether a folder holds rows.</summary>
    public static bool IsRows(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Computes every row of a folder and compares it with the row's <c>score</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancellationToken">Looked at before each row.</param>
    /// <returns>One result per row, in the file's order.</returns>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A line is no JSON object, or the file is empty.</exception>
    public static IReadOnlyList<VerificationResult> Run(string folder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string path = Path.Combine(folder, FileName);
        List<VerificationResult> results = [];
        foreach ((int line, JsonElement row) in TokenizerVerification.Lines(path))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (row.ValueKind != JsonValueKind.Object) throw new InvalidFileException(path, $"line {line}",
                $"is {StrictJson.Describe(row)}; each line is an object with \"metric\", inputs and \"score\"");
            string metric = row.TryGetProperty("metric", out JsonElement name) && name.ValueKind == JsonValueKind.String ? name.GetString()!
                : "";
            results.Add(TokenizerVerification.Check(folder, $"{metric} (line {line})", () => Compare(metric, row)));
        }

        return results.Count > 0 ? results : throw new InvalidFileException(path, "", "has no rows; one JSON object per line was expected");
    }

    private static string? Compare(string metric, JsonElement row)
    {
        object? found = TextMetricCases.Compute(metric, row) ?? LabelMetricCases.Compute(metric, row)
            ?? NumberMetricCases.Compute(metric, row);
        if (found is null) return $"'{metric}' is no measure of this version";
        return ScoreComparison.Difference(row.GetProperty("score"), found, "score");
    }
}
