using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Bert;
using Heed.Models.DistilBert;
using Heed.Models.ModernBert;

namespace Heed.Models.Files.Onnx;

/// <summary>One post-norm layer: attention, norm, feed-forward part, norm.</summary>
internal readonly record struct OnnxLayer(MultiHeadAttention Attention, LayerNorm AttentionNorm, FeedForward FeedForward,
    LayerNorm FeedForwardNorm);

/// <summary>An encoder as nodes of ONNX: BERT, RoBERTa and kin, MPNet, ELECTRA, DeBERTa, DistilBERT, ModernBERT.</summary>
/// <remarks>Padding computes like any token and is hidden from the others by −3.4e38 added to its scores.</remarks>
internal sealed class OnnxEncoder
{
    private readonly OnnxGraph _graph;
    private readonly Activation _activation;
    private readonly int _heads;
    private readonly string _ids;

    private OnnxEncoder(OnnxGraph graph, int width, int heads, Activation activation)
    {
        (_graph, Width, _heads, _activation) = (graph, width, heads, activation);
        _ids = graph.Input("input_ids");
        Mask = graph.NodeWith("Cast", [OnnxAttribute.Of("to", 1)], graph.Input("attention_mask"));                     // [B, T]
        Hidden = "";
    }

    /// <summary>D.</summary>
    public int Width { get; }

    /// <summary>[B, T]: 1 for tokens, 0 for padding; float32.</summary>
    public string Mask { get; }

    /// <summary>[B, T, D].</summary>
    public string Hidden { get; private set; }

    /// <summary>True for a stack that can be exported.</summary>
    public static bool Knows(TokenStack stack) => stack is DistilBertEncoder or BertEncoder or ModernBertEncoder;

    /// <summary>Adds the stack's nodes and its inputs.</summary>
    public static OnnxEncoder Build(OnnxGraph graph, TokenStack stack)
    {
        OnnxEncoder encoder;
        switch (stack)
        {
            case BertEncoder bert:
                BertConfig config = (BertConfig)stack.Config;
                encoder = new OnnxEncoder(graph, config.Width, config.Heads, config.Activation);
                encoder.Embed(bert, config);
                string? distances = bert.Distances is null ? null : encoder.DistanceBiases(bert.Distances, config);
                OnnxDistances? disentangled = bert.Disentangled is null ? null
                    : OnnxDistances.Build(graph, bert.Disentangled, encoder.Distances(), config.Heads);
                float scale = BertEncoder.AttentionOf(config, null, null).Scale;
                encoder.Run(bert.Layers.Select(l => new OnnxLayer(l.Attention, l.AttentionNorm, l.FeedForward, l.FeedForwardNorm)),
                    new OnnxScores(scale, distances, disentangled));
                return encoder;
            case ModernBertEncoder modern:
                ModernBertConfig newer = (ModernBertConfig)stack.Config;
                encoder = new OnnxEncoder(graph, newer.Width, newer.Heads, newer.Activation);
                encoder.Run(modern, newer);
                return encoder;
            case DistilBertEncoder distil:
                DistilBertConfig small = (DistilBertConfig)stack.Config;
                encoder = new OnnxEncoder(graph, small.Width, small.Heads, small.Activation);
                string tokens = graph.Node("Gather", graph.Weight(distil.Tokens.Weight), encoder._ids);
                string positions = graph.Node("Gather", graph.Weight(distil.Positions.Weight), encoder.Columns());
                encoder.Hidden = graph.Norm(graph.Node("Add", tokens, positions), distil.EmbeddingNorm);
                encoder.Run(distil.Layers.Select(l => new OnnxLayer(l.Attention, l.AttentionNorm, l.FeedForward, l.FeedForwardNorm)),
                    new OnnxScores(1 / MathF.Sqrt(small.Width / small.Heads)));
                return encoder;
            default:
                throw new ArgumentException($"{stack.GetType().Name} is not exported.", nameof(stack));
        }
    }

    /// <summary>[B, D]: the row of each text's first token that is not padding.</summary>
    public string First()
    {
        string first = _graph.NodeWith("ArgMax", [OnnxAttribute.Of("axis", 1), OnnxAttribute.Of("keepdims", 1)], Mask);    // [B, 1]
        return _graph.NodeWith("GatherND", [OnnxAttribute.Of("batch_dims", 1)], Hidden, first);
    }

