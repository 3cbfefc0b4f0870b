using Microsoft.Extensions.AI.Evaluation;

namespace Heed.Extensions.AI;

/// <summary>The texts that a response is held against, for <see cref="TextEvaluators"/>; given as additional context of an
/// evaluation.</summary>
/// <param name="references">One or more; of several, measures take the best or count all, as each defines.</param>
public sealed class ReferenceTexts(params string[] references) : EvaluationContext(ContextName, string.Join('\n', references))
{
    /// <summary>The name of this context.</summary>
    public const string ContextName = "Reference Texts";

    /// <summary>The texts.</summary>
    public IReadOnlyList<string> References { get; } = [.. references];
}
