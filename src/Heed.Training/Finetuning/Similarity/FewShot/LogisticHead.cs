namespace Heed.Training.Finetuning;

/// <summary>
/// A logistic regression over vectors: C·Σ w·cross-entropy + ½‖W‖², intercepts free, at its optimum. Two classes have one row of weights,
/// more have one each.
/// </summary>
/// <param name="Weights">[R, D] in row-major order.</param>
/// <param name="Intercepts">[R].</param>
internal sealed record LogisticHead(double[] Weights, double[] Intercepts)
{
    /// <summary>Finds the optimum.</summary>
    /// <param name="vectors">[N, D].</param>
    /// <param name="width">D.</param>
    /// <param name="labels">[N]: 0 … classes − 1.</param>
    /// <param name="classes">2 or more.</param>
    /// <param name="strength">C: how much the examples count against small weights.</param>
    /// <param name="balanced">True for weights N ÷ (K·N_c).</param>
    public static LogisticHead Fit(
        ReadOnlyMemory<float> vectors, int width, IReadOnlyList<int> labels, int classes, double strength = 1, bool balanced = false)
    {
        double[] factors = [.. labels.Select(l => strength * (balanced
            ? (double)labels.Count / (classes * labels.Count(o => o == l)) : 1))];
        Problem problem = new(vectors, width, labels, classes, factors);
        return problem.HeadOf(LimitedMemoryBfgs.Minimize(problem.Evaluate, new double[problem.Rows * (width + 1)]));
    }

    /// <summary>Scores of a vector, one a row.</summary>
    public double[] Scores(ReadOnlySpan<float> vector)
    {
        double[] scores = [.. Intercepts];
        for (int r = 0; r < scores.Length; r++)
            for (int d = 0; d < vector.Length; d++) scores[r] += Weights[(r * vector.Length) + d] * vector[d];
        return scores;
    }

    /// <summary>Probabilities of the classes.</summary>
    public double[] Probabilities(ReadOnlySpan<float> vector)
    {
        double[] scores = Scores(vector);
        if (scores.Length == 1)
        {
            double p = 1 / (1 + Math.Exp(-scores[0]));
            return [1 - p, p];
        }

        double greatest = scores.Max();
        double[] weights = Array.ConvertAll(scores, s => Math.Exp(s - greatest));
        double whole = weights.Sum();
        return Array.ConvertAll(weights, w => w / whole);
    }

    /// <summary>The loss with its derivatives. Parameters are [R, D + 1], the intercept last.</summary>
    private sealed class Problem(ReadOnlyMemory<float> vectors, int width, IReadOnlyList<int> labels, int classes, double[] factors)
    {
        public int Rows { get; } = classes == 2 ? 1 : classes;

        public LogisticHead HeadOf(double[] at)
        {
            double[] weights = new double[Rows * width], intercepts = new double[Rows];
            for (int r = 0; r < Rows; r++)
            {
                Array.Copy(at, r * (width + 1), weights, r * width, width);
                intercepts[r] = at[(r * (width + 1)) + width];
            }

            if (Rows == 1) return new LogisticHead(weights, intercepts);
            double mean = intercepts.Average();
            return new LogisticHead(weights, Array.ConvertAll(intercepts, b => b - mean));
        }

        public (double Value, double[] Gradient) Evaluate(double[] at)
        {
            double value = 0;
            double[] gradient = new double[at.Length];
            for (int r = 0; r < Rows; r++)
            {
                for (int d = 0; d < width; d++)
                {
                    double w = at[(r * (width + 1)) + d];
                    value += 0.5 * w * w;
                    gradient[(r * (width + 1)) + d] = w;
                }
            }

            for (int i = 0; i < labels.Count; i++)
            {
                (double[] p, double nats) = Row(at, i);
                value += factors[i] * nats;
                for (int r = 0; r < Rows; r++) Add(gradient, r, i, factors[i] * (p[r] - Target(i, r)));
            }

            return (value, gradient);
        }

        private double Target(int i, int r) => Rows == 1 ? labels[i] : labels[i] == r ? 1 : 0;

        private void Add(double[] gradient, int r, int i, double c)
        {
            ReadOnlySpan<float> x = vectors.Span.Slice(i * width, width);
            Span<double> row = gradient.AsSpan(r * (width + 1), width + 1);
            for (int d = 0; d < x.Length; d++)
                if (x[d] != 0) row[d] += c * x[d];   // bags of words are mostly zeros
            row[width] += c;
        }

        private (double[] Probabilities, double Nats) Row(double[] at, int i)
        {
            double[] scores = new double[Rows];
            ReadOnlySpan<float> x = vectors.Span.Slice(i * width, width);
            for (int r = 0; r < Rows; r++)
            {
                ReadOnlySpan<double> row = at.AsSpan(r * (width + 1), width + 1);
                double sum = 0;
                for (int d = 0; d < x.Length; d++)
                    if (x[d] != 0) sum += row[d] * x[d];
                scores[r] = sum + row[width];
            }

            if (Rows == 1)
            {
                double s = scores[0];
                return ([1 / (1 + Math.Exp(-s))], Math.Max(s, 0) - (labels[i] * s) + Math.Log(1 + Math.Exp(-Math.Abs(s))));
            }

            double greatest = scores.Max(), whole = scores.Sum(s => Math.Exp(s - greatest));
            return (Array.ConvertAll(scores, s => Math.Exp(s - greatest) / whole), Math.Log(whole) + greatest - scores[labels[i]]);
        }
    }
}
