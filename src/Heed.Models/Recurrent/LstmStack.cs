using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Recurrent;

/// <summary>Tokens → LSTM layers. A cache keeps the states after every token, so that a language model writes like any other.</summary>
/// <remarks>Zaremba et al. 2014, arXiv:1409.2329 §3.</remarks>
internal sealed class LstmStack : DecoderStack
{
    private readonly Dropout _embedDropout;
    private readonly Dropout _dropout;
    private readonly bool _classifies;

    /// <summary>Makes the parameters: <c>embed_tokens</c> and <c>lstm</c>. A classifier's layers run in both directions where the
    /// configuration says so.</summary>
    public LstmStack(LstmConfig config, ParameterScope at)
        : base(config, at)
    {
        _classifies = config.Task == LstmTask.Classifier;
        _embedDropout = new Dropout(config.Dropout, "embed");
        _dropout = new Dropout(config.Dropout, "lstm");
        Tokens = new Embedding(
            config.Vocabulary, config.EmbeddingWidth, (at / "embed_tokens").As("embed"),
            !_classifies && config.TiedOutput ? null : LstmConfig.FirstRows, isOutput: !_classifies && config.TiedOutput);
        Layers = new Lstm(
            config.EmbeddingWidth, config.Width, (at / "lstm").As("lstm"), config.Layers, _classifies && config.BothDirections);
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>The recurrent layers.</summary>
    public Lstm Layers { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => Layers.CacheShapes;

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        _ = Rows.Check(batch, "input_ids");
        Variable x = _embedDropout.Forward(context.Visit("", "embed.token", Tokens.Forward(batch.Ids)), context);       // [N, E]
        context.EachLayer?.Invoke(x);
        x = Layers.Forward(x, context);                                                                           // [N, H·directions]
        // A classifier's head shows and thins the ends alone.
        if (!_classifies) x = _dropout.Forward(context.Visit("lstm", "out", x), context);
        context.EachLayer?.Invoke(x);
        return x;
    }
}

/// <summary>Reads the states at the ends of the text: forward at its last token, backward at its first.</summary>
internal sealed class LstmEndsHead(LstmConfig config, Linear classifier) : SequenceHead(classifier, config.Dropout, site: "lstm")
{
    protected override Variable Select(Variable hidden, TokenBatch batch, ForwardContext context, int? padding)
    {
        int H = config.Width;
        Variable last = hidden.Gather(Array.ConvertAll(batch.StartArray[1..], start => start - 1));                   // [B, H·directions]
        if (!config.BothDirections) return context.Visit("lstm", "out", last);
        Variable first = hidden.Gather(batch.StartArray[..^1]);
        return context.Visit("lstm", "out", Variable.Concatenate(-1, last.Columns(0, H), first.Columns(H, H)));
    }
}
