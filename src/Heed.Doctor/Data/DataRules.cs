using System.Globalization;
using Heed.Training.Data;
using Heed.Training.Finetuning;

namespace Heed.Doctor.Data;

/// <summary>Rules on labelled examples, before and after a model reads them.</summary>
internal static class DataRules
{
    private const double ManyDuplicates = 0.1;

    /// <summary>Reads a file, without a model.</summary>
    /// <param name="config">Task and columns as in <c>heed finetune</c>; <c>train</c> is the file, <c>dev</c> and <c>test</c> those that
    /// must
    /// have nothing in common with it.</param>
    /// <param name="notes">Gets what is found.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    public static void Judge(FinetuningConfig config, Notes notes, CancellationToken cancellationToken)
    {
        DataOptions options = FinetuningData.Options(config);
        string task = config.Task ?? TaskOfData.Find(config.Train, options).Name;
        foreach ((string other, string what) in Others(config))
            Judge(ReportOf(task, config.Train, other, options, cancellationToken), other, what, notes);
        if (!Others(config).Any()) Judge(ReportOf(task, config.Train, null, options, cancellationToken), null, "", notes);
    }

    /// <summary>Judges the examples of a run, and what its length cuts.</summary>
    public static void Judge(FinetuningConfig config, FinetuningData data, Notes notes)
    {
        Judge(data.Report, config.Dev.Length > 0 && config.Dev != FinetuningConfig.NoDev ? config.Dev : null, "dev", notes);
        notes.Judged(Rules.TruncatedAnswers);
        if (data.LostAnswers(config) is { } lost)
            notes.Add(Rules.TruncatedAnswers, Path.GetFileName(config.Train), lost.TrimEnd('.'),
                string.Create(CultureInfo.InvariantCulture,
                    $"Set --maximum-length {Math.Min(data.Lengths.Longest, 2 * config.MaximumLength)} or more (for questions also "
                        + $"--stride), as far as the model has positions."));
    }

    /// <summary>The files that a training file must not overlap with.</summary>
    public static IEnumerable<(string Path, string What)> Others(FinetuningConfig config)
    {
        if (config.Dev.Length > 0 && config.Dev != FinetuningConfig.NoDev) yield return (config.Dev, "dev");
        if (config.Test.Length > 0) yield return (config.Test, "test");
    }

    private static void Judge(DataReport report, string? other, string what, Notes notes)
    {
        if (other is not null)
        {
            notes.Judged(Rules.Leakage);
            if (report.Overlap.Count > 0)
                notes.Add(Rules.Leakage, other, string.Create(CultureInfo.InvariantCulture,
                    $"{report.Overlap.Count:N0} {what} texts are in the training data; the first: {report.Overlap[0]}"),
                    "Remove these lines from one of the files, or leave --dev out: heed finetune then holds texts out and keeps equal "
                        + "ones on one side.");
        }

        // A text may be translated in several ways.
        if (report.Labels.Count > 0) notes.Judged(Rules.Contradictions);
        if (report.Labels.Count > 0 && report.Contradictions.Count > 0)
            notes.Add(Rules.Contradictions, report.Contradictions[0].Place.ToString(), string.Create(CultureInfo.InvariantCulture,
                $"{report.Contradictions.Count:N0} of {report.Examples:N0} texts stand there again with another label; the "
                    + $"first: {report.Contradictions[0]}"),
                "Decide which label is right and remove the other lines; where both are, use several labels (--kind multiple).");
        notes.Judged(Rules.Duplicates);
        if (report.Duplicates.Count > ManyDuplicates * report.Examples)
            notes.Add(Rules.Duplicates, report.Duplicates[0].Place.ToString(), string.Create(CultureInfo.InvariantCulture,
                $"{report.Duplicates.Count:N0} of {report.Examples:N0} examples stand there before with the same label; the "
                    + $"first: {report.Duplicates[0]}"),
                "Keep each text once.");
    }

    private static DataReport ReportOf(string task, string path, string? other, DataOptions options, CancellationToken cancellationToken)
    {
        switch (task)
        {
            case ClassificationData.Name:
                ClassificationSet all = ExampleReader.Classification(path, options, cancellationToken);
                return DataReport.Of(all, other is null ? null
                    : ExampleReader.Classification(other, options with { Kind = all.Kind }, cancellationToken));
            case EntityData.Name:
                return EntityData.HasSpans(path, options)
                    ? DataReport.Of(ExampleReader.Spans(path, options, cancellationToken),
                        Read(p => ExampleReader.Spans(p, options, cancellationToken)))
                    : DataReport.Of(ExampleReader.Tags(path, options, cancellationToken),
                        Read(p => ExampleReader.Tags(p, options, cancellationToken)));
            case QuestionData.Name:
                return DataReport.Of(ExampleReader.Questions(path, options, cancellationToken),
                    Read(p => ExampleReader.Questions(p, options, cancellationToken)));
            case RewritingData.Translation or RewritingData.Summarization:
                return DataReport.Of(ExampleReader.Rewritings(path, options, cancellationToken),
                    Read(p => ExampleReader.Rewritings(p, options, cancellationToken)));
            case SimilarityData.Name or RankingData.Name:
                return DataReport.Of(ExampleReader.Similarity(path, options, cancellationToken),
                    other is null ? null : ExampleReader.Similarity(other, options, cancellationToken));
            default:
                return DataReport.Of(ExampleReader.Chats(path, options, cancellationToken),
                    Read(p => ExampleReader.Chats(p, options, cancellationToken)));
        }

        T? Read<T>(Func<string, T> read)
            where T : class
            => other is null ? null : read(other);
    }
}
