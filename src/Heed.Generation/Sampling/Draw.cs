using Heed.Engine.Kernels;

namespace Heed.Generation.Sampling;

/// <summary>One id from a row of scores.</summary>
internal static class Draw
{
    /// <summary>The id with the largest score; of equal ones the first.</summary>
    /// <exception cref="NumericalException">A score is not a number.</exception>
    public static int Largest(ReadOnlySpan<float> scores) => scores.IndexOf(Best(scores));

    /// <summary>An id with the probability softmax(scores), decided by the random number of a step.</summary>
    public static int Sample(ReadOnlySpan<float> scores, CounterRandom random, ulong step)
    {
        float max = Best(scores);
        if (!float.IsFinite(max)) return Largest(scores);
        double sum = 0;
        for (int i = 0; i < scores.Length; i++)
            if (scores[i] != float.NegativeInfinity) sum += Math.Exp(scores[i] - max);
        (uint a, uint b, _, _) = random.Block(step);
        double rest = sum * ((((ulong)a << 21) ^ (b >> 11)) * (1.0 / (1UL << 53)));
        int last = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            if (scores[i] == float.NegativeInfinity) continue;
            last = i;
            rest -= Math.Exp(scores[i] - max);
            if (rest < 0) break;
        }

        return last;
    }

    /// <summary>The error of scores that are NaN.</summary>
    public static NumericalException NotNumbers()
        => new("The scores of the next token are not numbers (NaN): the weights are damaged or overflow; 'heed verify' checks the folder.");

    private static float Best(ReadOnlySpan<float> scores)
    {
        float best = Probabilities.Max(scores);
        return float.IsNaN(best) ? throw NotNumbers() : best;
    }
}
