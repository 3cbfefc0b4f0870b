// A GPT-2 in one file (Radford et al. 2019, section 2.3): forward pass, gradients, Adam, and text, with plain loops and no library.
//
//     dotnet run samples/from-scratch/tiny-gpt.cs
//
// It learns one sentence by heart, letter by letter, in a few seconds. Names of weights are those of OpenAI's checkpoint.

#if !HEED_TEST
const string text = "to be or not to be, that is the question: whether 'tis nobler in the mind to suffer ";
char[] letters = [.. text.Distinct().Order()];
int[] ids = [.. text.Select(c => Array.IndexOf(letters, c))];
FromScratch.TinyGpt gpt = new(vocabulary: letters.Length, context: 16, width: 16, heads: 2, layers: 1, seed: 1);
Console.WriteLine($"V = {letters.Length} letters, T = {gpt.T} positions, D = {gpt.D}, H = {gpt.H} heads, {gpt.Parameters.Values.Sum(p => p.Length)} parameters");
foreach ((string name, FromScratch.Number[,] p) in gpt.Parameters) Console.WriteLine($"  {name,-24} [{p.GetLength(0)}, {p.GetLength(1)}]");

for (int step = 1; step <= 600; step++)
{
    int start = step * 7 % (ids.Length - gpt.T - 1);
    FromScratch.Number loss = gpt.Loss(ids[start..(start + gpt.T)], ids[(start + 1)..(start + gpt.T + 1)]);
    loss.Backward();
    gpt.Step(rate: 0.01 * (1 - (step / 601.0)), step);
    if (step % 50 == 0 || step == 1) Console.WriteLine($"step {step,3}   loss {loss.Data:0.0000}");
}

List<int> written = [.. ids[..8]];
while (written.Count < 60)
{
    int[] seen = [.. written.TakeLast(gpt.T)];
    FromScratch.Number[,] logits = gpt.Logits(seen);
    written.Add(Enumerable.Range(0, letters.Length).MaxBy(v => logits[seen.Length - 1, v].Data));
}

Console.WriteLine($"\n{string.Concat(written.Select(id => letters[id]))}");
#endif

namespace FromScratch
{
    /// <summary>A number that remembers from which numbers it was made, and by how much it changes where they change.</summary>
    public sealed class Number
    {
        /// <summary>Every number in the order in which it was made: none comes before what it is made of.</summary>
        [ThreadStatic]
        private static List<Number>? s_tape;

        private readonly Number[] _from;
        private readonly double[] _slopes;

        /// <summary>A number that is given: a weight.</summary>
        public Number(double data) => (Data, _from, _slopes) = (data, [], []);

        private Number(double data, Number[] from, double[] slopes)
        {
            (Data, _from, _slopes) = (data, from, slopes);
            (s_tape ??= []).Add(this);
        }

        public double Data { get; set; }

        /// <summary>∂ result / ∂ this, after <see cref="Backward"/>.</summary>
        public double Gradient { get; set; }

        /// <summary>Σ a·b + c.</summary>
        public static Number Dot(Number[] a, Number[] b, Number? c = null)
        {
            int n = a.Length;
            Number[] from = c is null ? [.. a, .. b] : [.. a, .. b, c];
            double[] slopes = new double[from.Length];
            double sum = 0;
            for (int i = 0; i < n; i++)
            {
                sum += a[i].Data * b[i].Data;
                (slopes[i], slopes[n + i]) = (b[i].Data, a[i].Data);        // ∂(a·b)/∂a = b
            }

            if (c is not null) (sum, slopes[^1]) = (sum + c.Data, 1);
            return new Number(sum, from, slopes);
        }

        public static Number operator +(Number a, Number b) => new(a.Data + b.Data, [a, b], [1, 1]);

        public static Number operator *(Number a, double factor) => new(a.Data * factor, [a], [factor]);

        /// <summary>A function of one number with its derivative there.</summary>
        public Number Map(double value, double derivative) => new(value, [this], [derivative]);

        /// <summary>A function of several numbers with its derivatives there.</summary>
        public static Number Of(Number[] from, double value, double[] derivatives) => new(value, from, derivatives);

        /// <summary>The chain rule, from the result back: what a number was made from gets slope × gradient. Then everything made so far is forgotten.</summary>
        public void Backward()
        {
            Gradient = 1;
            List<Number> tape = s_tape ?? [];
            for (int n = tape.Count - 1; n >= 0; n--)       // backwards, so that a gradient is complete when its turn comes
            {
                Number made = tape[n];
                if (made.Gradient == 0) continue;
                for (int i = 0; i < made._from.Length; i++) made._from[i].Gradient += made._slopes[i] * made.Gradient;
            }

            tape.Clear();
        }
    }

