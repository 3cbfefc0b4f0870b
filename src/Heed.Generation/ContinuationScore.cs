namespace Heed.Generation;

/// <summary>How likely a model finds a text after another.</summary>
/// <param name="PromptIds">Tokens that were given.</param>
/// <param name="Ids">Tokens whose probabilities were asked for.</param>
/// <param name="LogProbabilities">Natural logarithm of the probability of each of <paramref name="Ids"/> after all tokens before
/// it.</param>
/// <param name="IsGreedy">True where each of them is the likeliest token: greedy generation would write them.</param>
public sealed record ContinuationScore(
    IReadOnlyList<int> PromptIds, IReadOnlyList<int> Ids, IReadOnlyList<float> LogProbabilities, bool IsGreedy)
{
    /// <summary>Σ <see cref="LogProbabilities"/>, in nats: the logarithm of the probability of the whole continuation.</summary>
    public double Sum => LogProbabilities.Sum(p => (double)p);
}
