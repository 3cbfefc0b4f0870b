namespace Heed.Generation;

/// <summary>A text and its label: an example that a prompt shows.</summary>
/// <param name="Text">The text.</param>
/// <param name="Label">What a right answer writes after it.</param>
public sealed record LabelledText(string Text, string Label);
