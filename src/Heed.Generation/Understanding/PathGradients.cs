using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Generation.Understanding;

/// <summary>Integrated gradients on the straight way from a baseline to a text's embeddings (Sundararajan et al. 2017, §3): one loop for
/// all
/// that explain.</summary>
internal static class PathGradients
{
    /// <summary>Points of the way, unless more are asked.</summary>
    public const int Steps = 64;

    private const int AtOnce = 8;

    /// <summary>F of copies of the text, summed: hooks put the embeddings in.</summary>
    /// <param name="copies">How many copies run.</param>
    /// <param name="hooks">Replaces the embeddings.</param>
    /// <returns>[]: the sum.</returns>
    public delegate Variable Ask(int copies, Hooks hooks);

    /// <summary>(e − e′) · the mean of ∂F/∂e at e′ + (k − ½)/steps · (e − e′), k = 1 … steps; all tokens move together.</summary>
    /// <param name="site">The embeddings' name for hooks.</param>
    /// <param name="rows">e, [T·D].</param>
    /// <param name="baseline">e′, [D], the same for each token.</param>
    /// <param name="steps">Points of the way, a multiple of 8.</param>
    /// <param name="ask">F.</param>
    /// <returns>[T·D].</returns>
    public static double[] Integrate(string site, float[] rows, float[] baseline, int steps, Ask ask)
    {
        int D = baseline.Length;
        float[] difference = new float[rows.Length];
        for (int i = 0; i < rows.Length; i++) difference[i] = rows[i] - baseline[i % D];
        double[] sums = new double[rows.Length];
        for (int done = 0; done < steps; done += AtOnce)
        {
            using TensorScope scope = TensorScope.Begin();
            int count = Math.Min(AtOnce, steps - done);
            Tensor points = Points(baseline, difference, [.. Enumerable.Range(done, count).Select(k => (k + 0.5f) / steps)]);
            Leaf leaf = new();
            using (Tape tape = Tape.BeginForInputs())
                tape.Backward(ask(count, new Hooks().Replace(site, (_, _) => leaf.Of(points))));
            ReadOnlySpan<float> gradients = leaf.Gradient!.Span;                                                    // [count·T, D]
            for (int i = 0; i < gradients.Length; i++) sums[i % rows.Length] += gradients[i];
            leaf.Clear();
        }

        for (int i = 0; i < sums.Length; i++) sums[i] = sums[i] / steps * difference[i];
        return sums;
    }

    /// <summary>Hooks that replace each token's embedding with the baseline.</summary>
    public static Hooks Baseline(string site, float[] baseline, int tokens)
    {
        Tensor start = Points(baseline, new float[tokens * baseline.Length], [0f]);
        return new Hooks().Replace(site, (_, _) => start);
    }

    /// <summary>e′ + share · (e − e′) for each share, [shares·T, D].</summary>
    private static Tensor Points(float[] mean, float[] difference, float[] shares)
    {
        int D = mean.Length;
        Tensor points = Tensor.Uninitialized(shares.Length * (difference.Length / D), D);
        Span<float> values = points.Span;
        for (int k = 0; k < shares.Length; k++)
            for (int i = 0; i < difference.Length; i++) values[(k * difference.Length) + i] = mean[i % D] + (shares[k] * difference[i]);
        return points;
    }
}
