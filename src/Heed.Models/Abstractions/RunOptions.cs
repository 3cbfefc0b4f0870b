using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>How one run of a model goes.</summary>
public sealed record RunOptions
{
    /// <summary>Nothing special: inference without dropout.</summary>
    public static RunOptions Default { get; } = new();

    /// <summary>Dropout decisions of a training step; null: no dropout.</summary>
    public DropoutPlan? Dropout { get; init; }

    /// <summary>True to recompute layers in the backward pass instead of holding their activations.</summary>
    public bool Checkpoint { get; init; }

    /// <summary>Observers and replacements of named tensors.</summary>
    public Hooks? Hooks { get; init; }

    /// <summary>True to return the hidden states and the attention patterns of every layer as well, by Hugging Face's names.</summary>
    public bool Details { get; init; }

    /// <summary>False: only the losses are wanted, and the logits need not exist.</summary>
    public bool Logits { get; init; } = true;

    /// <summary>
    /// Label smoothing, class weights and ignored index of token and class losses; their reduction is not read, as losses are sums. Null:
    /// none of them and <see cref="CausalLanguageModel.IgnoredLabel"/>, with the smoothing that an architecture's own training has while a
    /// tape records.
    /// </summary>
    public CrossEntropySettings? Loss { get; init; }

    /// <summary>Looked at before each layer.</summary>
    public CancellationToken CancellationToken { get; init; }
}