    /// <summary>Tokens + positions → L × (attention, feed-forward), each behind a norm and added to the stream → norm → scores of the next token.</summary>
    public sealed class TinyGpt
    {
        private readonly Dictionary<string, (double[] Mean, double[] Square)> _moments = [];
        private readonly int _layers;

        public TinyGpt(int vocabulary, int context, int width, int heads, int layers, int seed)
        {
            (V, T, D, H, _layers) = (vocabulary, context, width, heads, layers);
            Add("wte.weight", V, D, seed, 0.2);
            Add("wpe.weight", T, D, seed + 1, 0.2);
            for (int l = 0; l < layers; l++)
            {
                Norm($"h.{l}.ln_1");
                Product($"h.{l}.attn.c_attn", D, 3 * D, seed + (10 * l) + 2);
                Product($"h.{l}.attn.c_proj", D, D, seed + (10 * l) + 3);
                Norm($"h.{l}.ln_2");
                Product($"h.{l}.mlp.c_fc", D, 4 * D, seed + (10 * l) + 4);
                Product($"h.{l}.mlp.c_proj", 4 * D, D, seed + (10 * l) + 5);
            }

            Norm("ln_f");
        }

        /// <summary>Number of tokens.</summary>
        public int V { get; }

        /// <summary>Number of positions.</summary>
        public int T { get; }

        /// <summary>Width of the stream.</summary>
        public int D { get; }

        /// <summary>Number of heads.</summary>
        public int H { get; }

        /// <summary>All weights by name; vectors have one row.</summary>
        public Dictionary<string, Number[,]> Parameters { get; } = [];

        /// <summary>Scores of each next token, [T, V].</summary>
        public Number[,] Logits(int[] ids)
        {
            Number[][] x = new Number[ids.Length][];
            for (int t = 0; t < ids.Length; t++) x[t] = Sum(Row("wte.weight", ids[t]), Row("wpe.weight", t));
            for (int l = 0; l < _layers; l++)
            {
                Number[][] attended = Attention([.. x.Select(row => LayerNorm(row, $"h.{l}.ln_1"))], $"h.{l}.attn");
                for (int t = 0; t < x.Length; t++)
                {
                    x[t] = Sum(x[t], attended[t]);
                    Number[] inner = Linear(LayerNorm(x[t], $"h.{l}.ln_2"), $"h.{l}.mlp.c_fc");
                    x[t] = Sum(x[t], Linear([.. inner.Select(Gelu)], $"h.{l}.mlp.c_proj"));
                }
            }

            Number[,] logits = new Number[ids.Length, V];
            for (int t = 0; t < x.Length; t++)
            {
                Number[] row = LayerNorm(x[t], "ln_f");
                for (int v = 0; v < V; v++) logits[t, v] = Number.Dot(row, Row("wte.weight", v));     // the output layer is the token table
            }

            return logits;
        }

        /// <summary>Mean of −log p(target).</summary>
        public Number Loss(int[] ids, int[] targets)
        {
            Number[,] logits = Logits(ids);
            Number loss = new(0);
            for (int t = 0; t < ids.Length; t++)
            {
                Number[] row = [.. Enumerable.Range(0, V).Select(v => logits[t, v])];
                double[] p = Softmax([.. row.Select(s => s.Data)]);
                double[] slopes = [.. p];
                slopes[targets[t]] -= 1;                         // ∂(−log p_y)/∂s = p − [is y]
                loss += Number.Of(row, -Math.Log(p[targets[t]]), slopes);
            }

            return loss * (1.0 / ids.Length);
        }

        /// <summary>Adam (Kingma and Ba 2015, algorithm 1), then gradients of zero for the next step.</summary>
        public void Step(double rate, int step)
        {
            foreach ((string name, Number[,] parameter) in Parameters)
            {
                if (!_moments.TryGetValue(name, out (double[] Mean, double[] Square) m)) _moments[name] = m = (new double[parameter.Length], new double[parameter.Length]);
                int i = 0;
                foreach (Number p in parameter)
                {
                    m.Mean[i] = (0.9 * m.Mean[i]) + (0.1 * p.Gradient);
                    m.Square[i] = (0.99 * m.Square[i]) + (0.01 * p.Gradient * p.Gradient);
                    p.Data -= rate * m.Mean[i] / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(m.Square[i] / (1 - Math.Pow(0.99, step))) + 1e-8);
                    p.Gradient = 0;
                    i++;
                }
            }
        }

