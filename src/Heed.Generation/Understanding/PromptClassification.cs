namespace Heed.Generation.Understanding;

/// <summary>Classes by the words that a language model would write after a prompt, corrected by what it writes after prompts without
/// content.</summary>
/// <remarks>Contextual calibration: Zhao et al. 2021, arXiv:2102.09690, §5, W = diag(p)⁻¹, b = 0.</remarks>
internal sealed class PromptClassification
{
    /// <summary>The texts without content of the paper.</summary>
    public static readonly IReadOnlyList<string> ContentFree = ["N/A", "", "[MASK]"];

    private readonly TextReading _reading;
    private readonly string _template;
    private readonly IReadOnlyList<string> _labels;

    /// <summary>A prompt and the words that may follow.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="template">The prompt, with <c>{text}</c> for the text.</param>
    /// <param name="labels">What may follow, after a space.</param>
    /// <param name="contentFree">Texts without content; none: no correction.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">The template has no <c>{text}</c>, there is no label, or the model does not predict the next
    /// token.</exception>
    public PromptClassification(
        TextReading reading, string template, IReadOnlyList<string> labels, IReadOnlyList<string> contentFree,
            CancellationToken cancellationToken)
    {
        if (!template.Contains("{text}", StringComparison.Ordinal))
            throw new InputException($"The template '{Printable.Shorten(template)}' has no {{text}}, where the text stands.");
        if (labels.Count == 0) throw new InputException("There is no label; give one or more.");
        (_reading, _template, _labels) = (reading, template, labels);
        double[] sums = new double[labels.Count];
        foreach (string text in contentFree)
        {
            double[] p = Raw(text, cancellationToken);
            for (int l = 0; l < sums.Length; l++) sums[l] += p[l] / contentFree.Count;
        }

        Prior = contentFree.Count == 0 ? [.. labels.Select(_ => 1.0 / labels.Count)] : Normalised(sums);
    }

    /// <summary>How likely each label is after a prompt without content.</summary>
    public double[] Prior { get; }

    /// <summary>How likely each label is after a text, before the correction and after it.</summary>
    public (double[] Plain, double[] Weighted) Of(string text, CancellationToken cancellationToken)
    {
        double[] plain = Normalised(Raw(text, cancellationToken));
        return (plain, [.. plain.Select((p, l) => p / Prior[l])]);
    }

    /// <summary>Numbers divided by their sum.</summary>
    public static double[] Normalised(double[] values)
    {
        double sum = values.Sum();
        return sum > 0 ? Array.ConvertAll(values, v => v / sum) : Array.ConvertAll(values, _ => 1.0 / values.Length);
    }

    private double[] Raw(string text, CancellationToken cancellationToken)
    {
        string prompt = _template.Replace("{text}", text, StringComparison.Ordinal);
        return [.. ContinuationScoring.Score(_reading, [.. _labels.Select(l => ContinuationScoring.Split(_reading, prompt, " " + l))],
            cancellationToken)
            .Select(s => Math.Exp(s.Sum))];
    }
}
