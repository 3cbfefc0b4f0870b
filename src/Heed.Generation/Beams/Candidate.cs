namespace Heed.Generation.Beams;

/// <summary>A continuation of a beam by one token.</summary>
/// <param name="Beam">Number of the beam that it continues.</param>
/// <param name="Token">The id.</param>
/// <param name="Score">Sum of log-probabilities with the token.</param>
internal readonly record struct Candidate(int Beam, int Token, float Score);
