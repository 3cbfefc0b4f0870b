using Heed.Models.Custom;
using Heed.Models.Transformer2017;
using Heed.Models.Recurrent;
using static Heed.Models.Tests.Wide.WideWeights;

namespace Heed.Models.Tests.Wide;

/// <summary>Models evaluated in double precision, one text at a time and step by step as their papers say: references where nobody
/// published any.</summary>
internal static class WideModels
{
    /// <summary>Vaswani et al. 2017, figure 1: scores of each row of the decoder.</summary>
    public static double[][] Transformer2017(WideWeights w, Transformer2017Config config, int[] source, int[] target)
    {
        double[][] memory = Embed(source);
        for (int i = 0; i < config.EncoderLayers; i++)
        {
            string at = $"encoder.layers.{i}.";
            memory = Part(memory, at + "norm1", x => Attention(x, x, at + "self_attn", causal: false));
            memory = Part(memory, at + "norm2", x => FeedForward(x, at));
        }

        if (config.NormFirst) memory = w.LayerNorm(memory, "encoder.norm", config.NormEpsilon);
        double[][] y = Embed(target);
        for (int i = 0; i < config.Layers; i++)
        {
            string at = $"decoder.layers.{i}.";
            y = Part(y, at + "norm1", x => Attention(x, x, at + "self_attn", causal: true));
            y = Part(y, at + "norm2", x => Attention(x, memory, at + "multihead_attn", causal: false));
            y = Part(y, at + "norm3", x => FeedForward(x, at));
        }

        if (config.NormFirst) y = w.LayerNorm(y, "decoder.norm", config.NormEpsilon);
        return Product(y, w.Table(config.TiedOutput ? "shared.weight" : "lm_head.weight"), null);

        double[][] Embed(int[] ids) => [.. w.Rows("shared.weight", ids).Select((row, t) => row.Select((v, i) => (v * Math.Sqrt(config.Width)) + Sine(t, i, config.Width)).ToArray())];

        double[][] Part(double[][] x, string norm, Func<double[][], double[][]> part) => config.NormFirst
            ? Add(x, part(w.LayerNorm(x, norm, config.NormEpsilon)))
            : w.LayerNorm(Add(x, part(x)), norm, config.NormEpsilon);

        double[][] Attention(double[][] x, double[][] keys, string at, bool causal) => w.Linear(
            Attend(w.Linear(x, at + ".q_proj"), w.Linear(keys, at + ".k_proj"), w.Linear(keys, at + ".v_proj"), config.Heads, config.Heads, (_, i, j) => causal && j > i ? double.NegativeInfinity : 0),
            at + ".out_proj");

        double[][] FeedForward(double[][] x, string at) => w.Linear(Each(w.Linear(x, at + "linear1"), v => Activate(config.Activation, v)), at + "linear2");
    }

    /// <summary>Zaremba et al. 2014, §3: scores of each row.</summary>
    public static double[][] LstmLanguageModel(WideWeights w, LstmConfig config, int[] text)
    {
        double[][] x = w.Rows("embed_tokens.weight", text);
        for (int i = 0; i < config.Layers; i++) x = w.Lstm(x, "lstm", $"l{i}").Rows;
        return config.TiedOutput ? Product(x, w.Table("embed_tokens.weight"), null) : w.Linear(x, "lm_head");
    }

    /// <summary>Scores of the classes, [1, L].</summary>
    public static double[][] LstmClassifier(WideWeights w, LstmConfig config, int[] text)
    {
        (double[][] _, double[] ends) = LstmStack(w, w.Rows("embed_tokens.weight", text), "lstm", config.Layers, config.BothDirections);
        return w.Linear([ends], "classifier");
    }

    /// <summary>Bahdanau et al. 2015, appendix A, with LSTM cells: scores of each row of the decoder.</summary>
    public static double[][] LstmSequenceToSequence(WideWeights w, LstmConfig config, int[] source, int[] target)
    {
        int H = config.Width;
        (double[][] keys, _) = LstmStack(w, w.Rows("shared.weight", source), "encoder.lstm", config.EncoderLayers, bothDirections: true);
        double[] begin = Array.ConvertAll(w.Linear([keys[0][H..]], "decoder.bridge")[0], Math.Tanh);
        double[][] hidden = [.. begin.Chunk(H)], cells = Array.ConvertAll(hidden, _ => new double[H]), prepared = Product(keys, w.Table("decoder.attention.key.weight"), null);
        double[] score = w.Vector("decoder.attention.score");
        List<double[]> rows = [];
        foreach (double[] token in w.Rows("shared.weight", target))
        {
            double[] query = Product([hidden[^1]], w.Table("decoder.attention.query.weight"), null)[0];
            double[] weights = Softmax(Array.ConvertAll(prepared, key => key.Select((u, a) => score[a] * Math.Tanh(u + query[a])).Sum()));
            double[] read = [.. Enumerable.Range(0, 2 * H).Select(d => weights.Select((p, s) => p * keys[s][d]).Sum())];
            double[][] x = [[.. token, .. read]];
            for (int i = 0; i < config.Layers; i++) (x, hidden[i], cells[i]) = w.Lstm(x, "decoder.lstm", $"l{i}", hidden[i], cells[i]);
            rows.Add([.. hidden[^1], .. read, .. token]);
        }

        return w.Linear(Each(w.Linear([.. rows], "decoder.combine"), Math.Tanh), "lm_head");
    }

