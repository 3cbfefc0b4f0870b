using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>The head of hidden tokens: a layer, an activation and a norm, then the scores over the vocabulary.  [R, D] → [R, V].</summary>
/// <remarks>Devlin et al. 2019, §3.1.</remarks>
public sealed class MaskedHead : Module
{
    private readonly HeadTransform _transform;

    /// <summary>A head made of its parts.</summary>
    /// <param name="dense">D → D.</param>
    /// <param name="activation">Applied after it.</param>
    /// <param name="norm">Norm of the result; hooks find it as <c>head.norm</c>.</param>
    /// <param name="vocabulary">Rows to scores.</param>
    public MaskedHead(Linear dense, Activation activation, Norm norm, VocabularyHead vocabulary)
        : this(new HeadTransform(dense, activation, norm), vocabulary)
    {
    }

    internal MaskedHead(HeadTransform transform, VocabularyHead vocabulary) => (_transform, Vocabulary) = (transform, vocabulary);

    /// <summary>What is done to rows before it.</summary>
    internal HeadTransform Before => _transform;

    /// <summary>Rows to scores over the vocabulary.</summary>
    public VocabularyHead Vocabulary { get; }

    /// <summary>[R, D] → [R, D]: what the vocabulary's layer reads.</summary>
    /// <param name="hidden">[R, D].</param>
    /// <param name="context">Whose hooks see the norm, and whose dropout decides; null for neither.</param>
    public Variable Transform(Variable hidden, ForwardContext? context = null) => _transform.Forward(hidden, context);

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
        => _transform.TryExchange(old, replacement) || Vocabulary.TryExchange(old, replacement);
}
