using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>The head of hidden tokens: a layer, an activation and a norm, then the scores over the vocabulary.  [R, D] → [R, V].</summary>
/// <remarks>Devlin et al. 2019, §3.1.</remarks>
/// <param name="dense">D → D.</param>
/// <param name="activation">Applied after it.</param>
/// <param name="norm">Norm of the result; hooks find it as <c>norm_head</c>.</param>
/// <param name="vocabulary">Rows to scores.</param>
public sealed class MaskedHead(Linear dense, Activation activation, Norm norm, VocabularyHead vocabulary) : Module
{
    private Projection _dense = dense;

    /// <summary>Rows to scores over the vocabulary.</summary>
    public VocabularyHead Vocabulary { get; } = vocabulary;

    /// <summary>[R, D] → [R, D]: what the vocabulary's layer reads.</summary>
    /// <param name="hidden">[R, D].</param>
    /// <param name="context">Whose hooks see the norm, and whose dropout decides; null for neither.</param>
    public Variable Transform(Variable hidden, ForwardContext? context = null)
    {
        Variable x = (context is null ? _dense.Forward(hidden) : _dense.Forward(hidden, context)).Activate(activation);        // [R, D]
        return context is null ? norm.Forward(x) : norm.Forward(x, context);
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
    {
        if (!ReferenceEquals(old, _dense)) return Vocabulary.TryExchange(old, replacement);
        _dense = replacement;
        return true;
    }
}
