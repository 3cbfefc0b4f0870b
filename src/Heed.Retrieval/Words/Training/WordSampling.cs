using Heed.Engine.Kernels;

namespace Heed.Retrieval;

/// <summary>What word2vec draws from, and how its rate falls.</summary>
internal static class WordSampling
{
    /// <summary>count^power ÷ Σ: how often each word is drawn as a negative.</summary>
    public static double[] Unigram(ReadOnlySpan<long> counts, double power)
    {
        double[] weights = new double[counts.Length];
        double sum = 0;
        for (int i = 0; i < weights.Length; i++) sum += weights[i] = Math.Pow(counts[i], power);
        for (int i = 0; i < weights.Length; i++) weights[i] /= sum;
        return weights;
    }

    /// <summary>The chance that one occurrence of a word is learned from: min(1, (√(f/t) + 1)·t/f), f = count/total (word2vec.c).</summary>
    public static double Keep(long count, long total, double sample)
    {
        double f = (double)count / total;
        return sample <= 0 ? 1 : Math.Min(1, (Math.Sqrt(f / sample) + 1) * sample / f);
    }

    /// <summary>The paper's chance: min(1, √(t/f)). Published code does not use it.</summary>
    public static double KeepByThePaper(long count, long total, double sample) => Math.Min(1, Math.Sqrt(sample * total / count));

    /// <summary>start·max(1 − seen/(epochs·words + 1), 1e-4).</summary>
    /// <param name="start">The rate at first.</param>
    /// <param name="seen">Words read in all epochs, those left out by sampling included.</param>
    /// <param name="words">Words of one epoch.</param>
    /// <param name="epochs">Epochs.</param>
    public static double Rate(double start, long seen, long words, int epochs)
        => start * Math.Max(1 - (seen / (((double)epochs * words) + 1)), 1e-4);

    /// <summary>First and last place of the window around a word; the word itself lies between.</summary>
    /// <param name="at">The word's place.</param>
    /// <param name="length">Words of the sentence.</param>
    /// <param name="window">The widest reach.</param>
    /// <param name="takenOff">0 … window − 1, less reach.</param>
    public static (int First, int Last) Window(int at, int length, int window, int takenOff)
        => (Math.Max(0, at - (window - takenOff)), Math.Min(length - 1, at + (window - takenOff)));
}

/// <summary>Numbers drawn one after another from a counter-based generator: the same for the same seed, whatever else runs.</summary>
internal struct WordDraws(ulong seed, ulong stream)
{
    private readonly CounterRandom _random = new(seed, stream);
    private (uint A, uint B, uint C, uint D) _block;
    private ulong _index;

    /// <summary>The next 32 bits.</summary>
    public uint Next()
    {
        if ((_index & 3) == 0) _block = _random.Block(_index >> 2);
        return (_index++ & 3) switch { 0 => _block.A, 1 => _block.B, 2 => _block.C, _ => _block.D };
    }

    /// <summary>Uniform in [0, bound) but for a bias below bound/2³².</summary>
    public int Below(int bound) => (int)(((ulong)Next() * (uint)bound) >> 32);
}

/// <summary>Draws words by given probabilities: 32 bits fall into one of V intervals, found by a guide and a short search.</summary>
internal sealed class WordUrn
{
    private readonly uint[] _ends;
    private readonly int[] _guide = new int[1 << 16];

    public WordUrn(double[] probabilities)
    {
        _ends = new uint[probabilities.Length];
        double sum = 0;
        for (int i = 0; i < _ends.Length; i++)
            _ends[i] = (uint)Math.Min(uint.MaxValue, Math.Round((sum += probabilities[i]) * 4294967296.0));
        _ends[^1] = uint.MaxValue;
        int word = 0;
        for (int g = 0; g < _guide.Length; g++)
        {
            while (word < _ends.Length - 1 && _ends[word] <= (uint)g << 16) word++;
            _guide[g] = word;
        }
    }

    /// <summary>Where each word's interval ends, of 2³²; the last one's is 2³² − 1.</summary>
    public ReadOnlySpan<uint> Ends => _ends;

    /// <summary>The word into whose interval some bits fall.</summary>
    public int Word(uint bits)
    {
        int word = _guide[bits >> 16];
        while (word < _ends.Length - 1 && _ends[word] <= bits) word++;
        return word;
    }
}
