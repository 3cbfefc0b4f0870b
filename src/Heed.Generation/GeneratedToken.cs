namespace Heed.Generation;

/// <summary>One token as it is chosen.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Index">Its number among the new ones, from 0.</param>
public readonly record struct GeneratedToken(int Id, int Index)
{
    /// <summary>log p of the token before any processing, in nats; NaN where <see cref="GenerationRequest.TopTokens"/> is null.</summary>
    public float LogProbability { get; init; } = float.NaN;

    /// <summary>The likeliest tokens before any processing, best first; empty where none were asked for.</summary>
    public IReadOnlyList<(int Id, float LogProbability)> Top { get; init; } = [];
}
