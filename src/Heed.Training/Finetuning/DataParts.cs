using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>The examples of a run: those to learn from and those to evaluate on.</summary>
/// <param name="Training">To learn from.</param>
/// <param name="HeldOut">To evaluate on; empty for none.</param>
/// <param name="Report">What the training examples hold.</param>
/// <param name="Statements">How they were divided, a sentence each.</param>
internal sealed record DataParts<T>(
    IReadOnlyList<T> Training, IReadOnlyList<T> HeldOut, DataReport Report, IReadOnlyList<string> Statements)
{
    /// <summary>Reads the files of the settings: a dev file is the held-out part, else a part of the training file is.
    /// Without a training file the test file is the held-out part: a finished model is judged.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="read">Reads a file.</param>
    /// <param name="divide">Holds out a part.</param>
    /// <param name="report">Reports on the data to learn from, with the dev file's.</param>
    public static DataParts<T> Read(FinetuningConfig config, Func<string, ExampleSet<T>> read,
        Func<ExampleSet<T>, double, DataSplit<T>> divide, Func<ExampleSet<T>, ExampleSet<T>?, DataReport> report)
    {
        if (config.Train.Length == 0)
        {
            ExampleSet<T> judged = read(config.Test);
            return new DataParts<T>([], judged.Examples, report(judged, null), []);
        }

        ExampleSet<T> all = read(config.Train);
        ExampleSet<T>? dev = config.Dev.Length == 0 || config.Dev == FinetuningConfig.NoDev ? null : read(config.Dev);
        DataSplit<T>? split = config.Dev.Length == 0 ? divide(all, config.HeldOut) : null;
        IReadOnlyList<T> training = split?.Training ?? all.Examples, heldOut = split?.HeldOut ?? dev?.Examples ?? [];
        string[] statements = split is null ? [] : [FinetuningData.Divided(training.Count, heldOut.Count)];
        return new DataParts<T>(training, heldOut, report(all with { Examples = training }, dev), statements);
    }
}
