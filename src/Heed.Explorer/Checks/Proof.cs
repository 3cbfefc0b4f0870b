using Heed.Explorer.Api;
using Heed.Inspection;

namespace Heed.Explorer.Checks;

/// <summary>Something that must hold whatever the weights are, checked on the opened model and the text in view.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Claim">What should be so.</param>
/// <param name="Source">Where the definition is from.</param>
/// <param name="Run">Measures it. An <see cref="InputException"/> says why it cannot be asked of this model.</param>
internal sealed record Proof(string Name, string Claim, string Source, Func<ProofSubject, CancellationToken, IEnumerable<CheckValue>> Run);

/// <summary>What proofs look at.</summary>
/// <param name="Inspector">The model's.</param>
/// <param name="Text">The text in view.</param>
/// <param name="Position">Where its prediction is read; null for classifiers of texts.</param>
internal sealed record ProofSubject(Inspector Inspector, InspectedText Text, int? Position)
{
    /// <summary>The likeliest answer against the next one.</summary>
    public LogitDifference Metric(CancellationToken cancellationToken) => Inspector.Metric(Text, Position, cancellationToken);

    /// <summary>The stack that scores come from.</summary>
    public string LastStack => Inspector.Stacks[^1];
}
