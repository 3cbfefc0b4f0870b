namespace Heed.Generation.Understanding;

/// <summary>The labels of a text, the likeliest first, before and after the correction by texts without content.</summary>
/// <param name="Plain">As the model has them.</param>
/// <param name="Corrected">Divided by what it says of nothing, and by their sum.</param>
internal sealed record FewShotAnswer(IReadOnlyList<Prediction> Plain, IReadOnlyList<Prediction> Corrected);

/// <summary>Labels of texts by a prompt that shows labelled examples.</summary>
internal sealed class FewShotClassifier
{
    private readonly PromptClassification _prompt;
    private readonly TextReading _reading;

    /// <summary>Scores the texts without content, once.</summary>
    /// <param name="model">A causal language model.</param>
    /// <param name="examples">What the prompt shows, in order; none: zero-shot.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="BudgetException">The prompt is longer than the model reads.</exception>
    /// <exception cref="InputException">The model does not predict the next token, or the options do not fit.</exception>
    public FewShotClassifier(
        HeedModel model, IReadOnlyList<LabelledText> examples, FewShotOptions options, CancellationToken cancellationToken)
    {
        Examples = examples;
        Labels = options.LabelsFor(examples);
        _reading = model.Reading;
        _prompt = new PromptClassification(_reading, options.Template, Labels, options.Neutral, cancellationToken,
            FewShotPrompt.Of(examples, options));
    }

    /// <summary>What the prompt shows.</summary>
    public IReadOnlyList<LabelledText> Examples { get; }

    /// <summary>The labels, in the order of <see cref="Prior"/>.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>How likely each label is after a text without content.</summary>
    public IReadOnlyList<double> Prior => _prompt.Prior;

    /// <summary>The labels of a text.</summary>
    /// <exception cref="BudgetException">The prompt is longer than the model reads; the message says by how much.</exception>
    public FewShotAnswer Of(string text, CancellationToken cancellationToken)
    {
        (double[] plain, double[] weighted) = _prompt.Of(text, cancellationToken);
        return new FewShotAnswer(Ordered(plain), Ordered(PromptClassification.Normalised(weighted)));
    }

    private Prediction[] Ordered(double[] scores)
        => [.. scores.Select((s, l) => new Prediction(Labels[l], (float)s)).OrderByDescending(p => p.Score)];
}
