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
    private readonly string? _beginning;

    /// <summary>A prompt and the words that may follow.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="template">The prompt, with <c>{text}</c> for the text.</param>
    /// <param name="labels">What may follow, after a space.</param>
    /// <param name="contentFree">Texts without content; none: no correction.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <param name="beginning">What stands before the prompt, labelled examples for instance; a prompt that is too long is then refused.
    /// Null:
    /// nothing, and the end of what is too long counts.</param>
    /// <exception cref="InputException">The template has no <c>{text}</c>, there is no label, or the model does not predict the next
    /// token.</exception>
    public PromptClassification(
        TextReading reading, string template, IReadOnlyList<string> labels, IReadOnlyList<string> contentFree,
            CancellationToken cancellationToken, string? beginning = null)
    {
        if (!template.Contains("{text}", StringComparison.Ordinal))
            throw new InputException($"The template '{Printable.Shorten(template)}' has no {{text}}, where the text stands.");
        if (labels.Count == 0) throw new InputException("There is no label; give one or more.");
        (_reading, _template, _labels, _beginning) = (reading, template, labels, beginning);
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
        string prompt = _beginning + _template.Replace("{text}", text, StringComparison.Ordinal);
        (int[] Prompt, int[] Continuation)[] texts = [.. _labels.Select(l => ContinuationScoring.Split(_reading, prompt, " " + l))];
        if (_beginning is not null) RequireFits(texts);
        return [.. ContinuationScoring.Score(_reading, texts, cancellationToken).Select(s => Math.Exp(s.Sum))];
    }

    /// <summary>Refuses a prompt whose beginning would be cut: it would lose examples, and not all texts the same ones.</summary>
    private void RequireFits((int[] Prompt, int[] Continuation)[] texts)
    {
        // The last id of a label is not read.
        int longest = texts.Max(t => t.Prompt.Length + t.Continuation.Length - 1);
        if (longest <= _reading.Limit) return;
        throw new BudgetException(string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"the prompt has {longest:N0} tokens with the longest label, and the model reads {_reading.Limit:N0}: "
                + $"{longest - _reading.Limit:N0} too many. ")
                + "Show fewer or shorter examples, or take a model with a longer context.");
    }
}
