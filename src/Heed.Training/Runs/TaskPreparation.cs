namespace Heed.Training.Runs;

/// <summary>What a task knows while a run makes it: the run's folder, whether it resumes, and whom to tell.</summary>
public sealed class TaskPreparation
{
    private readonly IProgress<string>? _status;
    private readonly List<string> _removed = [];

    internal TaskPreparation(string folder, RunCheckpoint? checkpoint, IProgress<string>? status, IProgress<string>? warnings,
        CancellationToken cancellationToken)
    {
        Folder = folder;
        Checkpoint = checkpoint;
        _status = status;
        Warnings = warnings;
        CancellationToken = cancellationToken;
    }

    /// <summary>The run's folder; a task may keep files there.</summary>
    public string Folder { get; }

    /// <summary>True if the run resumes: what the task makes must be what it was made of before.</summary>
    public bool IsResuming => Checkpoint is not null;

    /// <summary>Ends the preparation.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>Receives what <see cref="Warn"/> reports; null if nobody listens.</summary>
    internal IProgress<string>? Warnings { get; }

    /// <summary>The newest checkpoint, or null.</summary>
    internal RunCheckpoint? Checkpoint { get; }

    /// <summary>Parts of the folder that a refused run removes again.</summary>
    internal IReadOnlyList<string> Removed => _removed;

    /// <summary>Reports what is being prepared.</summary>
    public void Report(string status) => _status?.Report(status);

    /// <summary>Reports something odd that was accepted.</summary>
    public void Warn(string message) => Warnings?.Report(message);

    /// <summary>Names a file or folder, made by the task in <see cref="Folder"/>, that is of no use if its input is refused.</summary>
    public void RemoveIfRefused(string name) => _removed.Add(name);

    /// <summary>The sum that the newest checkpoint has under a name of <see cref="Tasks.TrainingTask.Fingerprints"/>; null if it has
    /// none.</summary>
    public string? Fingerprint(string name) => Checkpoint?.Fingerprints.GetValueOrDefault(name);

    /// <summary>Refuses to resume with something else than the run has learned from, before anything is written.</summary>
    /// <param name="name">A name of <see cref="Tasks.TrainingTask.Fingerprints"/>.</param>
    /// <param name="sum">What it is now.</param>
    /// <exception cref="InputException">The newest checkpoint has another sum.</exception>
    public void RequireSame(string name, string sum)
    {
        if (Fingerprint(name) is { } before && before != sum)
        {
            throw new InputException($"{Checkpoint!.Folder}: was trained on other {name} than the settings give now. "
                + $"Restore the texts and the tokenizer, or begin a run in another folder.");
        }
    }
}