    /// <summary>A decoder, or the tokens' classes of an encoder, of any design that takes no lots: scores of each row.</summary>
    public static double[][] Custom(WideWeights w, CustomConfig config, int[] text)
    {
        int D = config.Width, K = D / config.Heads;
        double[][] x = w.Rows("model.embed_tokens.weight", text);
        if (config.Positions == PositionKind.Sinusoidal) x = [.. x.Select((row, t) => row.Select((v, i) => (v * Math.Sqrt(D)) + Sine(t, i, D)).ToArray())];
        if (config.Positions == PositionKind.Learned) x = Add(x, w.Table("model.embed_positions.weight"));
        double[][]? table = config.Positions == PositionKind.Relative ? w.Table("model.relative_bias.weight") : null;
        for (int layer = 0; layer < config.Layers; layer++)
        {
            string at = $"model.layers.{layer}.";
            x = Part(x, at + "norm1", y => Attention(y, at + "attn."));
            x = Part(x, at + "norm2", y => FeedForward(y, at + "mlp."));
        }

        if (config.NormFirst) x = Norm(x, "model.norm");
        if (config.Encoder) return w.Linear(x, "classifier");
        return Product(x, w.Table(config.TiedOutput ? "model.embed_tokens.weight" : "lm_head.weight"), null);

        double[][] Norm(double[][] y, string name) => config.RmsNorm ? w.RmsNorm(y, name, config.NormEpsilon) : w.LayerNorm(y, name, config.NormEpsilon);

        double[][] Part(double[][] y, string norm, Func<double[][], double[][]> part) => config.NormFirst ? Add(y, part(Norm(y, norm))) : Norm(Add(y, part(y)), norm);

        double[][] FeedForward(double[][] y, string at)
        {
            double[][] up = w.Linear(y, at + "up_proj");
            if (!config.Gated) return w.Linear(Each(up, v => Activate(config.Activation, v)), at + "down_proj");
            double[][] gate = Each(w.Linear(y, at + "gate_proj"), v => Activate(config.Activation, v));
            return w.Linear([.. gate.Zip(up, (a, b) => a.Zip(b, (g, u) => g * u).ToArray())], at + "down_proj");
        }

        double[][] Attention(double[][] y, string at)
        {
            double[][] q = w.Linear(y, at + "q_proj"), k = w.Linear(y, at + "k_proj"), v = w.Linear(y, at + "v_proj");
            if (config.Positions == PositionKind.Rope) (q, k) = (Rotate(q), Rotate(k));
            return w.Linear(config.Attention == CustomAttention.Elu
                ? AttendLinear(q, k, v, config.Heads, config.KeyHeads, z => z > 0 ? z + 1 : Math.Exp(z), Sees)
                : Attend(q, k, v, config.Heads, config.KeyHeads, (h, i, j) => Sees(i, j) ? Bias(h, j - i) : double.NegativeInfinity), at + "o_proj");
        }

        double[][] Rotate(double[][] y) => [.. y.Select((row, t) => row.Select((v, c) =>
        {
            int i = c % K, half = K / 2, pair = i % half;
            double angle = t * Math.Pow(config.Theta, -2.0 * pair / K);
            return (v * Math.Cos(angle)) + (i < half ? -row[c + half] * Math.Sin(angle) : row[c - half] * Math.Sin(angle));
        }).ToArray())];

        bool Sees(int i, int j)
        {
            if (!config.Encoder && j > i) return false;
            int a = i / config.BlockSize, b = j / config.BlockSize;
            return config.Attention switch
            {
                CustomAttention.Window => Math.Abs(i - j) < config.Window,
                CustomAttention.BlockSparse => a < config.GlobalBlocks || b < config.GlobalBlocks || Math.Abs(a - b) <= config.WindowBlocks,
                _ => true,
            };
        }

        double Bias(int head, int distance) => config.Positions switch
        {
            PositionKind.Alibi => -Math.Abs(distance) * Math.Pow(2, -8.0 * (head + 1) / config.Heads),
            PositionKind.Relative => table![Bucket(distance)][head],
            _ => 0,
        };

        // Raffel et al., §2.1: 32 buckets, in an encoder half of them for keys behind the query; the nearer half of what is left exact, the
        // rest in steps that grow, up to 128.
        int Bucket(int distance)
        {
            int buckets = config.Encoder ? 16 : 32, first = config.Encoder && distance > 0 ? 16 : 0, exact = buckets / 2, far = Math.Abs(distance);
            if (far < exact) return first + far;
            int bucket = exact;
            while (bucket + 1 < buckets && exact * Math.Pow(128.0 / exact, (bucket + 1.0 - exact) / (buckets - exact)) <= far + 1e-9) bucket++;
            return first + bucket;
        }
    }

    private static (double[][] Rows, double[] Ends) LstmStack(WideWeights w, double[][] x, string name, int layers, bool bothDirections)
    {
        double[] ends = [];
        for (int i = 0; i < layers; i++)
        {
            (double[][] rows, ends, _) = w.Lstm(x, name, $"l{i}");
            if (bothDirections)
            {
                (double[][] back, double[] first, _) = w.Lstm(x, name, $"l{i}_reverse", backwards: true);
                ends = [.. ends, .. first];
                rows = [.. rows.Zip(back, (a, b) => (double[])[.. a, .. b])];
            }

            x = rows;
        }

        return (x, ends);
    }

    /// <summary>Vaswani et al. 2017, §3.5.</summary>
    private static double Sine(int position, int column, int width)
    {
        double angle = position / Math.Pow(10000, (column - (column % 2)) / (double)width);
        return column % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle);
    }
}