    private void Embed(BertEncoder bert, BertConfig config)
    {
        string x = _graph.Node("Gather", _graph.Weight(bert.Tokens.Weight), _ids);                                         // [B, T, E]
        if (bert.Segments is { } segments)
        {
            // A model with one segment has no input for it, as its tokenizers give none.
            string rows = config.Segments > 1 ? _graph.Input("token_type_ids") : _graph.Whole(0);
            x = _graph.Node("Add", x, _graph.Node("Gather", _graph.Weight(segments.Weight), rows));
        }

        if (bert.Positions is { } table)
        {
            string places = config is { PositionsSkipPadding: true, TablePadding: { } padding } ? Counted(padding) : Columns();
            x = _graph.Node("Add", x, _graph.Node("Gather", _graph.Weight(table.Weight), places));
        }

        x = _graph.Norm(x, bert.EmbeddingNorm);
        Hidden = bert.EmbeddingProjection is null ? x : _graph.Linear(x, bert.EmbeddingProjection);                        // [B, T, D]
    }

    /// <summary>[T]: 0, 1, 2, ….</summary>
    private string Columns() => _graph.Node("Range", _graph.Whole(0), Length(), _graph.Whole(1));

    /// <summary>T.</summary>
    private string Length() => _graph.Node("Gather", _graph.Node("Shape", _ids), _graph.Whole(1));

    /// <summary>[B, T]: RoBERTa's positions, which count the ids that are not padding from the padding id + 1.</summary>
    private string Counted(int padding)
    {
        string isPadding = _graph.Node("Equal", _ids, _graph.Whole(padding));
        string real = _graph.NodeWith("Cast", [OnnxAttribute.Of("to", 7)], _graph.Node("Not", isPadding));
        string count = _graph.Node("Mul", _graph.Node("CumSum", real, _graph.Whole(1)), real);
        return _graph.Node("Add", count, _graph.Whole(padding));
    }

    /// <summary>[H, T, T]: the bias of each head for key position − query position.</summary>
    private string DistanceBiases(RelativeBias biases, BertConfig config)
    {
        int reach = config.MaximumLength;
        long[] buckets = new long[(2 * reach) - 1];
        for (int i = 0; i < buckets.Length; i++) buckets[i] = RelativeBias.Bucket(i - (reach - 1), true, config.DistanceBuckets, 128);
        // Key − query here: minus the distance.
        string places = _graph.Node("Sub", _graph.Whole(reach - 1), Distances());
        string bucket = _graph.Node("Gather", _graph.Wholes(buckets), places);                                             // [T, T]
        string rows = _graph.Node("Gather", _graph.Weight(biases.Weight), bucket);                                         // [T, T, H]
        return _graph.NodeWith("Transpose", [OnnxAttribute.Of("perm", 2, 0, 1)], rows);
    }

    /// <summary>[T, T]: query position − key position.</summary>
    private string Distances()
    {
        string columns = Columns();
        return _graph.Node("Sub", _graph.Node("Unsqueeze", columns, _graph.Wholes(1)), columns);
    }

    /// <summary>[B, 1, 1, T]: what hides padding from every query.</summary>
    private string PaddingBias()
    {
        string hidden = _graph.Node("Mul", _graph.Node("Sub", _graph.Number(1), Mask), _graph.Number(float.MinValue));
        return _graph.Node("Unsqueeze", hidden, _graph.Wholes(1, 2));
    }

    /// <summary>Post-norm layers.</summary>
    private void Run(IEnumerable<OnnxLayer> layers, OnnxScores scores)
    {
        string bias = PaddingBias();
        foreach (OnnxLayer layer in layers)
        {
            string x = _graph.Node("Add", Hidden, Attend(layer.Attention, bias, scores));
            x = _graph.Norm(x, layer.AttentionNorm);
            string inner = _graph.Activate(_graph.Linear(x, layer.FeedForward.Up), _activation);                           // [B, T, F]
            x = _graph.Node("Add", x, _graph.Linear(inner, layer.FeedForward.Down));
            Hidden = _graph.Norm(x, layer.FeedForwardNorm);
        }
    }

    private string Attend(MultiHeadAttention attention, string bias, OnnxScores how)
    {
        int K = Width / _heads;
        string shape = _graph.Wholes(0, 0, _heads, K);
        string q = Heads(attention.Query!), k = Heads(attention.Key!), v = Heads(attention.Value!);                        // [B, H, T, K]
        string turned = Turn(k, 0, 1, 3, 2);
        string scores = _graph.Node("Mul", _graph.Node("MatMul", q, turned), _graph.Number(how.Scale));                    // [B, H, T, T]
        if (how.Distances is { } distances) scores = _graph.Node("Add", scores, distances);
        if (how.Disentangled is { } positions)
            foreach (string part in positions.Scores(attention, q, k, scores, how.Scale)) scores = _graph.Node("Add", scores, part);
        return Mix(scores, bias, v, attention.Output);

        string Heads(Projection projection) => Turn(_graph.Node("Reshape", _graph.Linear(Hidden, projection), shape), 0, 2, 1, 3);
    }

