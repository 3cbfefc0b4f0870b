namespace Heed.Tokenizers.Training;

/// <summary>What every trainer takes; the subclasses name the model.</summary>
public abstract record TrainerSettings
{
    /// <summary>Tokens wanted in all, special tokens and alphabet included.</summary>
    public int VocabularySize { get; init; } = 30_000;

    /// <summary>Tokens that get the first ids, in this order, and are never split.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = [];

    /// <summary>Threads that count words, ≥ 1, or 0 for one a processor. The result does not depend on it.</summary>
    public int Threads { get; init; }

    internal int ThreadCount => Threads == 0 ? Environment.ProcessorCount : Threads;

    /// <summary>Checks the ranges of all settings.</summary>
    /// <exception cref="ConfigException">A setting is out of its range.</exception>
    public virtual void Validate()
    {
        if (VocabularySize is < 1 or > 100_000_000) throw Bad(nameof(VocabularySize), VocabularySize, "from 1 to 100,000,000");
        if (Threads is < 0 or > 4096) throw Bad(nameof(Threads), Threads, "from 0 (one a processor) to 4096");
        foreach (string token in SpecialTokens)
            if (string.IsNullOrEmpty(token)) throw new ConfigException($"{nameof(SpecialTokens)} holds an empty token; every special token needs at least one character.");
    }

    private protected static ConfigException Bad(string name, object value, string allowed) =>
        new(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name} is {value}; it must be {allowed}."));
}

/// <summary>Settings of byte-pair encoding (Sennrich et al. 2016), the names and defaults as in Hugging Face's <c>BpeTrainer</c>.</summary>
public record BpeTrainerSettings : TrainerSettings
{
    /// <summary>Token for characters outside the vocabulary; null drops them.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>A pair must be this frequent to be merged.</summary>
    public long MinimumFrequency { get; init; }

    /// <summary>Characters that the alphabet holds even where the text does not; the first code point of each entry counts.</summary>
    public IReadOnlyList<string> InitialAlphabet { get; init; } = [];

    /// <summary>Most characters in the alphabet, or null for all; the least frequent ones are cut, of equally frequent ones the higher code
    /// points.</summary>
    public int? LimitAlphabet { get; init; }

    /// <summary>Marks a token that does not start a word, such as <c>##</c>; null for none.</summary>
    public string? ContinuingSubwordPrefix { get; init; }

    /// <summary>Marks a token that ends a word, such as <c>&lt;/w&gt;</c>; null for none.</summary>
    public string? EndOfWordSuffix { get; init; }

    /// <summary>Tokens made by merging merged tokens are shorter than this, in code points; null for no limit.</summary>
    public int? MaximumTokenLength { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (MinimumFrequency < 0) throw Bad(nameof(MinimumFrequency), MinimumFrequency, "0 or more");
        if (LimitAlphabet is < 0) throw Bad(nameof(LimitAlphabet), LimitAlphabet, "0 or more");
        if (MaximumTokenLength is < 1) throw Bad(nameof(MaximumTokenLength), MaximumTokenLength, "1 or more");
    }
}

/// <summary>Settings of a WordPiece vocabulary, trained by merges as Hugging Face's <c>WordPieceTrainer</c> does.</summary>
public sealed record WordPieceTrainerSettings : BpeTrainerSettings
{
    /// <summary>Starts with the prefix <c>##</c> and the unknown token <c>[UNK]</c>, which belongs into
    /// <see cref="TrainerSettings.SpecialTokens"/>.</summary>
    public WordPieceTrainerSettings() => (ContinuingSubwordPrefix, UnknownToken) = ("##", "[UNK]");

    /// <summary>Words longer than this, in code points, become the unknown token.</summary>
    public int MaximumWordLength { get; init; } = 100;
}

/// <summary>Settings of a vocabulary of whole words, most frequent first.</summary>
public sealed record WordLevelTrainerSettings : TrainerSettings
{
    /// <summary>A word must be this frequent to get an id.</summary>
    public long MinimumFrequency { get; init; }

    /// <summary>Token for words outside the vocabulary.</summary>
    public string UnknownToken { get; init; } = "<unk>";

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (MinimumFrequency < 0) throw Bad(nameof(MinimumFrequency), MinimumFrequency, "0 or more");
    }
}

/// <summary>Settings of a Unigram language model (Kudo 2018), the names and defaults as in Hugging Face's <c>UnigramTrainer</c>.</summary>
public sealed record UnigramTrainerSettings : TrainerSettings
{
    /// <summary>Starts with 8,000 tokens.</summary>
    public UnigramTrainerSettings() => VocabularySize = 8_000;

    /// <summary>Characters that the vocabulary holds even where the text does not; the first code point of each entry counts.</summary>
    public IReadOnlyList<string> InitialAlphabet { get; init; } = [];

    /// <summary>Token for characters outside the vocabulary; put first where it is not among the special tokens; null for none.</summary>
    public string? UnknownToken { get; init; } = "<unk>";

    /// <summary>Part of the pieces kept by each pruning, between 0 and 1.</summary>
    public double ShrinkingFactor { get; init; } = 0.75;

    /// <summary>Rounds of expectation and maximisation before each pruning.</summary>
    public int SubIterations { get; init; } = 2;

    /// <summary>Longest piece, in code points.</summary>
    public int MaximumPieceLength { get; init; } = 16;

    /// <summary>Most candidates to start from.</summary>
    public int SeedSize { get; init; } = 1_000_000;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (!(ShrinkingFactor is > 0 and < 1)) throw Bad(nameof(ShrinkingFactor), ShrinkingFactor, "between 0 and 1");
        if (SubIterations is < 1 or > 1000) throw Bad(nameof(SubIterations), SubIterations, "from 1 to 1000");
        if (MaximumPieceLength is < 1 or > 1000) throw Bad(nameof(MaximumPieceLength), MaximumPieceLength, "from 1 to 1000");
        if (SeedSize < 1) throw Bad(nameof(SeedSize), SeedSize, "1 or more");
    }
}
