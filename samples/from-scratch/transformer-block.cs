// One encoder layer of the first Transformer with plain loops: Vaswani et al. 2017, section 3.1 and figure 1 (left).
//
//     dotnet run samples/from-scratch/transformer-block.cs
//
//     X ← LayerNorm(X + MultiHead(X))                          section 3.2.2
//     X ← LayerNorm(X + W₂ max(0, W₁ X + b₁) + b₂)             section 3.3, equation (2)

#if !HEED_TEST
const int T = 4, D = 8, H = 2, F = 16;
FromScratch.TransformerBlock block = FromScratch.TransformerBlock.Random(D, H, F, seed: 1);
double[,] X = FromScratch.TransformerBlock.Noise(T, D, seed: 99);
double[,] Y = block.Forward(X);
Console.WriteLine($"X: [{T}, {D}]    {H} heads of {D / H}    feed-forward: {D} → {F} → {D}    output: [{T}, {D}]\n");
for (int i = 0; i < T; i++)
{
    double mean = 0;
    for (int d = 0; d < D; d++)
    {
        Console.Write($"{Y[i, d],9:0.0000}");
        mean += Y[i, d] / D;
    }

    Console.WriteLine($"    mean {mean:0.0000}");
}
#endif

namespace FromScratch
{
    /// <summary>Attention mixes the tokens, the feed-forward part works on each alone; both add to a stream that is normalised behind each addition.</summary>
    public sealed class TransformerBlock
    {
        public required int Heads { get; init; }
        public required double[,] WQ { get; init; }         // [D, D]: weights are [outputs, inputs]
        public required double[,] WK { get; init; }
        public required double[,] WV { get; init; }
        public required double[,] WO { get; init; }
        public required double[,] W1 { get; init; }         // [F, D]
        public required double[] B1 { get; init; }          // [F]
        public required double[,] W2 { get; init; }         // [D, F]
        public required double[] B2 { get; init; }          // [D]

        /// <summary>X: [T, D] → [T, D]. Biases of attention are zero and the norms' gains one, as they are when training begins.</summary>
        public double[,] Forward(double[,] X)
        {
            X = LayerNorm(Add(X, Attention(X)));
            return LayerNorm(Add(X, FeedForward(X)));
        }

        /// <summary>Concat(head_1, …, head_H) W_Oᵀ.</summary>
        public double[,] Attention(double[,] X)
        {
            int T = X.GetLength(0), D = X.GetLength(1), K = D / Heads;
            double[] zero = new double[D], p = new double[T];
            double[,] Q = Linear(X, WQ, zero), Keys = Linear(X, WK, zero), V = Linear(X, WV, zero), heads = new double[T, D];
            for (int at = 0; at < D; at += K)                    // each head owns K columns
            {
                for (int i = 0; i < T; i++)
                {
                    double max = double.NegativeInfinity, sum = 0;
                    for (int j = 0; j < T; j++)
                    {
                        double dot = 0;
                        for (int k = 0; k < K; k++) dot += Q[i, at + k] * Keys[j, at + k];
                        p[j] = dot / Math.Sqrt(K);
                        max = Math.Max(max, p[j]);
                    }

                    for (int j = 0; j < T; j++) sum += p[j] = Math.Exp(p[j] - max);
                    for (int j = 0; j < T; j++)
                        for (int k = 0; k < K; k++) heads[i, at + k] += p[j] / sum * V[j, at + k];
                }
            }

            return Linear(heads, WO, zero);
        }

        /// <summary>W₂ max(0, W₁ x + b₁) + b₂ for each row x.</summary>
        public double[,] FeedForward(double[,] X)
        {
            double[,] inner = Linear(X, W1, B1);
            for (int i = 0; i < inner.GetLength(0); i++)
                for (int f = 0; f < inner.GetLength(1); f++) inner[i, f] = Math.Max(0, inner[i, f]);
            return Linear(inner, W2, B2);
        }

        /// <summary>Each row with mean 0 and variance 1: Ba et al. 2016.</summary>
        public static double[,] LayerNorm(double[,] X)
        {
            int T = X.GetLength(0), D = X.GetLength(1);
            double[,] Y = new double[T, D];
            for (int i = 0; i < T; i++)
            {
                double mean = 0, variance = 0;
                for (int d = 0; d < D; d++) mean += X[i, d] / D;
                for (int d = 0; d < D; d++) variance += (X[i, d] - mean) * (X[i, d] - mean) / D;
                for (int d = 0; d < D; d++) Y[i, d] = (X[i, d] - mean) / Math.Sqrt(variance + 1e-5);
            }

            return Y;
        }

        public static TransformerBlock Random(int D, int heads, int F, int seed)
        {
            double[,] biases = Noise(2, Math.Max(D, F), seed + 6);
            return new TransformerBlock
            {
                Heads = heads,
                WQ = Noise(D, D, seed),
                WK = Noise(D, D, seed + 1),
                WV = Noise(D, D, seed + 2),
                WO = Noise(D, D, seed + 3),
                W1 = Noise(F, D, seed + 4),
                B1 = [.. Enumerable.Range(0, F).Select(f => biases[0, f])],
                W2 = Noise(D, F, seed + 5),
                B2 = [.. Enumerable.Range(0, D).Select(d => biases[1, d])],
            };
        }

        /// <summary>Numbers between −1 and 1 that look random and are the same every time.</summary>
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

        private static double[,] Add(double[,] a, double[,] b)
        {
            double[,] sum = new double[a.GetLength(0), a.GetLength(1)];
            for (int i = 0; i < a.GetLength(0); i++)
                for (int d = 0; d < a.GetLength(1); d++) sum[i, d] = a[i, d] + b[i, d];
            return sum;
        }

        private static double[,] Linear(double[,] X, double[,] W, double[] b)
        {
            double[,] Y = new double[X.GetLength(0), W.GetLength(0)];
            for (int i = 0; i < X.GetLength(0); i++)
                for (int f = 0; f < W.GetLength(0); f++)
                {
                    Y[i, f] = b[f];
                    for (int d = 0; d < X.GetLength(1); d++) Y[i, f] += X[i, d] * W[f, d];
                }

            return Y;
        }
    }
}
