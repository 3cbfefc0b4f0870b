using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Bert;

/// <summary>One post-norm encoder layer.  x: [N, D] → [N, D], N the batch's real tokens.</summary>
/// <remarks>Devlin et al. 2019, §3; Vaswani et al. 2017, §3.1. Scope names are the released checkpoint's keys.</remarks>
/// <param name="config">Sizes and settings.</param>
/// <param name="at">The layer's place.</param>
/// <param name="distances">Biases of distances that the layers share (MPNet), or null.</param>
/// <param name="positions">Rows of distances that the layers share (DeBERTa), or null.</param>
internal sealed class BertLayer(BertConfig config, ParameterScope at, IDistanceBias? distances, DisentangledPositions? positions)
    : Module(at)
{
    /// <summary>Self-attention without a mask.</summary>
    public MultiHeadAttention Attention { get; } =
        new(BertEncoder.AttentionOf(config, distances, positions), (at / "attention").As("attn"));

    /// <summary>Norm after attention.</summary>
    public LayerNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon,
        BertEncoder.AttentionNormOf(config, at / "attention").As("attn_norm"));

    /// <summary>Two layers with an activation between.</summary>
    public FeedForward FeedForward { get; } = new(BertEncoder.FeedForwardOf(config), at.As("mlp"));

    /// <summary>Norm after the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "output" / "LayerNorm").As("mlp_norm"));

    private Residual AttentionResidual { get; } = new(config.Dropout, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(config.Dropout, at, "mlp_out");

    /// <summary>norm(x + attention(x)), then norm(x + feed-forward(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        x = context.Visit(Site, "resid_pre", x);
        x = context.Visit(Site, "resid_mid", AttentionResidual.Add(x, Attention.Forward(x, context), context));         // [N, D]
        x = AttentionNorm.Forward(x, context);
        x = context.Visit(Site, "resid_post", FeedForwardResidual.Add(x, FeedForward.Forward(x, context), context));    // [N, D]
        return context.Visit(Site, "out", FeedForwardNorm.Forward(x, context));
    }
}

