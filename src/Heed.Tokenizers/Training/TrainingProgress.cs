namespace Heed.Tokenizers.Training;

/// <summary>What a trainer is doing.</summary>
public enum TrainingPhase
{
    /// <summary>Reading the text and counting its words; the unit is one text (line), the total is not known.</summary>
    CountWords,

    /// <summary>Making merges (BPE, WordPiece); the unit is one token of the vocabulary.</summary>
    Merge,

    /// <summary>Finding the candidates of a Unigram vocabulary; the unit is one candidate.</summary>
    Seed,

    /// <summary>Estimating and pruning a Unigram vocabulary; done is the number of pieces left, total the number wanted.</summary>
    Prune,
}

/// <summary>One report of a trainer.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Done">Units done, see <see cref="TrainingPhase"/>.</param>
/// <param name="Total">Units in all, or null where it is not known.</param>
public readonly record struct TrainingProgress(TrainingPhase Phase, long Done, long? Total);
