namespace Heed.Generation.Embeddings;

/// <summary>Two texts that a model reads at once.</summary>
/// <param name="First">The first, such as a query.</param>
/// <param name="Second">The second, such as a document.</param>
public sealed record TextPair(string First, string Second);
