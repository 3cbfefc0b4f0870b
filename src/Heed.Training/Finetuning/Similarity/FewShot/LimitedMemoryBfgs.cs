namespace Heed.Training.Finetuning;

/// <summary>Minimizes a smooth convex function by L-BFGS (Nocedal and Wright, algorithm 7.4), down to double precision.</summary>
internal static class LimitedMemoryBfgs
{
    private const int Memory = 30, MostSteps = 5000;
    private const double Enough = 1e-11;

    /// <summary>The place of the minimum.</summary>
    /// <param name="evaluate">Value and gradient.</param>
    /// <param name="start">Where to begin.</param>
    public static double[] Minimize(Func<double[], (double Value, double[] Gradient)> evaluate, double[] start)
    {
        double[] at = start;
        (double value, double[] gradient) = evaluate(at);
        List<(double[] Step, double[] Change)> pairs = [];
        for (int n = 0; n < MostSteps && gradient.Max(Math.Abs) > Enough; n++)
        {
            double[] direction = Direction(gradient, pairs);
            double slope = Dot(gradient, direction), length = n == 0 ? 1 / Math.Max(1, Math.Sqrt(Dot(gradient, gradient))) : 1;
            (double[] next, double nextValue, double[] nextGradient) = (at, value, gradient);
            bool falls = false;
            for (; !falls && length > 1e-16; length /= 2)
            {
                next = [.. at.Zip(direction, (a, d) => a - (length * d))];
                (nextValue, nextGradient) = evaluate(next);
                falls = nextValue <= value - (1e-4 * length * slope)
                    // Where values no longer differ, the gradient still says which place is lower.
                    || (nextValue <= value + (1e-14 * Math.Abs(value)) && Dot(nextGradient, nextGradient) < Dot(gradient, gradient));
            }

            if (!falls) break;
            double[] step = [.. next.Zip(at, (a, b) => a - b)], change = [.. nextGradient.Zip(gradient, (a, b) => a - b)];
            if (Dot(step, change) > 1e-300) pairs.Add((step, change));
            if (pairs.Count > Memory) pairs.RemoveAt(0);
            (at, value, gradient) = (next, nextValue, nextGradient);
        }

        return at;
    }

    /// <summary>An approximation of Hessian⁻¹·gradient.</summary>
    private static double[] Direction(double[] gradient, List<(double[] Step, double[] Change)> pairs)
    {
        double[] q = [.. gradient];
        double[] factors = new double[pairs.Count];
        for (int i = pairs.Count - 1; i >= 0; i--)
        {
            (double[] step, double[] change) = pairs[i];
            factors[i] = Dot(step, q) / Dot(step, change);
            for (int k = 0; k < q.Length; k++) q[k] -= factors[i] * change[k];
        }

        double scale = pairs.Count == 0 ? 1 : Dot(pairs[^1].Step, pairs[^1].Change) / Dot(pairs[^1].Change, pairs[^1].Change);
        for (int k = 0; k < q.Length; k++) q[k] *= scale;
        for (int i = 0; i < pairs.Count; i++)
        {
            (double[] step, double[] change) = pairs[i];
            double factor = factors[i] - (Dot(change, q) / Dot(step, change));
            for (int k = 0; k < q.Length; k++) q[k] += factor * step[k];
        }

        return q;
    }

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
