using Heed.Engine.Kernels;
using Heed.Engine.Runtime;
using Heed.Models.Embeddings;

namespace Heed.Retrieval.Tests;

/// <summary>Exact search: equal to a plain loop in double precision, to the bit.</summary>
public class PackedVectorsTests
{
    public static TheoryData<VectorSimilarity, VectorFormat, int> Kinds
    {
        get
        {
            TheoryData<VectorSimilarity, VectorFormat, int> kinds = [];
            foreach (VectorSimilarity similarity in Enum.GetValues<VectorSimilarity>())
                foreach (VectorFormat format in (VectorFormat[])[VectorFormat.Float32, VectorFormat.Float16])
                    foreach (int width in (int[])[1, 7, 16, 65, 384, 1100]) kinds.Add(similarity, format, width);
            return kinds;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_nearest_are_those_of_a_plain_loop_at_every_width(
        VectorSimilarity similarity, VectorFormat format, int width)
    {
        const int Rows = 300, Top = 9;
        float[] values = Values(Rows, width, seed: width);
        PackedVectors packed = PackedVectors.Pack(values, width, format);
        float[] query = [.. values.AsSpan(5 * width, width).ToArray().Select((v, i) => v + (0.01f * (i % 3)))];
        Ranked[] expected = Plain(packed, query, similarity, _ => true, Top), some = Plain(packed, query, similarity, i => i % 3 == 1, Top);
        bool[] allowed = [.. Enumerable.Range(0, Rows).Select(i => i % 3 == 1)];
        LaneWidth before = Lanes.Width;
        try
        {
            foreach (LaneWidth lanes in Enum.GetValues<LaneWidth>().Where(w => w != LaneWidth.None && w <= Lanes.Widest))
            {
                Lanes.Width = lanes;
                foreach (int threads in (int[])[1, 2])
                {
                    using ComputeContext context = new(new ComputeOptions { Threads = threads });
                    using ContextScope scope = context.Enter();
                    Assert.Equal(expected, packed.Nearest(query, Top, similarity));
                    Assert.Equal(some, packed.Nearest(query, Top, similarity, allowed));
                }
            }
        }
        finally
        {
            Lanes.Width = before;
        }
    }

    [Fact]
    public void Huge_tiny_and_zero_vectors_are_ranked_exactly_too()
    {
        float[] values = Values(60, 24, seed: 3);
        for (int row = 0; row < 60; row++)
        {
            float scale = (row % 5) switch { 0 => 1e30f, 1 => 1e-30f, 2 => 0f, 3 => 1e-42f, _ => 1f };
            for (int d = 0; d < 24; d++) values[(row * 24) + d] *= scale;
        }

        PackedVectors packed = PackedVectors.Pack(values, 24);
        foreach (float size in (float[])[1f, 1e-30f, 1e30f])
        {
            float[] query = [.. Values(1, 24, seed: 9).Select(v => v * size)];
            foreach (VectorSimilarity similarity in Enum.GetValues<VectorSimilarity>())
                Assert.Equal(Plain(packed, query, similarity, _ => true, 20), packed.Nearest(query, 20, similarity));
        }
    }

    [Fact]
    public void Bits_are_scored_after_a_pass_of_distances()
    {
        float[] values = Values(200, 50, seed: 4), query = Values(1, 50, seed: 5);
        PackedVectors bits = PackedVectors.Pack(values, 50, VectorFormat.Binary), floats = PackedVectors.Pack(values, 50);
        // With a multiplier that takes all rows the answer is that of the bits as vectors.
        PackedVectors asVectors = PackedVectors.Pack([.. Enumerable.Range(0, 200).SelectMany(i => bits[i])], 50);
        Assert.Equal(asVectors.Nearest(query, 5, VectorSimilarity.Dot).Select(r => r.Score),
            bits.Nearest(query, 5, VectorSimilarity.Dot, multiplier: 200).Select(r => r.Score));
        bool[] allowed = [.. Enumerable.Range(0, 200).Select(i => i < 3)];
        Assert.Equal(3, bits.Nearest(query, 5, VectorSimilarity.Dot, allowed).Count);
        Assert.Throws<ArgumentException>(() => bits.Nearest(query, 5));
        Assert.Equal(50, floats[7].Length);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.Throws<ArgumentException>(() => PackedVectors.Pack([1, 2, 3], 2));
        PackedVectors packed = PackedVectors.Pack([1, 2, 3, 4], 2);
        Assert.Throws<ArgumentException>(() => packed.Nearest([1], 1));
        Assert.Throws<ArgumentException>(() => packed.Nearest([1, 2], 1, allowed: [true]));
        Assert.Empty(packed.Nearest([1, 2], 0));
        Assert.Empty(packed.Nearest([1, 2], 3, allowed: [false, false]));
        Assert.Empty(PackedVectors.Pack([], 2).Nearest([1, 2], 3));
    }

    private static Ranked[] Plain(PackedVectors packed, float[] query, VectorSimilarity similarity, Func<int, bool> allowed, int top)
        => [.. Enumerable.Range(0, packed.Count).Where(allowed).Select(i => new Ranked(i, similarity.Of(query, packed[i])))
            .OrderByDescending(r => r.Score).Take(top)];

    /// <summary>Random rows, some equal to others and some nearly so.</summary>
    private static float[] Values(int rows, int width, int seed)
    {
        Random random = new(seed);
        float[] values = new float[rows * width];
        for (int row = 0; row < rows; row++)
        {
            for (int d = 0; d < width; d++)
            {
                values[(row * width) + d] = row % 7 == 3 ? values[((row - 3) * width) + d]
                    : row % 7 == 4 ? MathF.BitIncrement(values[((row - 4) * width) + d]) : (float)((2 * random.NextDouble()) - 1);
            }
        }

        return values;
    }
}
