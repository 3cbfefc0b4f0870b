using Heed.Generation.Understanding;

namespace Heed.Generation;

public sealed partial class HeedModel
{
    /// <summary>How likely the model finds texts after a prompt: the best answer of several has the largest sum of logarithms.</summary>
    /// <param name="prompt">The prompt; empty: the beginning of text. Blanks at its end count to the continuation, as tokens hold the space
    /// before a word.</param>
    /// <param name="continuations">What may follow, each with the space before it.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>For each continuation its tokens: the logarithm of the probability of each after all before it, and the likeliest token in
    /// its place. Of what is longer than the model reads the end counts.</returns>
    /// <exception cref="InputException">The model does not predict the next token, or a prompt or continuation has no token.</exception>
    public IReadOnlyList<IReadOnlyList<TokenLogProbability>> Score(
        string prompt, IReadOnlyList<string> continuations, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(continuations);
        using IDisposable use = _uses.Enter();
        TextReading reading = _reading.Value;
        return [.. ContinuationScoring.Score(reading, [.. continuations.Select(c => ContinuationScoring.Split(reading, prompt, c))],
            cancellationToken)
            .Select(s => s.Tokens)];
    }

    /// <summary>How likely the model finds a whole text, read in windows where it is longer than the model reads.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>All tokens of the text; bits per byte are −Σ logarithms ÷ bytes ÷ ln 2.</returns>
    /// <exception cref="InputException">The model does not predict the next token, or the text has no token.</exception>
    public IReadOnlyList<TokenLogProbability> Score(string text, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        using IDisposable use = _uses.Enter();
        return [.. ContinuationScoring.Rolling(_reading.Value, text, cancellationToken).SelectMany(w => w.Tokens)];
    }

    /// <summary>As <see cref="Score(string, IReadOnlyList{string}, CancellationToken)"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Score(string, IReadOnlyList{string}, CancellationToken)"/>
    public Task<IReadOnlyList<IReadOnlyList<TokenLogProbability>>> ScoreAsync(
        string prompt, IReadOnlyList<string> continuations, CancellationToken cancellationToken = default)
        => Task.Run(() => Score(prompt, continuations, cancellationToken), cancellationToken);

    /// <summary>The classes of texts by labels that the model was never trained for: it judges whether "This example is LABEL." follows
    /// from
    /// the text.</summary>
    /// <param name="texts">The texts; what is longer than the model reads is cut.</param>
    /// <param name="labels">The labels.</param>
    /// <param name="template">The sentence, with <c>{}</c> for the label.</param>
    /// <param name="several">True: each label is right or not by itself. False: one is right.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>For each text the labels, the likeliest first.</returns>
    /// <exception cref="InputException">The model is no classifier with a class <c>entailment</c>, or the template has no
    /// <c>{}</c>.</exception>
    public IReadOnlyList<IReadOnlyList<Prediction>> ClassifyAs(
        IReadOnlyList<string> texts, IReadOnlyList<string> labels, string template = ZeroShot.Template, bool several = false,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(template);
        using IDisposable use = _uses.Enter();
        return ZeroShot.Classify(_reading.Value, texts, labels, template, several, cancellationToken);
    }

    /// <summary>The classes of texts by what a language model would write after a prompt, corrected by what it writes after prompts without
    /// content (contextual calibration).</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="template">The prompt, with <c>{text}</c> for the text: <c>"Text: {text}\nLabel:"</c>.</param>
    /// <param name="labels">What may follow, after a space.</param>
    /// <param name="contentFree">Texts without content; null: <c>N/A</c>, nothing, <c>[MASK]</c>; empty: no correction.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>For each text the labels, the likeliest first.</returns>
    /// <exception cref="InputException">The model does not predict the next token, the template has no <c>{text}</c>, or there is no
    /// label.</exception>
    public IReadOnlyList<IReadOnlyList<Prediction>> ClassifyByPrompt(
        IReadOnlyList<string> texts, string template, IReadOnlyList<string> labels, IReadOnlyList<string>? contentFree = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(template);
        ArgumentNullException.ThrowIfNull(labels);
        using IDisposable use = _uses.Enter();
        PromptClassification prompt = new(_reading.Value, template, labels, contentFree ?? PromptClassification.ContentFree,
            cancellationToken);
        return [.. texts.Select(t => (IReadOnlyList<Prediction>)[.. PromptClassification.Normalised(prompt.Of(t, cancellationToken)
            .Weighted)
            .Select((p, l) => new Prediction(labels[l], (float)p)).OrderByDescending(p => p.Score)])];
    }

    /// <summary>The labels of texts by a prompt that shows labelled examples first (learning in context), corrected as by
    /// <see cref="ClassifyByPrompt"/>.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="examples">What the prompt shows, in this order; none: the labels alone are asked for.</param>
    /// <param name="options">Template, labels, correction; null: the standard.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>For each text the labels, the likeliest first.</returns>
    /// <exception cref="InputException">The model does not predict the next token, or there are fewer than two labels.</exception>
    /// <exception cref="BudgetException">The prompt is longer than the model reads; the message says by how much.</exception>
    public IReadOnlyList<IReadOnlyList<Prediction>> ClassifyByExamples(
        IReadOnlyList<string> texts, IReadOnlyList<LabelledText> examples, FewShotOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(examples);
        using IDisposable use = _uses.Enter();
        FewShotClassifier classifier = new(this, examples, options ?? new FewShotOptions(), cancellationToken);
        return [.. texts.Select(t => classifier.Of(t, cancellationToken).Corrected)];
    }

    /// <summary>As <see cref="ClassifyAs"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="ClassifyAs"/>
    public Task<IReadOnlyList<IReadOnlyList<Prediction>>> ClassifyAsAsync(
        IReadOnlyList<string> texts, IReadOnlyList<string> labels, string template = ZeroShot.Template, bool several = false,
        CancellationToken cancellationToken = default)
        => Task.Run(() => ClassifyAs(texts, labels, template, several, cancellationToken), cancellationToken);

    /// <summary>As <see cref="ClassifyByPrompt"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="ClassifyByPrompt"/>
    public Task<IReadOnlyList<IReadOnlyList<Prediction>>> ClassifyByPromptAsync(
        IReadOnlyList<string> texts, string template, IReadOnlyList<string> labels, IReadOnlyList<string>? contentFree = null,
        CancellationToken cancellationToken = default)
        => Task.Run(() => ClassifyByPrompt(texts, template, labels, contentFree, cancellationToken), cancellationToken);

    /// <summary>As <see cref="ClassifyByExamples"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="ClassifyByExamples"/>
    public Task<IReadOnlyList<IReadOnlyList<Prediction>>> ClassifyByExamplesAsync(
        IReadOnlyList<string> texts, IReadOnlyList<LabelledText> examples, FewShotOptions? options = null,
        CancellationToken cancellationToken = default)
        => Task.Run(() => ClassifyByExamples(texts, examples, options, cancellationToken), cancellationToken);
}
