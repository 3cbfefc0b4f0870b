using System.Globalization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Heed.Extensions.AI;

/// <summary>One measure of a text.</summary>
/// <param name="Value">In the measure's own unit.</param>
/// <param name="Part">Where it lies in its range: 0 worst, 1 best.</param>
/// <param name="Reason">How it came about.</param>
internal readonly record struct TextScore(double Value, double Part, string Reason);

/// <summary>Measures a response beside its references.</summary>
/// <param name="passing">Part of the range below which a response fails.</param>
/// <param name="names">Names of the metrics.</param>
/// <param name="measure">From response and references to a score for each name.</param>
internal sealed class TextEvaluator(
    double passing, string[] names, Func<string, IReadOnlyList<string>, CancellationToken, ValueTask<TextScore[]>> measure) : IEvaluator
{
    private static readonly EvaluationRating[] Ratings =
    [
        EvaluationRating.Unacceptable, EvaluationRating.Poor, EvaluationRating.Average, EvaluationRating.Good, EvaluationRating.Exceptional,
    ];

    private readonly double _passing = passing is >= 0 and <= 1 ? passing
        : throw new ArgumentOutOfRangeException(nameof(passing), passing, "A part of the range was expected, 0 to 1.");

    /// <inheritdoc/>
    public IReadOnlyCollection<string> EvaluationMetricNames { get; } = names;

    /// <inheritdoc/>
    public async ValueTask<EvaluationResult> EvaluateAsync(IEnumerable<ChatMessage> messages, ChatResponse modelResponse,
        ChatConfiguration? chatConfiguration = null, IEnumerable<EvaluationContext>? additionalContext = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(modelResponse);
        NumericMetric[] metrics = Array.ConvertAll(names, name => new NumericMetric(name));
        ReferenceTexts? given = additionalContext?.OfType<ReferenceTexts>().FirstOrDefault();
        if (given is not { References.Count: > 0 })
        {
            foreach (NumericMetric metric in metrics)
            {
                metric.AddDiagnostics(EvaluationDiagnostic.Error($"{metric.Name} compares with references, and the additional context has "
                    + $"none. Add new {nameof(ReferenceTexts)}(\"…\")."));
            }

            return new EvaluationResult(metrics);
        }

        TextScore[] scores = await measure(modelResponse.Text, given.References, cancellationToken).ConfigureAwait(false);
        for (int m = 0; m < metrics.Length; m++)
        {
            (double value, double part, string reason) = scores[m];
            metrics[m].Value = value;
            metrics[m].Reason = reason;
            metrics[m].AddOrUpdateContext(given);
            bool fails = !(part >= _passing);
            metrics[m].Interpretation = new EvaluationMetricInterpretation(
                double.IsNaN(part) ? EvaluationRating.Inconclusive
                    : Ratings[Math.Clamp((int)(part * Ratings.Length), 0, Ratings.Length - 1)],
                fails, fails ? string.Create(CultureInfo.InvariantCulture, $"{part:0.000} of the range is below {_passing:0.###}") : null);
        }

        return new EvaluationResult(metrics);
    }
}
