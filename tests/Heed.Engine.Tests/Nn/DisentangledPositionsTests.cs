using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Xunit;

namespace Heed.Engine.Tests.Nn;

public class DisentangledPositionsTests
{
    [Fact]
    public void Buckets_are_exact_when_near_and_logarithmic_when_far()
    {
        int[] distances = [0, 127, 128, 130, 140, 200, 300, 400, 511, 512, 600];
        int[] buckets = [0, 127, 128, 130, 137, 169, 207, 233, 255, 256, 270];
        Assert.Equal(buckets, distances.Select(d => DisentangledPositions.Bucket(d, 256, 512)));
        Assert.Equal(buckets.Select(b => -b), distances.Select(d => DisentangledPositions.Bucket(-d, 256, 512)));
        int[] few = [2, 3, 4, 5, 10, 20, 38, 39, 40];
        Assert.Equal([2, 3, 4, 4, 4, 5, 5, 5, 6], few.Select(d => DisentangledPositions.Bucket(d, 6, 40)));
        Assert.Equal(700, DisentangledPositions.Bucket(700, 0, 512));
    }

    [Fact]
    public void Rows_follow_the_distances_to_either_end_of_the_table()
    {
        DisentangledConfig config = new() { Width = 4, Span = 6, Buckets = 6, Farthest = 40 };
        DisentangledPositions positions = new(config, new ParameterSet(ParameterSource.ShapesOnly).Root);
        Assert.Equal([0, 0, 1, 3, 5, 6, 7, 9, 11, 11], new[] { -900, -50, -39, -3, -1, 0, 1, 3, 39, 50 }.Select(positions.RowOf));
        Assert.Equal(new Shape(12, 4), positions.Rows.Weight.Shape);
    }

    [Fact]
    public void A_distance_without_an_entry_and_short_rows_are_refused()
    {
        AttentionSequence[] rows = [new(0, 3, 0, 3)];
        float[] a = new float[9], y = new float[9];
        RelativeEntries entries = new([0, 1, 2, 1, 0], 3), near = new([0, 1, 2], 3), wide = new([0, 1, 2, 3, 4], 3);
        RelativeScoresKernel.Invoke(a, default, 1, entries, 1, rows, y);
        Assert.Throws<ArgumentException>(() => RelativeScoresKernel.Invoke(a, default, 1, near, 1, rows, y));
        Assert.Throws<ArgumentException>(() => RelativeScoresKernel.Invoke(a, default, 1, wide, 1, rows, y));
        Assert.Throws<ArgumentException>(() => RelativeScoresKernel.Invoke(a.AsSpan(1), default, 1, entries, 1, rows, y));
        Assert.Throws<ArgumentException>(() => RelativeScoresKernel.Invoke(a, default, 1, entries, 1, rows, y.AsSpan(1)));
    }
}
