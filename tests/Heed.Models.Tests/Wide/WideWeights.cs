using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Tests.Wide;

/// <summary>A model's parameters in double precision, and the few functions of which models consist, written down as the papers have them
/// and sharing no code with Heed's.</summary>
internal sealed class WideWeights
{
    private readonly Dictionary<string, (float[] Values, int Columns)> _parameters;

    public WideWeights(ParameterSet parameters)
        => _parameters = parameters.ToDictionary(p => p.Name, p => (p.Value.ToArray(), p.Shape.Last), StringComparer.Ordinal);

    /// <summary>[R, C].</summary>
    public double[][] Table(string name)
    {
        (float[] values, int columns) = _parameters[name];
        return [.. values.Chunk(columns).Select(row => Array.ConvertAll(row, v => (double)v))];
    }

    /// <summary>[C].</summary>
    public double[] Vector(string name) => Array.ConvertAll(_parameters[name].Values, v => (double)v);

    /// <summary>Rows of a table.</summary>
    public double[][] Rows(string name, int[] ids)
    {
        double[][] table = Table(name);
        return [.. ids.Select(id => table[id])];
    }

    /// <summary>x·Wᵀ + b with <c>name.weight</c> and, where there is one, <c>name.bias</c>.</summary>
    public double[][] Linear(double[][] x, string name)
        => Product(x, Table(name + ".weight"), _parameters.ContainsKey(name + ".bias") ? Vector(name + ".bias") : null);

    public static double[][] Product(double[][] x, double[][] weight, double[]? bias)
        => Map(x, row => [.. weight.Select((w, f) => row.Zip(w, (a, b) => a * b).Sum() + (bias is null ? 0 : bias[f]))]);

    /// <summary>LayerNorm with <c>name.weight</c> and <c>name.bias</c>.</summary>
    public double[][] LayerNorm(double[][] x, string name, double epsilon)
    {
        double[] gain = Vector(name + ".weight"), bias = Vector(name + ".bias");
        return Map(x, row =>
        {
            double mean = row.Average(), deviation = Math.Sqrt(row.Average(v => (v - mean) * (v - mean)) + epsilon);
            return [.. row.Select((v, i) => ((v - mean) / deviation * gain[i]) + bias[i])];
        });
    }

    /// <summary>RMSNorm with <c>name.weight</c>.</summary>
    public double[][] RmsNorm(double[][] x, string name, double epsilon)
    {
        double[] gain = Vector(name + ".weight");
        return Map(x, row =>
        {
            double size = Math.Sqrt(row.Average(v => v * v) + epsilon);
            return [.. row.Select((v, i) => v / size * gain[i])];
        });
    }

    public static double[][] Map(double[][] x, Func<double[], double[]> row) => Array.ConvertAll(x, r => row(r));

    public static double[][] Each(double[][] x, Func<double, double> f) => Map(x, row => Array.ConvertAll(row, v => f(v)));

    public static double[][] Add(double[][] a, double[][] b) => [.. a.Zip(b, (x, y) => x.Zip(y, (v, w) => v + w).ToArray())];

    public static double[] Softmax(double[] scores)
    {
        double most = scores.Max();
        double[] powers = Array.ConvertAll(scores, s => Math.Exp(s - most));
        double sum = powers.Sum();
        return Array.ConvertAll(powers, p => p / sum);
    }

    /// <summary>−log p of each target, the mass smoothed over all classes by <paramref name="smoothing"/>; their sum.</summary>
    public static double CrossEntropy(double[][] logits, int[] targets, double smoothing)
        => logits.Zip(targets, (row, target) =>
        {
            double[] logs = Array.ConvertAll(Softmax(row), Math.Log);
            return -(((1 - smoothing) * logs[target]) + (smoothing * logs.Average()));
        }).Sum();

