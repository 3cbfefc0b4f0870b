namespace Heed.Retrieval;

/// <summary>How often two words stand near each other.</summary>
/// <param name="Word">Row of words.</param>
/// <param name="Context">Row of contexts.</param>
/// <param name="Count">Σ 1/distance.</param>
internal readonly record struct WordPairCount(int Word, int Context, double Count);

/// <summary>
/// GloVe: w·c + b + d learns ln of how often two words stand near each other, frequent pairs weighing more. AdaGrad as in glove.c: half the
/// gradient, squares that start at 1 and grow after use. Double precision.
/// </summary>
/// <remarks>Pennington et al. 2014.</remarks>
/// <param name="words">w, [V, D].</param>
/// <param name="contexts">c, [V, D].</param>
/// <param name="wordBias">b, [V].</param>
/// <param name="contextBias">d, [V].</param>
/// <param name="width">D.</param>
internal sealed class GloVe(double[] words, double[] contexts, double[] wordBias, double[] contextBias, int width)
{
    /// <summary>The count from which pairs weigh the same.</summary>
    public const double MaximumCount = 100;

    /// <summary>How weights grow with counts below it.</summary>
    public const double Alpha = 0.75;

    /// <summary>Sums of squares, in the order words, contexts, word biases, context biases.</summary>
    public double[][] Squares { get; } = [Ones(words), Ones(contexts), Ones(wordBias), Ones(contextBias)];

    /// <summary>1/distance for each pair within a window of a sentence.</summary>
    /// <param name="sentences">Rows of the vocabulary.</param>
    /// <param name="window">Greatest distance.</param>
    /// <param name="symmetric">True: both ways, so a word with itself counts twice; false: the left word is the row.</param>
    /// <returns>The pairs that occur, by word and then context.</returns>
    public static WordPairCount[] Counts(IEnumerable<ReadOnlyMemory<int>> sentences, int window, bool symmetric)
    {
        Dictionary<(int, int), double> counts = [];
        foreach (ReadOnlyMemory<int> sentence in sentences)
        {
            ReadOnlySpan<int> ids = sentence.Span;
            for (int i = 0; i < ids.Length; i++)
            {
                for (int j = i + 1; j < ids.Length && j - i <= window; j++)
                {
                    Add((ids[i], ids[j]), 1.0 / (j - i));
                    if (symmetric) Add((ids[j], ids[i]), 1.0 / (j - i));
                }
            }
        }

        return [.. counts.Select(p => new WordPairCount(p.Key.Item1, p.Key.Item2, p.Value)).OrderBy(p => p.Word).ThenBy(p => p.Context)];

        void Add((int, int) pair, double much)
            => System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(counts, pair, out _) += much;
    }

    /// <summary>Σ min(1, x/100)^0.75·(w·c + b + d − ln x)², the paper's sum.</summary>
    public double Loss(IEnumerable<WordPairCount> pairs) => pairs.Sum(p => Weight(p) * Difference(p) * Difference(p));

    /// <summary>The gradient of <see cref="Loss"/>, in the order words, contexts, word biases, context biases.</summary>
    public double[][] Gradients(IEnumerable<WordPairCount> pairs)
    {
        double[][] gradients = [new double[words.Length], new double[contexts.Length], new double[wordBias.Length],
            new double[contextBias.Length]];
        foreach (WordPairCount p in pairs)
        {
            double f = 2 * Weight(p) * Difference(p);
            for (int d = 0; d < width; d++)
            {
                gradients[0][(p.Word * width) + d] += f * contexts[(p.Context * width) + d];
                gradients[1][(p.Context * width) + d] += f * words[(p.Word * width) + d];
            }

            gradients[2][p.Word] += f;
            gradients[3][p.Context] += f;
        }

        return gradients;
    }

    /// <summary>One pass over the pairs, in their order.</summary>
    /// <param name="pairs">The pairs.</param>
    /// <param name="rate">The rate, which the squares count too.</param>
    /// <returns>Half of the weighted squares as each pair found them: what glove.c reports.</returns>
    public double Epoch(IEnumerable<WordPairCount> pairs, double rate)
    {
        double cost = 0;
        foreach (WordPairCount p in pairs)
        {
            double difference = Difference(p), f = Weight(p) * difference;
            cost += 0.5 * f * difference;
            f *= rate;
            int w = p.Word * width, c = p.Context * width;
            for (int d = 0; d < width; d++)
            {
                double stepOfWord = f * contexts[c + d], stepOfContext = f * words[w + d];
                Step(words, Squares[0], w + d, stepOfWord);
                Step(contexts, Squares[1], c + d, stepOfContext);
            }

            Step(wordBias, Squares[2], p.Word, f);
            Step(contextBias, Squares[3], p.Context, f);
        }

        return cost;
    }

    private static void Step(double[] table, double[] squares, int at, double step)
    {
        table[at] -= step / Math.Sqrt(squares[at]);
        squares[at] += step * step;
    }

    private static double Weight(WordPairCount p) => Math.Pow(Math.Min(1, p.Count / MaximumCount), Alpha);

    private double Difference(WordPairCount p)
    {
        double sum = wordBias[p.Word] + contextBias[p.Context] - Math.Log(p.Count);
        for (int d = 0; d < width; d++) sum += words[(p.Word * width) + d] * contexts[(p.Context * width) + d];
        return sum;
    }

    private static double[] Ones(double[] like) => [.. Enumerable.Repeat(1.0, like.Length)];
}
