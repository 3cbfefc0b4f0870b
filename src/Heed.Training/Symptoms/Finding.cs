namespace Heed.Training.Symptoms;

/// <summary>A mistake that was found: what shows it, what it costs, and how to fix it.</summary>
/// <param name="Rule">The rule's name, such as <c>leak-of-the-future</c>; <c>docs/doctor.md</c> lists them.</param>
/// <param name="Place">Where: a file, a layer, a step.</param>
/// <param name="Evidence">The numbers, as a sentence without its stop.</param>
/// <param name="Harm">Why it hurts, a sentence.</param>
/// <param name="Fix">A command, a line of code, or what to change.</param>
public sealed record Finding(string Rule, string Place, string Evidence, string Harm, string Fix)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Rule}: {Place}: {Evidence}. {Harm} {Fix}";
}