    /// <summary>Scores and values to rows.  [B, H, T, T], [B, H, T, K] → [B, T, D].</summary>
    private string Mix(string scores, string bias, string v, Projection output)
    {
        string pattern = _graph.NodeWith("Softmax", [OnnxAttribute.Of("axis", -1)], _graph.Node("Add", scores, bias));
        string mixed = Turn(_graph.Node("MatMul", pattern, v), 0, 2, 1, 3);
        return _graph.Linear(_graph.Node("Reshape", mixed, _graph.Wholes(0, 0, Width)), output);
    }

    /// <summary>ModernBERT: pre-norm layers with rotated queries and keys, some within a window, and a gate.</summary>
    private void Run(ModernBertEncoder stack, ModernBertConfig config)
    {
        Hidden = _graph.Norm(_graph.Node("Gather", _graph.Weight(stack.Tokens.Weight), _ids), stack.EmbeddingNorm);        // [B, T, D]
        string padding = PaddingBias(), far = _graph.Node("Greater", _graph.Node("Abs", Distances()), _graph.Whole(config.Window / 2));
        string window = _graph.Node("Mul", _graph.NodeWith("Cast", [OnnxAttribute.Of("to", 1)], far), _graph.Number(float.MinValue));
        // The less of both, as their sum would be beyond float32.
        string near = _graph.Node("Min", padding, window);                                                                 // [B, 1, T, T]
        int K = Width / _heads, half = K / 2;
        (string Cos, string Sin) all = Angles(config.Theta, config.Scaling), close = Angles(config.WindowTheta, config.WindowScaling);
        string parts = _graph.Wholes(0, 0, 3, _heads, K), scale = _graph.Number(1 / MathF.Sqrt(K));
        for (int i = 0; i < stack.Layers.Count; i++)
        {
            ModernBertLayer layer = stack.Layers[i];
            bool isNear = config.WindowLayers[i];
            string x = layer.AttentionNorm is { } norm ? _graph.Norm(Hidden, norm) : Hidden;
            string qkv = _graph.Node("Reshape", _graph.Linear(x, layer.Attention.QueryKeyValue!), parts);                  // [B, T, 3, H, K]
            string q = Rotate(Part(qkv, 0), isNear ? close : all), k = Rotate(Part(qkv, 1), isNear ? close : all);
            string scores = _graph.Node("Mul", _graph.Node("MatMul", q, Turn(k, 0, 1, 3, 2)), scale);                      // [B, H, T, T]
            x = Mix(scores, isNear ? near : padding, Part(qkv, 2), layer.Attention.Output);
            Hidden = _graph.Node("Add", Hidden, x);
            string both = _graph.Linear(_graph.Norm(Hidden, layer.FeedForwardNorm), layer.FeedForward.Up);                 // [B, T, 2F]
            string gate = _graph.Activate(Columns(both, 0, config.InnerWidth), _activation);
            string gated = _graph.Node("Mul", gate, Columns(both, config.InnerWidth, 2 * config.InnerWidth));              // [B, T, F]
            Hidden = _graph.Node("Add", Hidden, _graph.Linear(gated, layer.FeedForward.Down));
        }

        Hidden = _graph.Norm(Hidden, stack.FinalNorm);

        // [B, H, T, K]: one of the three.
        string Part(string qkv, int which)
            => Turn(_graph.NodeWith("Gather", [OnnxAttribute.Of("axis", 2)], qkv, _graph.Whole(which)), 0, 2, 1, 3);

        string Rotate(string x, (string Cos, string Sin) angle)
        {
            string a = Columns(x, 0, half), b = Columns(x, half, K);
            string first = _graph.Node("Sub", _graph.Node("Mul", a, angle.Cos), _graph.Node("Mul", b, angle.Sin));
            string second = _graph.Node("Add", _graph.Node("Mul", b, angle.Cos), _graph.Node("Mul", a, angle.Sin));
            return _graph.NodeWith("Concat", [OnnxAttribute.Of("axis", -1)], first, second);
        }

        // [T, K/2] each: rows of tables, so that no angle is computed in float32.
        (string Cos, string Sin) Angles(double theta, RopeScaling? scaling)
        {
            int rows = config.ContextLength;
            float[] cos = new float[rows * half], sin = new float[rows * half];
            RotaryKernel.FillTables(RopeFrequencies.Compute(K, theta, scaling, rows, rows), RopeFrequencies.AttentionScale(scaling, rows),
                0, cos, sin);
            return (_graph.Node("Gather", _graph.Table(rows, cos), Columns()), _graph.Node("Gather", _graph.Table(rows, sin), Columns()));
        }
    }

    /// <summary>Columns of the last axis.</summary>
    private string Columns(string x, int first, int end)
        => _graph.Node("Slice", x, _graph.Wholes(first), _graph.Wholes(end), _graph.Wholes(-1));

    private string Turn(string x, params long[] order) => _graph.NodeWith("Transpose", [OnnxAttribute.Of("perm", order)], x);
}
