using Heed.Generation;

namespace Heed.Lab;

/// <summary>How experiments run.</summary>
public sealed record LabOptions
{
    /// <summary>Three seeds, no model, no times.</summary>
    public static LabOptions Default { get; } = new();

    /// <summary>Each experiment runs once per seed; the result is the median, with its range.</summary>
    public IReadOnlyList<int> Seeds { get; init; } = [1, 2, 3];

    /// <summary>A model for the experiments that can run on one (<see cref="Experiment.UsesModel"/>); null: models made by seed, and
    /// experiments that need a real one are skipped. It stays open.</summary>
    public HeedModel? Model { get; init; }

    /// <summary>Folder in which long experiments keep the parts that are finished, so that a run that was stopped goes on there; null: they
    /// work in a folder that is deleted afterwards.</summary>
    public string? Work { get; init; }

    /// <summary>True to measure times too, where an experiment has some; they are never judged.</summary>
    public bool Times { get; init; }

    /// <summary>Most optimizer steps of anything that is trained: tests run the mechanics of an experiment in seconds.</summary>
    internal int StepLimit { get; init; } = int.MaxValue;
}

/// <summary>Where a run of experiments stands.</summary>
/// <param name="Experiment">The experiment that runs.</param>
/// <param name="Text">The seed, and what is trained or measured.</param>
public sealed record LabProgress(Experiment Experiment, string Text);
