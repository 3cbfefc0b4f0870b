// Multi-head self-attention with plain loops: Vaswani et al. 2017, section 3.2.2.
//
//     dotnet run samples/from-scratch/multi-head.cs
//
// H heads look at the same rows, each through its own K = D / H columns of Q, K and V. Their outputs stand side by side and are mixed by one last product:
//     MultiHead(X) = Concat(head_1, …, head_H) W_O,    head_h = softmax(Q_h K_hᵀ / √K) V_h

#if !HEED_TEST
const int T = 5, D = 8, H = 2;
FromScratch.MultiHead.Weights w = FromScratch.MultiHead.Random(D, seed: 1);
double[,] X = FromScratch.MultiHead.Noise(T, D, seed: 9);
double[,] Y = FromScratch.MultiHead.Forward(X, w, H, causal: true);
Console.WriteLine($"X: [{T}, {D}]    {H} heads of {D / H}    W_Q, W_K, W_V, W_O: [{D}, {D}]    output: [{T}, {D}]\n");
for (int i = 0; i < T; i++)
{
    for (int j = 0; j < D; j++) Console.Write($"{Y[i, j],9:0.0000}");
    Console.WriteLine();
}
#endif

namespace FromScratch
{
    /// <summary>Several attentions side by side.</summary>
    public static class MultiHead
    {
        /// <summary>The four products: weights [outputs, inputs], biases [outputs].</summary>
        public sealed record Weights(double[,] WQ, double[] BQ, double[,] WK, double[] BK, double[,] WV, double[] BV, double[,] WO, double[] BO);

        /// <summary>X: [T, D] → [T, D].</summary>
        public static double[,] Forward(double[,] X, Weights w, int heads, bool causal)
        {
            int T = X.GetLength(0), D = X.GetLength(1), K = D / heads;
            double[,] Q = Linear(X, w.WQ, w.BQ), Keys = Linear(X, w.WK, w.BK), V = Linear(X, w.WV, w.BV);
            double[,] concatenated = new double[T, D];
            double[] p = new double[T];
            for (int h = 0; h < heads; h++)
            {
                int at = h * K;                                 // head h owns the columns at … at + K − 1
                for (int i = 0; i < T; i++)
                {
                    int seen = causal ? i + 1 : T;
                    double max = double.NegativeInfinity, sum = 0;
                    for (int j = 0; j < seen; j++)
                    {
                        double dot = 0;
                        for (int k = 0; k < K; k++) dot += Q[i, at + k] * Keys[j, at + k];
                        p[j] = dot / Math.Sqrt(K);
                        max = Math.Max(max, p[j]);
                    }

                    for (int j = 0; j < seen; j++) sum += p[j] = Math.Exp(p[j] - max);
                    for (int j = 0; j < seen; j++)
                        for (int k = 0; k < K; k++) concatenated[i, at + k] += p[j] / sum * V[j, at + k];
                }
            }

            return Linear(concatenated, w.WO, w.BO);
        }

        /// <summary>X Wᵀ + b.  X: [T, D], W: [F, D] → [T, F].</summary>
        public static double[,] Linear(double[,] X, double[,] W, double[] b)
        {
            int T = X.GetLength(0), D = X.GetLength(1), F = W.GetLength(0);
            double[,] Y = new double[T, F];
            for (int i = 0; i < T; i++)
                for (int f = 0; f < F; f++)
                {
                    double sum = b[f];
                    for (int d = 0; d < D; d++) sum += X[i, d] * W[f, d];
                    Y[i, f] = sum;
                }

            return Y;
        }

        /// <summary>Weights that look random and are the same every time.</summary>
        public static Weights Random(int D, int seed) => new(
            Noise(D, D, seed), Row(D, seed + 1), Noise(D, D, seed + 2), Row(D, seed + 3), Noise(D, D, seed + 4), Row(D, seed + 5), Noise(D, D, seed + 6), Row(D, seed + 7));

        /// <summary>Numbers between −1 and 1.</summary>
        public static double[,] Noise(int rows, int columns, int seed)
        {
            double[,] x = new double[rows, columns];
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++)
                {
                    double wave = Math.Sin((i * 12.9898) + (j * 78.233) + (seed * 37.719)) * 43758.5453;
                    x[i, j] = (2 * (wave - Math.Floor(wave))) - 1;
                }

            return x;
        }

        private static double[] Row(int width, int seed)
        {
            double[,] noise = Noise(1, width, seed);
            return [.. Enumerable.Range(0, width).Select(i => noise[0, i])];
        }
    }
}
