using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>ALiBi: each head adds its slope times the distance to the scores, so that far keys count less.</summary>
/// <remarks>Press et al., arXiv:2108.12409 §3.</remarks>
/// <param name="heads">H.</param>
/// <param name="bothDirections">True in encoders: keys after the query are penalized by their distance, as those before it are.</param>
public sealed class AlibiBias(int heads, bool bothDirections = false) : Module, IDistanceBias
{
    /// <summary>The slopes: a geometric sequence from 2^(−8/n) for n heads, a power of 2; for other numbers every second one of the next
    /// power's follows.</summary>
    /// <returns>[H].</returns>
    public static float[] Slopes(int heads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        int power = 1 << int.Log2(heads);
        float[] slopes = new float[heads];
        for (int h = 0; h < heads; h++)
            slopes[h] = (float)(h < power ? Math.Pow(2, -8.0 * (h + 1) / power)
                : Math.Pow(2, -8.0 * ((2 * (h - power)) + 1) / (2 * power)));
        return slopes;
    }

    /// <summary>True where biases are counted from the first key instead of the query (BLOOM): each row of scores is then higher by a
    /// constant, which no softmax sees. Hooks are shown those scores.</summary>
    internal bool FromFirstKey { get; init; }

    /// <inheritdoc/>
    public Variable Distances(int length)
    {
        int count = (2 * length) - 1;
        Tensor table = Tensor.Uninitialized(heads, count);
        float[] slopes = Slopes(heads);
        Span<float> values = table.Span;
        for (int h = 0; h < heads; h++)
        {
            for (int i = 0; i < count; i++)
            {
                int distance = i - (length - 1);                                     // key position − query position
                values[(h * count) + i] = slopes[h] * (bothDirections ? -Math.Abs(distance) : distance);
            }
        }

        return table;
    }
}
