using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>T5's positions: a learned bias for each head and each bucket of distances, exact when near, logarithmic when far.</summary>
/// <remarks>Raffel et al., arXiv:1910.10683 §2.1.</remarks>
public sealed class RelativeBias : Module, IDistanceBias
{
    private readonly int _buckets;
    private readonly int _farthest;
    private readonly bool _bothDirections;

    /// <summary>Makes <c>weight</c>, [buckets, H].</summary>
    /// <param name="buckets">Number of buckets, at least 2 (4 for both directions).</param>
    /// <param name="farthest">Distance from which on all share the last bucket, in tokens.</param>
    /// <param name="heads">H.</param>
    /// <param name="bothDirections">True in encoders: half of the buckets is for keys after the query.</param>
    /// <param name="at">Where the table is named.</param>
    /// <param name="initializer">First values; normal with 0.02 where null.</param>
    public RelativeBias(int buckets, int farthest, int heads, bool bothDirections, ParameterScope at, Initializer? initializer = null)
        : base(at)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buckets, bothDirections ? 4 : 2);
        (_buckets, _farthest, _bothDirections) = (buckets, farthest, bothDirections);
        Weight = at.Parameter("weight", new Shape(buckets, heads), initializer ?? Initializer.Normal(0.02f));
    }

    /// <summary>[buckets, H].</summary>
    public Parameter Weight { get; }

    /// <summary>The bucket of a distance.</summary>
    /// <param name="distance">Key position − query position.</param>
    /// <param name="bothDirections">Whether keys after the query have buckets of their own.</param>
    /// <param name="buckets">Number of buckets.</param>
    /// <param name="farthest">Distance from which on all share the last bucket.</param>
    public static int Bucket(int distance, bool bothDirections, int buckets, int farthest)
    {
        int first = 0;
        if (bothDirections)
        {
            buckets /= 2;
            if (distance > 0) first = buckets;
            distance = Math.Abs(distance);
        }
        else
        {
            distance = -Math.Min(distance, 0);
        }

        int exact = buckets / 2;
        if (distance < exact) return first + distance;
        // In float32, as the reference does: its rounding decides at the borders.
        float far = MathF.Log((float)distance / exact) / (float)Math.Log((double)farthest / exact) * (buckets - exact);
        return first + Math.Min(exact + (int)far, buckets - 1);
    }

    /// <inheritdoc/>
    public Variable Distances(int length)
    {
        int[] buckets = new int[(2 * length) - 1];
        for (int i = 0; i < buckets.Length; i++) buckets[i] = Bucket(i - (length - 1), _bothDirections, _buckets, _farthest);
        return Weight.ToVariable().Gather(buckets).Transpose();                     // [2L − 1, H] → [H, 2L − 1]
    }
}
