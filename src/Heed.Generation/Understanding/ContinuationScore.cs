namespace Heed.Generation.Understanding;

/// <summary>How likely a model finds a text after another.</summary>
/// <param name="PromptIds">Tokens that were given.</param>
/// <param name="Tokens">The tokens whose probabilities were asked for, each with the likeliest one in its place.</param>
internal sealed record ContinuationScore(IReadOnlyList<int> PromptIds, IReadOnlyList<TokenLogProbability> Tokens)
{
    /// <summary>The logarithm of the probability of the whole continuation, in nats.</summary>
    public double Sum => Tokens.Sum(t => (double)t.LogProbability);

    /// <summary>True where each token is the likeliest: greedy generation would write them.</summary>
    public bool IsGreedy => Tokens.All(t => t.Top[0].Id == t.Id);
}
