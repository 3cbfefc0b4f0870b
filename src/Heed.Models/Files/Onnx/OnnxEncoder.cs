using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Bert;
using Heed.Models.DistilBert;

namespace Heed.Models.Files.Onnx;

/// <summary>One post-norm layer: attention, norm, feed-forward part, norm.</summary>
internal readonly record struct OnnxLayer(MultiHeadAttention Attention, LayerNorm AttentionNorm, FeedForward FeedForward,
    LayerNorm FeedForwardNorm);

/// <summary>A post-norm encoder as nodes of ONNX: BERT, RoBERTa and kin, MPNet, ELECTRA, DistilBERT.</summary>
/// <remarks>Padding computes like any token and is hidden from the others by −3.4e38 added to its scores.</remarks>
internal sealed class OnnxEncoder
{
    private readonly OnnxGraph _graph;
    private readonly Activation _activation;
    private readonly float _epsilon;
    private readonly int _heads;
    private readonly string _ids;

    private OnnxEncoder(OnnxGraph graph, int width, int heads, Activation activation, float epsilon)
    {
        (_graph, Width, _heads, _activation, _epsilon) = (graph, width, heads, activation, epsilon);
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
    public static bool Knows(TokenStack stack) => stack is DistilBertEncoder || (stack is BertEncoder && stack.Config is not DebertaConfig);

    /// <summary>Adds the stack's nodes and its inputs.</summary>
    public static OnnxEncoder Build(OnnxGraph graph, TokenStack stack)
    {
        OnnxEncoder encoder;
        switch (stack)
        {
            case BertEncoder bert:
                BertConfig config = (BertConfig)stack.Config;
                encoder = new OnnxEncoder(graph, config.Width, config.Heads, config.Activation, config.NormEpsilon);
                encoder.Embed(bert, config);
                string? distances = bert.Distances is null ? null : encoder.DistanceBiases(bert.Distances, config);
                encoder.Run(bert.Layers.Select(l => new OnnxLayer(l.Attention, l.AttentionNorm, l.FeedForward, l.FeedForwardNorm)),
                    distances);
                return encoder;
            case DistilBertEncoder distil:
                DistilBertConfig small = (DistilBertConfig)stack.Config;
                encoder = new OnnxEncoder(graph, small.Width, small.Heads, small.Activation, DistilBertConfig.NormEpsilon);
                string tokens = graph.Node("Gather", graph.Weight(distil.Tokens.Weight), encoder._ids);
                string positions = graph.Node("Gather", graph.Weight(distil.Positions.Weight), encoder.Columns());
                encoder.Hidden = graph.Norm(graph.Node("Add", tokens, positions), distil.EmbeddingNorm, encoder._epsilon);
                encoder.Run(distil.Layers.Select(l => new OnnxLayer(l.Attention, l.AttentionNorm, l.FeedForward, l.FeedForwardNorm)), null);
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

        x = _graph.Norm(x, bert.EmbeddingNorm, _epsilon);
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
        string columns = Columns();
        string distances = _graph.Node("Sub", columns, _graph.Node("Unsqueeze", columns, _graph.Wholes(1)));               // [T, T]
        string bucket = _graph.Node("Gather", _graph.Wholes(buckets), _graph.Node("Add", distances, _graph.Whole(reach - 1)));
        string rows = _graph.Node("Gather", _graph.Weight(biases.Weight), bucket);                                         // [T, T, H]
        return _graph.NodeWith("Transpose", [OnnxAttribute.Of("perm", 2, 0, 1)], rows);
    }

    private void Run(IEnumerable<OnnxLayer> layers, string? distances)
    {
        string hidden = _graph.Node("Mul", _graph.Node("Sub", _graph.Number(1), Mask), _graph.Number(float.MinValue));
        string bias = _graph.Node("Unsqueeze", hidden, _graph.Wholes(1, 2));                                               // [B, 1, 1, T]
        foreach (OnnxLayer layer in layers)
        {
            string x = _graph.Node("Add", Hidden, Attend(layer.Attention, bias, distances));
            x = _graph.Norm(x, layer.AttentionNorm, _epsilon);
            string inner = _graph.Activate(_graph.Linear(x, layer.FeedForward.Up), _activation);                           // [B, T, F]
            x = _graph.Node("Add", x, _graph.Linear(inner, layer.FeedForward.Down));
            Hidden = _graph.Norm(x, layer.FeedForwardNorm, _epsilon);
        }
    }

    private string Attend(MultiHeadAttention attention, string bias, string? distances)
    {
        int K = Width / _heads;
        string shape = _graph.Wholes(0, 0, _heads, K);
        string q = Heads(attention.Query!, 0, 2, 1, 3), k = Heads(attention.Key!, 0, 2, 3, 1), v = Heads(attention.Value!, 0, 2, 1, 3);
        string scores = _graph.Node("Mul", _graph.Node("MatMul", q, k), _graph.Number(1 / MathF.Sqrt(K)));                 // [B, H, T, T]
        if (distances is not null) scores = _graph.Node("Add", scores, distances);
        string pattern = _graph.NodeWith("Softmax", [OnnxAttribute.Of("axis", -1)], _graph.Node("Add", scores, bias));
        string mixed = _graph.NodeWith("Transpose", [OnnxAttribute.Of("perm", 0, 2, 1, 3)], _graph.Node("MatMul", pattern, v));
        return _graph.Linear(_graph.Node("Reshape", mixed, _graph.Wholes(0, 0, Width)), attention.Output);                 // [B, T, D]

        string Heads(Projection projection, params long[] order)
            => _graph.NodeWith("Transpose", [OnnxAttribute.Of("perm", order)],
                _graph.Node("Reshape", _graph.Linear(Hidden, projection), shape));
    }
}