        private Number[][] Attention(Number[][] x, string name)
        {
            int K = D / H;
            Number[][] qkv = [.. x.Select(row => Linear(row, name + ".c_attn"))];                       // rows of q, k and v side by side
            Number[][] joined = new Number[x.Length][];
            for (int t = 0; t < x.Length; t++)
            {
                joined[t] = new Number[D];
                for (int h = 0; h < H; h++)
                {
                    int at = h * K;
                    Number[] q = qkv[t][at..(at + K)];
                    Number[] scores = [.. Enumerable.Range(0, t + 1).Select(s => Number.Dot(q, qkv[s][(D + at)..(D + at + K)]) * (1 / Math.Sqrt(K)))];
                    double[] p = Softmax([.. scores.Select(s => s.Data)]);
                    Number[] weights = new Number[p.Length];
                    for (int s = 0; s < p.Length; s++)
                        weights[s] = Number.Of(scores, p[s], [.. Enumerable.Range(0, p.Length).Select(r => p[s] * ((r == s ? 1 : 0) - p[r]))]);     // ∂p_s/∂score_r
                    for (int k = 0; k < K; k++) joined[t][at + k] = Number.Dot(weights, [.. Enumerable.Range(0, t + 1).Select(s => qkv[s][(2 * D) + at + k])]);
                }
            }

            return [.. joined.Select(row => Linear(row, name + ".c_proj"))];
        }

        private Number[] LayerNorm(Number[] x, string name)
        {
            double mean = x.Average(n => n.Data), deviation = Math.Sqrt(x.Average(n => (n.Data - mean) * (n.Data - mean)) + 1e-5);
            double[] z = [.. x.Select(n => (n.Data - mean) / deviation)];
            Number[] gain = Row(name + ".weight", 0), bias = Row(name + ".bias", 0), y = new Number[D];
            for (int i = 0; i < D; i++)
            {
                double[] slopes = [.. Enumerable.Range(0, D).Select(j => ((i == j ? 1 : 0) - (1.0 / D) - (z[i] * z[j] / D)) / deviation)];
                y[i] = Number.Dot([Number.Of(x, z[i], slopes)], [gain[i]], bias[i]);
            }

            return y;
        }

        /// <summary>x W + b; GPT-2 stores W as [inputs, outputs].</summary>
        private Number[] Linear(Number[] x, string name)
        {
            Number[,] W = Parameters[name + ".weight"], b = Parameters[name + ".bias"];
            Number[] y = new Number[W.GetLength(1)];
            for (int f = 0; f < y.Length; f++)
            {
                Number[] column = new Number[x.Length];
                for (int d = 0; d < column.Length; d++) column[d] = W[d, f];
                y[f] = Number.Dot(x, column, b[0, f]);
            }

            return y;
        }

        /// <summary>½ x (1 + tanh(√(2/π) (x + 0.044715 x³))): Hendrycks and Gimpel 2016.</summary>
        private static Number Gelu(Number n)
        {
            double x = n.Data, root = Math.Sqrt(2 / Math.PI), tanh = Math.Tanh(root * (x + (0.044715 * x * x * x)));
            return n.Map(0.5 * x * (1 + tanh), (0.5 * (1 + tanh)) + (0.5 * x * (1 - (tanh * tanh)) * root * (1 + (3 * 0.044715 * x * x))));
        }

        private static double[] Softmax(double[] scores)
        {
            double max = scores.Max();
            double[] e = [.. scores.Select(s => Math.Exp(s - max))];
            double sum = e.Sum();
            return [.. e.Select(v => v / sum)];
        }

        private static Number[] Sum(Number[] a, Number[] b) => [.. a.Zip(b, (x, y) => x + y)];

        private Number[] Row(string name, int row) => [.. Enumerable.Range(0, Parameters[name].GetLength(1)).Select(i => Parameters[name][row, i])];

        private void Norm(string name)
        {
            Add(name + ".weight", 1, D, 0, 0, 1);
            Add(name + ".bias", 1, D, 0, 0);
        }

        private void Product(string name, int inputs, int outputs, int seed)
        {
            Add(name + ".weight", inputs, outputs, seed, 1 / Math.Sqrt(inputs));
            Add(name + ".bias", 1, outputs, seed, 0);
        }

        /// <summary>Numbers in ±size (+ middle) that look random and are the same every time.</summary>
        private void Add(string name, int rows, int columns, int seed, double size, double middle = 0)
        {
            Number[,] values = new Number[rows, columns];
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++)
                {
                    double wave = Math.Sin((i * 12.9898) + (j * 78.233) + (seed * 37.719)) * 43758.5453;
                    values[i, j] = new Number(middle + (size * ((2 * (wave - Math.Floor(wave))) - 1)));
                }

            Parameters[name] = values;
        }
    }
}
