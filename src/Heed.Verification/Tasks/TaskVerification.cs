using System.Text.Json;

namespace Heed.Verification;

/// <summary>What a folder of rows of tasks gave.</summary>
/// <param name="Results">One result per row that was run, in the files' order.</param>
/// <param name="NotRun">Rows whose model, which others published, is not at hand: what they are, and which model it is.</param>
internal sealed record TaskResults(IReadOnlyList<VerificationResult> Results, IReadOnlyList<string> NotRun);

/// <summary>
/// Compares what models make of texts with stored answers of the reference, row by row: any folder in the form of <c>goldens/pipelines</c>
/// (its README).
/// </summary>
internal static class TaskVerification
{
    private const string TrainingData = "training-data";

    private static readonly string[] FileNames =
    [
        "text-classification", "token-classification", "zero-shot", "question-answering", "question-nbest", "fill-mask",
        "feature-extraction", "text-generation", "seq2seq", "cross-encoder", "sentence-embeddings", "similarity", "scoring", "calibration",
    ];

    private static readonly Func<TaskFolder, string, JsonElement, string?>[] Kinds =
    [
        TextTaskCases.Difference, EntityTaskCases.Difference, QuestionTaskCases.Difference, ScoringTaskCases.Difference,
        GenerationTaskCases.Difference, EmbeddingTaskCases.Difference, TrainingDataCases.Difference, CorruptionCases.Difference,
    ];

    /// <summary>Whether a folder holds rows of tasks.</summary>
    public static bool IsRows(string folder)
        => Directory.Exists(Path.Combine(folder, "models"))
            && (Array.Exists(FileNames, name => File.Exists(Path.Combine(folder, name + ".jsonl")))
                || Files(Path.Combine(folder, TrainingData)).Length > 0);

    /// <summary>Runs every row of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="model">The folder of a model that rows name and the folder does not hold, or null.</param>
    /// <param name="cancellationToken">Looked at before each row.</param>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A line is no JSON object, or there are no rows.</exception>
    public static TaskResults Run(string folder, string? model = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        List<VerificationResult> results = [];
        List<string> notRun = [];
        using TaskFolder models = new(folder, model);
        foreach (string file in (string[])[.. Files(folder), .. Files(Path.Combine(folder, TrainingData))])
        {
            foreach ((int line, JsonElement row) in TokenizerVerification.Lines(file))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (row.ValueKind != JsonValueKind.Object) throw new InvalidFileException(file, $"line {line}",
                    $"is {StrictJson.Describe(row)}; each line is an object with \"task\", \"model\" and what the reference gave");
                string task = row.TryGetProperty("task", out JsonElement name) && name.ValueKind == JsonValueKind.String
                    ? name.GetString()! : "";
                string what = $"{task} ({Path.GetFileNameWithoutExtension(file)}, line {line})";
                bool isMissing = false;
                VerificationResult result = TokenizerVerification.Check(folder, what, () =>
                {
                    if (row.TryGetProperty("model", out JsonElement named) && models.PathOf(row.Text("model")) is null)
                    {
                        isMissing = true;
                        notRun.Add($"{what}: {named.GetString()}");
                    }

                    return isMissing ? null : Difference(models, task, row);
                });
                if (!isMissing) results.Add(result);
            }
        }

        if (results.Count + notRun.Count == 0) throw new InvalidFileException(folder, "",
            "has no rows of tasks; one JSON object per line was expected");
        return new TaskResults(results, notRun);
    }

    /// <summary>What a kind of rows answers for a task that is another's.</summary>
    internal const string NotMine = "\0";

    private static string? Difference(TaskFolder models, string task, JsonElement row)
    {
        foreach (Func<TaskFolder, string, JsonElement, string?> kind in Kinds)
            if (kind(models, task, row) is var difference and not NotMine) return difference;
        return $"'{Printable.Shorten(task)}' is no task of this version";
    }

    private static string[] Files(string folder)
        => Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, "*.jsonl").Order(StringComparer.Ordinal)] : [];
}
