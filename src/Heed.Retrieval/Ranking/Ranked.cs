namespace Heed.Retrieval;

/// <summary>An item and its score in a ranking.</summary>
/// <param name="Item">Its number, from 0.</param>
/// <param name="Score">Greater is better.</param>
public readonly record struct Ranked(int Item, double Score);
