using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>What a <see cref="VocabularyHead"/> is.</summary>
public sealed record VocabularyHeadConfig
{
    /// <summary>D.</summary>
    public required int Width { get; init; }

    /// <summary>V.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>True where the output layer is the token table.</summary>
    public bool Tied { get; init; } = true;

    /// <summary>True where an output layer of its own has a bias.</summary>
    public bool Bias { get; init; }

    /// <summary>Factor of the rows before the output layer; 1 changes nothing.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>c of c·tanh(scores / c); 0 leaves the scores as they are.</summary>
    public float SoftCap { get; init; }

    /// <summary>First values of an output layer of its own; normal with 0.02 where null.</summary>
    public Initializer? Initializer { get; init; }
}

/// <summary>Rows to scores over the vocabulary, and their loss without holding the scores.  [R, D] → [R, V].</summary>
public sealed class VocabularyHead : Module
{
    private readonly VocabularyHeadConfig _config;

    /// <summary>Makes the output layer, or takes the token table.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="tokens">The token table.</param>
    /// <param name="at">Where the layer is named, <c>lm_head</c>; a tied one may be stored there a second time.</param>
    /// <param name="bias">[V]: the bias of a tied layer, or null.</param>
    public VocabularyHead(VocabularyHeadConfig config, Embedding tokens, ParameterScope at, Parameter? bias = null)
        : base((at = at.As("head")))
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(tokens);
        _config = config;
        Output = config.Tied
            ? new Linear(tokens.Weight, bias)
            : new Linear(config.Width, config.Vocabulary, at.As("output"), config.Bias, initializer: config.Initializer);
        if (!config.Tied) return;
        at.Share("weight", tokens.Weight);
        if (bias is not null && bias.Name != $"{at.Path}.bias") at.Share("bias", bias);
    }

    /// <summary>Rows to scores; shares the token table where the configuration says so.</summary>
    public Projection Output { get; private set; }

    /// <summary>[1, V]: added to the scores, stored, and never trained (BART, Marian); or null.</summary>
    public Parameter? FixedBias { get; init; }

    /// <summary>True where scores are a linear function of rows: without a soft cap.</summary>
    internal bool IsLinear => _config.SoftCap == 0;

    /// <summary>Scores over the vocabulary.</summary>
    /// <param name="hidden">[R, D].</param>
    /// <returns>[R, V].</returns>
    public Variable Forward(Variable hidden)
    {
        Variable scores = Output.Forward(Scaled(hidden));
        if (FixedBias is not null) scores += FixedBias.ToVariable();
        return _config.SoftCap > 0 ? (scores * (1 / _config.SoftCap)).Activate(Activation.Tanh) * _config.SoftCap : scores;
    }

    /// <summary>Sum of −log p(target) over rows; without a soft cap the scores are never held.</summary>
    /// <param name="hidden">[R, D].</param>
    /// <param name="targets">[R] ids, or the ignored index.</param>
    /// <param name="settings">Smoothing, class weights, ignored index.</param>
    /// <returns>[]: nats.</returns>
    public Variable LossSum(Variable hidden, int[] targets, CrossEntropySettings settings)
    {
        if (_config.SoftCap > 0 || Output is not Linear output) return Loss.CrossEntropy(Forward(hidden), targets, settings);
        Variable? bias = FixedBias is null ? output.Bias?.ToVariable() : FixedBias.ToVariable().Reshape(_config.Vocabulary);
        return Loss.VocabularyCrossEntropy(Scaled(hidden), output.Weight.AsWeight(), bias, targets, settings);
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
    {
        if (!ReferenceEquals(old, Output)) return false;
        Output = replacement;
        return true;
    }

    private Variable Scaled(Variable hidden) => _config.Scale == 1 ? hidden : hidden * _config.Scale;
}
