// Scaled dot-product attention with plain loops: Vaswani et al. 2017, "Attention Is All You Need", section 3.2.1, equation (1).
//
//     dotnet run samples/from-scratch/self-attention.cs
//
// T rows (tokens) of K numbers each. Every token asks a question (its query), offers a label (its key) and carries a message (its value).

#if !HEED_TEST
const int T = 5, K = 4;
double[,] Q = FromScratch.SelfAttention.Noise(T, K, seed: 1), Keys = FromScratch.SelfAttention.Noise(T, K, seed: 2), V = FromScratch.SelfAttention.Noise(T, K, seed: 3);
double[,] P = FromScratch.SelfAttention.Weights(Q, Keys, causal: true);
double[,] O = FromScratch.SelfAttention.Attend(Q, Keys, V, causal: true);
Console.WriteLine($"Q, K, V: [{T}, {K}]    weights P: [{T}, {T}]    output: [{T}, {K}]\n");
Console.WriteLine("P: row i shows how much token i takes from each token. It sees none behind itself, and each row adds up to 1.");
Print(P);
Console.WriteLine("\nOutput = P V: each row is a mean of the values, weighted by its row of P.");
Print(O);

static void Print(double[,] x)
{
    for (int i = 0; i < x.GetLength(0); i++)
    {
        for (int j = 0; j < x.GetLength(1); j++) Console.Write($"{x[i, j],9:0.0000}");
        Console.WriteLine();
    }
}
#endif

namespace FromScratch
{
    /// <summary>softmax(Q Kᵀ / √K) V.</summary>
    public static class SelfAttention
    {
        /// <summary>P = softmax(Q Kᵀ / √K), [T, S]: row i weighs the S keys for query i.</summary>
        public static double[,] Weights(double[,] Q, double[,] K, bool causal)
        {
            int T = Q.GetLength(0), S = K.GetLength(0), width = Q.GetLength(1);
            double[,] P = new double[T, S];
            for (int i = 0; i < T; i++)
            {
                int seen = causal ? i + 1 : S;      // a causal row sees itself and what stands before it; the rest keeps weight 0

                // Scores: how well does key j answer query i? The root keeps them from growing with the width.
                double max = double.NegativeInfinity;
                for (int j = 0; j < seen; j++)
                {
                    double dot = 0;
                    for (int k = 0; k < width; k++) dot += Q[i, k] * K[j, k];
                    P[i, j] = dot / Math.Sqrt(width);
                    max = Math.Max(max, P[i, j]);
                }

                // Softmax. Subtracting the largest score changes nothing in the result and keeps exp from overflowing.
                double sum = 0;
                for (int j = 0; j < seen; j++)
                {
                    P[i, j] = Math.Exp(P[i, j] - max);
                    sum += P[i, j];
                }

                for (int j = 0; j < seen; j++) P[i, j] /= sum;
            }

            return P;
        }

        /// <summary>P V, [T, K].</summary>
        public static double[,] Attend(double[,] Q, double[,] K, double[,] V, bool causal)
        {
            double[,] P = Weights(Q, K, causal);
            int T = P.GetLength(0), S = P.GetLength(1), width = V.GetLength(1);
            double[,] O = new double[T, width];
            for (int i = 0; i < T; i++)
                for (int j = 0; j < S; j++)
                    for (int k = 0; k < width; k++) O[i, k] += P[i, j] * V[j, k];
            return O;
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
    }
}