/// <summary>BERT's stack: tokens, positions and segments → norm → layers; ELECTRA's narrower tables are projected after
/// the norm.</summary>
internal sealed class BertEncoder : TokenStack
{
    private readonly BertConfig _config;
    private readonly Dropout _dropout;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>bert</c> or <c>roberta</c> in models with a head.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="at">The place.</param>
    /// <param name="tables">A stack whose tables, and the norm of their sum, this one reads too; null makes its own.</param>
    public BertEncoder(BertConfig config, ParameterScope at, BertEncoder? tables = null)
        : base(config, at)
    {
        _config = config;
        _dropout = new Dropout(config.Dropout, "embed");
        int width = config.TableWidth;
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        Initializer exceptPadding = config.TablePadding is { } id ? Initializer.NormalExceptRow(config.InitialDeviation, id) : normal;
        if (tables is not null)
        {
            (Tokens, Positions, Segments, EmbeddingNorm) = (tables.Tokens, tables.Positions, tables.Segments, tables.EmbeddingNorm);
        }
        else
        {
            ParameterScope own = at / "embeddings", positions = (own / "position_embeddings").As("pos_embed");
            Tokens = new Embedding(config.Vocabulary, width, (own / "word_embeddings").As("embed"), exceptPadding, config.TablePadding,
                isOutput: config.TiedOutput);
            if (config.HasPositionTable)
            {
                Positions = config.PositionsSkipPadding
                    ? new Embedding(config.PositionRows, width, positions, exceptPadding, config.TablePadding)
                    : new Embedding(config.PositionRows, width, positions, normal);
            }

            if (config.Segments > 0)
                Segments = new Embedding(config.Segments, width, (own / "token_type_embeddings").As("type_embed"), normal);
            EmbeddingNorm = new LayerNorm(width, config.NormEpsilon, (own / "LayerNorm").As("embed.norm"));
        }

        if (width != config.Width)
            EmbeddingProjection = new Linear(width, config.Width, (at / "embeddings_project").As("embed_proj"), initializer: normal);
        Distances = config.DistanceBuckets == 0 ? null : new RelativeBias(
            config.DistanceBuckets, farthest: 128, config.Heads, bothDirections: true,
                (at / "encoder" / "relative_attention_bias").As("attn.bias"), normal);
        Disentangled = config is DebertaConfig { RelativeAttention: true } relative
            ? new DisentangledPositions(PositionsOf(relative), at / "encoder") : null;
        ParameterScope all = at / "encoder" / "layer";
        Layers = [.. Enumerable.Range(0, config.Layers).Select(i => new BertLayer(config, (all / i).As($"blocks.{i}"), Distances,
            Disentangled))];
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>Position table, or null (DeBERTa's third version).</summary>
    public Embedding? Positions { get; }

    /// <summary>Segment table, or null (MPNet, DeBERTa).</summary>
    public Embedding? Segments { get; }

    /// <summary>Norm of the sum of the tables' rows.</summary>
    public LayerNorm EmbeddingNorm { get; }

    /// <summary>E → D, or null where the tables are as wide as the layers.</summary>
    public Linear? EmbeddingProjection { get; }

    /// <summary>Biases of distances that the layers share, or null.</summary>
    public RelativeBias? Distances { get; }

    /// <summary>Rows of distances that the layers share, or null (all but DeBERTa).</summary>
    public DisentangledPositions? Disentangled { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<BertLayer> Layers { get; }

    /// <inheritdoc/>
    protected override int PositionCount => Positions is null ? Config.MaximumLength : _config.PositionRows;

    /// <inheritdoc/>
    /// <exception cref="InputException">A segment is not in the table.</exception>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        int[] segments = batch.TypeIdArray ?? new int[batch.Rows];
        foreach (int segment in segments)
            if ((uint)segment >= (uint)Math.Max(_config.Segments, 1))
                throw new InputException($"token_type_ids: {segment} is no segment of this {_config.ModelType} model; "
                    + $"it has 0 to {Math.Max(_config.Segments, 1) - 1}.");
        Variable x = context.Visit("", "embed.token", Tokens.Forward(batch.Ids));                          // [N, E]
        Variable? positions = Positions is null ? default(Variable?)
            : context.Visit("", "embed.position", Positions.Forward(batch.Positions));
        if (Segments is not null) x += context.Visit("", "embed.type", Segments.Forward(segments));
        if (positions is { } added) x += added;
        x = EmbeddingNorm.Forward(x, context);
        if (_config is DebertaConfig && batch.AttendedRows is { } attended) x *= Attended(batch, attended);
        x = _dropout.Forward(x, context);
        if (EmbeddingProjection is not null) x = EmbeddingProjection.Forward(x);                     // [N, D]
        x = context.Visit("", "embed.out", x);
        return LayerStack.Run(Layers, x, context, (layer, y) => layer.Forward(y, context));
    }

    /// <summary>RoBERTa's positions count the tokens that are not padding, from the padding id + 1; padding itself has the padding
    /// id's.</summary>
    /// <inheritdoc/>
    public override ModelInputs WithPositions(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (!_config.PositionsSkipPadding || inputs.PositionIds is not null) return inputs;
        TokenGrid ids = inputs.InputIds;
        int padding = _config.TablePadding ?? -1;
        int[] positions = new int[ids.Cells.Length];
        for (int b = 0; b < ids.Rows; b++)
        {
            int count = 0;
            for (int t = 0; t < ids.Columns; t++)
                positions[(b * ids.Columns) + t] = ids[b, t] == padding ? Math.Max(padding, 0) : padding + ++count;
        }

        return inputs with { PositionIds = new TokenGrid(ids.Rows, ids.Columns, positions) };
    }

    /// <summary>[N, 1]: 0 in rows of padding, which DeBERTa empties.</summary>
    private static Tensor Attended(TokenBatch batch, AttendedRows[] attended)
    {
        Tensor mask = Tensor.Zeros(batch.Rows, 1);
        for (int b = 0; b < attended.Length; b++) mask.Span.Slice(batch.StartArray[b] + attended[b].First, attended[b].Count).Fill(1);
        return mask;
    }

    private static DisentangledConfig PositionsOf(DebertaConfig c) => new()
    {
        Width = c.Width,
        Span = c.Span,
        Buckets = c.Buckets,
        Farthest = c.FarthestDistance,
        ContentToPosition = c.ContentToPosition,
        PositionToContent = c.PositionToContent,
        Projections = c.SharedProjections ? null : new DistanceProjections("self.pos_key_proj", "self.pos_query_proj"),
        NormEpsilon = c.NormedDistances ? c.NormEpsilon : 0,
        Dropout = c.Dropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };

    internal static AttentionConfig AttentionOf(BertConfig c, IDistanceBias? distances, DisentangledPositions? positions) => new()
    {
        Width = c.Width,
        Heads = c.Heads,
        Names = c switch
        {
            DebertaConfig => new AttentionNames("self.query_proj", "self.key_proj", "self.value_proj", "output.dense"),
            { DistanceBuckets: > 0 } => new AttentionNames("attn.q", "attn.k", "attn.v", "attn.o"),
            _ => new AttentionNames("self.query", "self.key", "self.value", "output.dense"),
        },
        Scale = c is DebertaConfig d ? 1 / MathF.Sqrt(d.Width / d.Heads * (1 + d.PositionKinds)) : 0,
        DistanceBias = distances,
        Disentangled = positions,
        Dropout = c.AttentionDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };

    internal static ParameterScope AttentionNormOf(BertConfig c, ParameterScope at)
        => c.DistanceBuckets > 0 ? at / "LayerNorm" : at / "output" / "LayerNorm";

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
