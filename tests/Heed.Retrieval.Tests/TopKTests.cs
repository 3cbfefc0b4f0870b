using CsCheck;

namespace Heed.Retrieval.Tests;

public class TopKTests
{
    [Fact]
    public void The_best_are_those_of_a_stable_sort()
    {
        // Few different values, so that most are equal to others.
        Gen.Select(Gen.Int[-3, 3].Array[0, 60], Gen.Int[0, 70]).Sample((values, count) =>
        {
            float[] scores = [.. values.Select((v, i) => v == 0 ? (i % 2 == 0 ? 0f : -0f) : v)];
            int[] expected = [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).Take(count)];
            return TopK.Of<float>(scores, count).SequenceEqual(expected);
        });
    }

    [Fact]
    public void What_is_no_number_comes_last()
        => Assert.Equal([3, 1, 4, 0, 2], TopK.Of<double>([double.NaN, 1, double.NaN, double.PositiveInfinity, double.NegativeInfinity], 9));
}