    public static double Activate(Activation activation, double x) => activation switch
    {
        Activation.Relu => Math.Max(0, x),
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.GeluTanh => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
        Activation.Gelu => x * Normal(x),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "not written down here"),
    };

    /// <summary>Heads of attention: softmax of scale·q·k + bias over the keys whose bias is not −∞.</summary>
    /// <param name="q">[T, H·K].</param>
    /// <param name="k">[S, G·K].</param>
    /// <param name="v">[S, G·K].</param>
    /// <param name="heads">H.</param>
    /// <param name="keyHeads">G.</param>
    /// <param name="bias">Of head, query and key.</param>
    public static double[][] Attend(double[][] q, double[][] k, double[][] v, int heads, int keyHeads, Func<int, int, int, double> bias)
        => Weigh(q, k, v, heads, keyHeads, (query, key, width) => query.Zip(key, (a, b) => a * b).Sum() / Math.Sqrt(width), bias, Softmax);

    /// <summary>Heads of linear attention: weights are products of features, divided by their sum.</summary>
    public static double[][] AttendLinear(double[][] q, double[][] k, double[][] v, int heads, int keyHeads, Func<double, double> feature, Func<int, int, bool> sees)
        => Weigh(q, k, v, heads, keyHeads, (query, key, _) => query.Zip(key, (a, b) => feature(a) * feature(b)).Sum(), (_, i, j) => sees(i, j) ? 0 : double.NegativeInfinity, weights =>
        {
            double[] seen = Array.ConvertAll(weights, w => double.IsNegativeInfinity(w) ? 0 : w);
            double sum = seen.Sum();
            return Array.ConvertAll(seen, w => w / sum);
        });

    private static double[][] Weigh(double[][] q, double[][] k, double[][] v, int heads, int keyHeads, Func<double[], double[], int, double> score, Func<int, int, int, double> bias, Func<double[], double[]> normalize)
    {
        int width = q[0].Length / heads;
        double[][] y = Array.ConvertAll(q, _ => new double[heads * width]);
        for (int h = 0; h < heads; h++)
        {
            int g = h / (heads / keyHeads) * width;
            for (int i = 0; i < q.Length; i++)
            {
                double[] query = q[i][(h * width)..((h + 1) * width)];
                double[] weights = normalize([.. k.Select((key, j) => score(query, key[g..(g + width)], width) + bias(h, i, j))]);
                for (int j = 0; j < k.Length; j++)
                    for (int d = 0; d < width; d++) y[i][(h * width) + d] += weights[j] * v[j][g + d];
            }
        }

        return y;
    }

    /// <summary>One layer of an LSTM with <c>name.weight_ih_</c>suffix and so on; gates in the order input, forget, cell, output.</summary>
    /// <returns>The hidden states in the order of the rows, and the states behind the last row read.</returns>
    public (double[][] Rows, double[] Hidden, double[] Cell) Lstm(double[][] x, string name, string suffix, double[]? hidden = null, double[]? cell = null, bool backwards = false)
    {
        double[][] recurrent = Table($"{name}.weight_hh_{suffix}"), inputs = Product(x, Table($"{name}.weight_ih_{suffix}"), Vector($"{name}.bias_ih_{suffix}"));
        double[] bias = Vector($"{name}.bias_hh_{suffix}");
        int H = bias.Length / 4;
        double[] h = hidden ?? new double[H], c = cell ?? new double[H];
        double[][] rows = new double[x.Length][];
        static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));
        for (int step = 0; step < x.Length; step++)
        {
            int t = backwards ? x.Length - 1 - step : step;
            double[] gates = [.. Product([h], recurrent, bias)[0].Zip(inputs[t], (a, b) => a + b)];
            c = [.. c.Select((old, i) => (Sigmoid(gates[H + i]) * old) + (Sigmoid(gates[i]) * Math.Tanh(gates[(2 * H) + i])))];
            h = [.. c.Select((now, i) => Sigmoid(gates[(3 * H) + i]) * Math.Tanh(now))];
            rows[t] = h;
        }

        return (rows, h, c);
    }

    /// <summary>Φ by Simpson's rule: x is never far from 0 here.</summary>
    private static double Normal(double x)
    {
        const int Panels = 400;
        double step = x / Panels, sum = 0;
        for (int i = 0; i <= Panels; i++) sum += (i is 0 or Panels ? 1 : i % 2 == 1 ? 4 : 2) * Math.Exp(-i * step * i * step / 2);
        return 0.5 + (sum * step / 3 / Math.Sqrt(2 * Math.PI));
    }
}
