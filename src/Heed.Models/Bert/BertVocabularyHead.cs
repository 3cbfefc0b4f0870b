using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Bert;

/// <summary>The head of masked tokens: a layer, an activation and a norm, then the token table (or a table of its own) with a bias.  [R, D] → [R, V].</summary>
/// <remarks>An untied head has two biases, <c>bias</c> and <c>decoder.bias</c>, of which only the second is used.</remarks>
public sealed class BertVocabularyHead : Module
{
    private readonly Linear _transform;
    private readonly LayerNorm _norm;
    private readonly Activation _activation;

    /// <summary>Makes the parameters: BERT's under <c>cls.predictions</c>, RoBERTa's under <c>lm_head</c>.</summary>
    /// <param name="config">Sizes; a <see cref="RobertaConfig"/> names them RoBERTa's way.</param>
    /// <param name="root">The checkpoint's root.</param>
    /// <param name="tokens">The token table.</param>
    public BertVocabularyHead(BertConfig config, ParameterScope root, Parameter tokens)
        : base(config is RobertaConfig ? root / "lm_head" : root / "cls" / "predictions")
    {
        bool roberta = config is RobertaConfig;
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        ParameterScope at = Scope;
        Name = at.Path;
        _activation = roberta ? Activation.Gelu : config.Activation;
        Parameter bias = at.Parameter("bias", new Engine.Tensors.Shape(config.Vocabulary), Initializer.Zeros);
        _transform = new Linear(config.Width, config.Width, roberta ? at / "dense" : at / "transform" / "dense", initializer: normal);
        _norm = new LayerNorm(config.Width, config.NormEpsilon, (roberta ? at / "layer_norm" : at / "transform" / "LayerNorm").As("norm_head"));
        bias.MayBeUnused = !config.TiedOutput;
        Decoder = config.TiedOutput ? new Linear(tokens, bias) : new Linear(config.Width, config.Vocabulary, at / "decoder", initializer: normal);
    }

    /// <summary>Place of the parameters.</summary>
    internal string Name { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Decoder { get; }

    /// <summary>[R, D] → [R, D]: what the decoder reads.</summary>
    /// <param name="hidden">[R, D].</param>
    /// <param name="context">Whose hooks see the norm, or null.</param>
    public Variable Transform(Variable hidden, ForwardContext? context = null)
    {
        Variable x = _transform.Forward(hidden).Activate(_activation);                  // [R, D]
        return context is null ? _norm.Forward(x) : _norm.Forward(x, context);
    }

    /// <summary>The names under which a tied head's table and bias may be stored a second time.</summary>
    internal IReadOnlyDictionary<string, string> TiedNames(BertConfig config) => !config.TiedOutput ? new Dictionary<string, string>() : new Dictionary<string, string>
    {
        [$"{Name}.decoder.weight"] = $"{config.Prefix}.embeddings.word_embeddings.weight",
        [$"{Name}.decoder.bias"] = $"{Name}.bias",
    };
}
