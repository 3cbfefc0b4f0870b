using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>Where sines and cosines lie in a row of <see cref="SinusoidalPositions"/>.</summary>
public enum SinusoidalLayout
{
    /// <summary>Sine, cosine, sine, cosine … as in the paper.</summary>
    Interleaved,

    /// <summary>All sines, then all cosines (Marian, tensor2tensor).</summary>
    Halves,
}

/// <summary>Fixed positions: sin and cos of position / 10000^(2i/D).  positions: [N] → [N, D].</summary>
/// <remarks>Vaswani et al. 2017, §3.5.</remarks>
/// <param name="width">D; of an odd width the last cosine is left out.</param>
/// <param name="layout">Where sines and cosines lie.</param>
public sealed class SinusoidalPositions(int width, SinusoidalLayout layout = SinusoidalLayout.Interleaved) : Module
{
    /// <summary>Rows for positions.</summary>
    /// <param name="positions">[N], in tokens.</param>
    /// <returns>[N, D]; computed in float64 and rounded once.</returns>
    public Tensor Forward(ReadOnlySpan<int> positions)
    {
        Tensor y = Tensor.Uninitialized(positions.Length, width);
        Span<float> values = y.Span;
        int sines = (width + 1) / 2;
        for (int i = 0; i < sines; i++)
        {
            double frequency = Math.Pow(10000, -2.0 * i / width);
            (int sine, int cosine) = layout == SinusoidalLayout.Interleaved ? (2 * i, (2 * i) + 1) : (i, sines + i);
            for (int n = 0; n < positions.Length; n++)
            {
                (double s, double c) = Math.SinCos(positions[n] * frequency);
                values[(n * width) + sine] = (float)s;
                if (cosine < width) values[(n * width) + cosine] = (float)c;
            }
        }

        return y;
    }
}
