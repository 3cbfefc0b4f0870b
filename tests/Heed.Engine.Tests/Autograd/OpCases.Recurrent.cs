using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

internal static partial class OpCases
{
    private static IEnumerable<OpCase> Recurrences()
    {
        int[] starts = [0, 3, 4, 6];
        foreach ((string name, RecurrentCell cell) in new[] { ("tanh", RecurrentCell.Tanh), ("relu", RecurrentCell.Relu), ("GRU", RecurrentCell.Gru), ("LSTM", RecurrentCell.Lstm) })
        {
            foreach (bool backwards in new[] { false, true })
            {
                const int H = 3;
                int G = cell.Gates * H;
                Shape[] inputs = cell.States == 2 ? [S(6, G), S(G, H), S(G), S(3, H), S(3, H)] : [S(6, G), S(G, H), S(G), S(3, H)];
                yield return new("RecurrentOp", $"{name}{(backwards ? ", backwards" : "")}", inputs,
                    v => RecurrentOp.Apply(v[0], new Weight(v[1]), v[2], starts, backwards, cell, v[3], cell.States == 2 ? v[4] : (Variable?)null),
                    w => Recurrent(w, starts, backwards, cell, H))
                { K = 64 };
            }
        }

        yield return new("RecurrentOp", "from zeros, without bias", [S(6, 12), S(12, 3)], v => RecurrentOp.Apply(v[0], new Weight(v[1]), null, starts, false, RecurrentCell.Lstm, null, null),
            w => Recurrent([w[0], w[1], Wide.Zeros(12), Wide.Zeros(3, 3), Wide.Zeros(3, 3)], starts, false, RecurrentCell.Lstm, 3))
        { K = 64 };
    }

    private static Wide Recurrent(Wide[] w, int[] starts, bool backwards, RecurrentCell cell, int H)
    {
        Wide y = Wide.Zeros(w[0].Shape[0], cell.States * H);
        static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
        for (int b = 0; b < starts.Length - 1; b++)
        {
            double[] h = [.. Enumerable.Range(0, H).Select(i => w[3][b, i])], c = cell.States == 2 ? [.. Enumerable.Range(0, H).Select(i => w[4][b, i])] : [];
            for (int t = 0; t < starts[b + 1] - starts[b]; t++)
            {
                int row = backwards ? starts[b + 1] - 1 - t : starts[b] + t;
                double[] before = [.. h];
                double X(int gate, int i) => w[0][row, (gate * H) + i];
                double R(int gate, int i) => w[2].Values[(gate * H) + i] + Enumerable.Range(0, H).Sum(j => w[1][(gate * H) + i, j] * before[j]);
                for (int i = 0; i < H; i++)
                {
                    if (cell == RecurrentCell.Tanh) h[i] = Math.Tanh(X(0, i) + R(0, i));
                    else if (cell == RecurrentCell.Relu) h[i] = Math.Max(0, X(0, i) + R(0, i));
                    else if (cell == RecurrentCell.Gru)
                    {
                        double r = Sigmoid(X(0, i) + R(0, i)), z = Sigmoid(X(1, i) + R(1, i)), n = Math.Tanh(X(2, i) + (r * R(2, i)));
                        h[i] = ((1 - z) * n) + (z * before[i]);
                    }
                    else
                    {
                        c[i] = (Sigmoid(X(1, i) + R(1, i)) * c[i]) + (Sigmoid(X(0, i) + R(0, i)) * Math.Tanh(X(2, i) + R(2, i)));
                        h[i] = Sigmoid(X(3, i) + R(3, i)) * Math.Tanh(c[i]);
                        y[row, H + i] = c[i];
                    }

                    y[row, i] = h[i];
                }
            }
        }

        return y;
    }
}
