using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Bert;

/// <summary>One post-norm encoder layer.  x: [N, D] → [N, D], N the batch's real tokens.</summary>
/// <remarks>Devlin et al. 2019, §3; Vaswani et al. 2017, §3.1. Scope names are the released checkpoint's keys.</remarks>
public sealed class BertLayer(BertConfig config, ParameterScope at) : Module(at)
{
    /// <summary>Self-attention without a mask.</summary>
    public MultiHeadAttention Attention { get; } = new(BertEncoder.AttentionOf(config), (at / "attention").As("attn"));

    /// <summary>Norm behind attention.</summary>
    public LayerNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "attention" / "output" / "LayerNorm").As("norm1"));

    /// <summary>Two layers with an activation between.</summary>
    public FeedForward FeedForward { get; } = new(BertEncoder.FeedForwardOf(config), at.As("mlp"));

    /// <summary>Norm behind the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "output" / "LayerNorm").As("norm2"));

    private Residual AttentionResidual { get; } = new(config.Dropout, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(config.Dropout, at, "mlp_out");

    /// <summary>norm(x + attention(x)), then norm(x + feed-forward(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        x = context.Visit(Site, "resid_pre", x);
        x = context.Visit(Site, "resid_mid", AttentionResidual.Add(x, Attention.Forward(x, context), context));         // [N, D]
        x = AttentionNorm.Forward(x, context);
        x = context.Visit(Site, "resid_post", FeedForwardResidual.Add(x, FeedForward.Forward(x, context), context));    // [N, D]
        return FeedForwardNorm.Forward(x, context);
    }
}

/// <summary>BERT's stack: tokens, positions and segments → norm → layers; and the pooler, where a head wants it.</summary>
public sealed class BertEncoder : Module
{
    private readonly BertConfig _config;
    private readonly Dropout _dropout;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>bert</c> or <c>roberta</c> in models with a head.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="at">Where the parameters are named.</param>
    /// <param name="pooler">True where a head reads the first token through a layer of its own.</param>
    public BertEncoder(BertConfig config, ParameterScope at, bool pooler = false)
        : base(at)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        _config = config;
        _dropout = new Dropout(config.Dropout);
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        Initializer exceptPadding = config.PaddingId is { } id ? Initializer.NormalExceptRow(config.InitialDeviation, id) : normal;
        ParameterScope tables = at / "embeddings";
        Tokens = new Embedding(config.Vocabulary, config.Width, (tables / "word_embeddings").As("embed"), exceptPadding, config.PaddingId, isOutput: config.TiedOutput);
        Positions = config.PositionsSkipPadding
            ? new Embedding(config.PositionRows, config.Width, (tables / "position_embeddings").As("pos_embed"), exceptPadding, config.PaddingId)
            : new Embedding(config.PositionRows, config.Width, (tables / "position_embeddings").As("pos_embed"), normal);
        Segments = new Embedding(config.Segments, config.Width, (tables / "token_type_embeddings").As("type_embed"), normal);
        EmbeddingNorm = new LayerNorm(config.Width, config.NormEpsilon, (tables / "LayerNorm").As("norm_embed"));
        BertLayer[] layers = new BertLayer[config.Layers];
        for (int i = 0; i < layers.Length; i++) layers[i] = new BertLayer(config, (at / "encoder" / "layer" / i).As($"blocks.{i}"));
        Layers = layers;
        if (pooler) Pooler = new Linear(config.Width, config.Width, at / "pooler" / "dense", initializer: normal);
    }

    /// <summary>Token table, [V, D].</summary>
    public Embedding Tokens { get; }

    /// <summary>Position table.</summary>
    public Embedding Positions { get; }

    /// <summary>Segment table.</summary>
    public Embedding Segments { get; }

    /// <summary>Norm behind the sum of the three.</summary>
    public LayerNorm EmbeddingNorm { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<BertLayer> Layers { get; }

    /// <summary>The layer through which a head reads the first token, or null.</summary>
    public Linear? Pooler { get; }

    /// <summary>Tokens to the rows of the last layer, [N, D].</summary>
    /// <exception cref="InputException">A segment is not in the table.</exception>
    public Variable Forward(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(context);
        int[] segments = batch.TypeIds ?? new int[batch.Rows];
        foreach (int segment in segments)
            if ((uint)segment >= (uint)_config.Segments) throw new InputException($"token_type_ids: {segment} is no segment of this {_config.ModelType} model; it has 0 to {_config.Segments - 1}.");
        Variable tokens = context.Visit("", "embed", Tokens.Forward(batch.Ids));                   // [N, D]
        Variable positions = context.Visit("", "pos_embed", Positions.Forward(batch.Positions));   // [N, D]
        Variable x = EmbeddingNorm.Forward(tokens + Segments.Forward(segments) + positions, context);
        x = _dropout.Forward(x, context, "embed");
        details?.AddRows("hidden_states", x, batch);
        return LayerStack.Run(Layers, x, context, (layer, y) => layer.Forward(y, context), details is null ? null : (_, y) => details.AddRows("hidden_states", y, batch));
    }

    /// <summary>tanh of a layer on each text's first token.</summary>
    /// <param name="hidden">[N, D].</param>
    /// <param name="firstRows">[B].</param>
    /// <returns>[B, D].</returns>
    /// <exception cref="InvalidOperationException">The stack was built without a pooler.</exception>
    public Variable Pool(Variable hidden, int[] firstRows)
        => (Pooler ?? throw new InvalidOperationException("This encoder was built without a pooler.")).Forward(hidden.Gather(firstRows)).Activate(Activation.Tanh);

    /// <summary>The rows of a padded grid. RoBERTa's positions count the tokens that are not padding, from the padding id + 1; padding itself has the padding id's.</summary>
    internal static TokenBatch Pack(BertConfig config, ModelInputs inputs, bool keepPadding) => WithPositions(config, inputs).Pack(keepPadding);

    /// <summary>The inputs with the positions that the architecture counts, where none are given.</summary>
    internal static ModelInputs WithPositions(BertConfig config, ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (!config.PositionsSkipPadding || inputs.PositionIds is not null) return inputs;
        TokenGrid ids = inputs.InputIds;
        int padding = config.PaddingId ?? -1;
        int[] positions = new int[ids.Cells.Length];
        for (int b = 0; b < ids.Rows; b++)
        {
            int count = 0;
            for (int t = 0; t < ids.Columns; t++) positions[(b * ids.Columns) + t] = ids[b, t] == padding ? Math.Max(padding, 0) : padding + ++count;
        }

        return inputs with { PositionIds = new TokenGrid(ids.Rows, ids.Columns, positions) };
    }

    internal static AttentionConfig AttentionOf(BertConfig c) => new()
    {
        Width = c.Width,
        Heads = c.Heads,
        Names = new AttentionNames("self.query", "self.key", "self.value", "output.dense"),
        Dropout = c.AttentionDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };

    internal static FeedForwardConfig FeedForwardOf(BertConfig c) => new()
    {
        Width = c.Width,
        InnerWidth = c.InnerWidth,
        Activation = c.Activation,
        UpName = "intermediate.dense",
        DownName = "output.dense",
        Initializer = Initializer.Normal(c.InitialDeviation),
    };
}
