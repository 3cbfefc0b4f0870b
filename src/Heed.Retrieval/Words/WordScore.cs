namespace Heed.Retrieval;

/// <summary>A word and how near it is.</summary>
/// <param name="Word">The word.</param>
/// <param name="Score">Greater is nearer: a cosine, −1 to 1, or of <see cref="WordVectors.AnalogyByProduct"/> a quotient from 0.</param>
public sealed record WordScore(string Word, double Score);
