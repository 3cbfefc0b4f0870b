namespace Heed.Retrieval;

/// <summary>How word vectors are learned.</summary>
public enum WordVectorMethod
{
    /// <summary>Each context word predicts the word in the middle (word2vec).</summary>
    SkipGram,

    /// <summary>The mean of the context words predicts the word in the middle (word2vec).</summary>
    Cbow,

    /// <summary>Products of vectors learn how often two words stand near each other (GloVe).</summary>
    GloVe,
}

/// <summary>Settings of <see cref="WordVectorTrainer"/>.</summary>
public sealed record WordVectorConfig
{
    /// <summary>How vectors are learned.</summary>
    public WordVectorMethod Method { get; init; }

    /// <summary>Numbers of a vector.</summary>
    public int Width { get; init; } = 100;

    /// <summary>Greatest distance of two words that learn from each other, in words. word2vec draws a reach up to it for each word; GloVe
    /// counts 1/distance.</summary>
    public int Window { get; init; } = 5;

    /// <summary>Words that are drawn as wrong answers for each right one; not for GloVe.</summary>
    public int Negatives { get; init; } = 5;

    /// <summary>Share of the text from which a word is frequent and is left out now and then (word2vec.c's <c>-sample</c>); 0: none. Not
    /// for GloVe.</summary>
    public double Sample { get; init; } = 1e-3;

    /// <summary>How often a word must come to get a vector.</summary>
    public int MinimumCount { get; init; } = 5;

    /// <summary>Passes over the text; for GloVe over the counts.</summary>
    public int Epochs { get; init; } = 5;

    /// <summary>The rate at first; null: 0.025 for skip-gram, 0.05 for CBOW and GloVe. word2vec's falls to 1/10000 of it.</summary>
    public double? Rate { get; init; }

    /// <summary>Seed of everything that is drawn.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>False: words are lower-cased runs of letters, digits and <c>_</c>, as BM25 counts them. True: the text is tokenized
    /// already;
    /// blanks alone separate its words, which stay as they are (word2vec.c's reading).</summary>
    public bool SplitsAtBlanks { get; init; }

    /// <exception cref="ConfigException">A value is out of range.</exception>
    internal void Validate()
    {
        Check(Width is >= 1 and <= 10_000, nameof(Width), Width, "a whole number from 1 to 10000");
        Check(Window is >= 1 and <= 100, nameof(Window), Window, "a whole number from 1 to 100");
        Check(Negatives is >= 1 and <= 100, nameof(Negatives), Negatives, "a whole number from 1 to 100");
        Check(Sample is >= 0 and < 1, nameof(Sample), Sample, "a number from 0 and below 1");
        Check(MinimumCount >= 1, nameof(MinimumCount), MinimumCount, "a whole number from 1");
        Check(Epochs >= 1, nameof(Epochs), Epochs, "a whole number from 1");
        Check(Rate is null or (> 0 and <= 10), nameof(Rate), Rate, "a number above 0 and at most 10");
    }

    private static void Check(bool holds, string name, object? value, string wanted)
    {
        if (!holds)
            throw new ConfigException(string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"{nameof(WordVectorConfig)}.{name}: is {value}; {wanted} was expected."));
    }
}

/// <summary>How far a training of word vectors is.</summary>
/// <param name="Words">Words read, over all epochs; of GloVe pairs.</param>
/// <param name="TotalWords">What it is at the end.</param>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Rate">The rate now.</param>
/// <param name="Loss">Mean loss of a prediction since the report before, from one prediction in a hundred; of GloVe the mean cost of a
/// pair of
/// the epoch that ended.</param>
public sealed record WordTrainingProgress(long Words, long TotalWords, int Epoch, double Rate, double Loss);
