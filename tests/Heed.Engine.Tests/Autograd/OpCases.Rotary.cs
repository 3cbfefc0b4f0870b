using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

internal static partial class OpCases
{
    private static IEnumerable<OpCase> Rotations()
    {
        int[] positions = [3, 0, 1];
        foreach ((int K, int R, RotaryPairs pairs) in new[] { (4, 4, RotaryPairs.Halves), (6, 4, RotaryPairs.Halves), (4, 4, RotaryPairs.Interleaved), (7, 2, RotaryPairs.Interleaved), (40, 40, RotaryPairs.Halves), (36, 34, RotaryPairs.Interleaved) })
        {
            double[] frequencies = [.. Enumerable.Range(0, R / 2).Select(i => Math.Pow(10, -2.0 * i / R))];
            float[] cos = new float[4 * R / 2], sin = new float[4 * R / 2];
            RotaryKernel.FillTables(frequencies, 1.25, 0, cos, sin);
            yield return new("RotaryOp", $"{pairs}, {R} of {K}", [S(3, 2, K)], v => RotaryOp.Apply(v[0], positions, cos, sin, R, pairs), w =>
            {
                Wide y = new([.. w[0].Values], w[0].Shape);
                for (int n = 0; n < 3; n++)
                {
                    for (int h = 0; h < 2; h++)
                    {
                        for (int i = 0; i < R / 2; i++)
                        {
                            (int a, int b) = pairs == RotaryPairs.Halves ? (i, i + (R / 2)) : (2 * i, (2 * i) + 1);
                            (double s, double c) = Math.SinCos(positions[n] * frequencies[i]);
                            y[n, h, a] = 1.25 * ((w[0][n, h, a] * c) - (w[0][n, h, b] * s));
                            y[n, h, b] = 1.25 * ((w[0][n, h, b] * c) + (w[0][n, h, a] * s));
                        }
                    }
                }

                return y;
            })
            { K = 4 };
        }
    }
}
