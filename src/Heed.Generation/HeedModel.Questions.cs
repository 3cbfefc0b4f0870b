using Heed.Generation.Embeddings;
using Heed.Generation.Understanding;

namespace Heed.Generation;

public sealed partial class HeedModel
{
    /// <summary>The parts of a context that answer a question, best first. A context longer than the model reads is read in
    /// windows.</summary>
    /// <param name="question">The question.</param>
    /// <param name="context">The text that holds the answer.</param>
    /// <param name="options">How many answers, how long, whether there may be none; null: the best one.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>Up to <see cref="QuestionOptions.Top"/> answers.</returns>
    /// <exception cref="InputException">The model does not answer questions, the question leaves no room for its context, or the stride
    /// is as
    /// long as that room.</exception>
    public IReadOnlyList<Answer> FindAnswers(
        string question, string context, QuestionOptions? options = null, CancellationToken cancellationToken = default)
        => FindAnswers([new TextPair(question, context)], options, cancellationToken)[0];

    /// <summary>The parts of contexts that answer questions, best first.</summary>
    /// <inheritdoc cref="FindAnswers(string, string, QuestionOptions?, CancellationToken)"/>
    /// <param name="questions">Questions, each with its context.</param>
    /// <param name="options">How many answers, how long, whether there may be none; null: the best one.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>For each question up to <see cref="QuestionOptions.Top"/> answers.</returns>
    public IReadOnlyList<IReadOnlyList<Answer>> FindAnswers(
        IReadOnlyList<TextPair> questions, QuestionOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(questions);
        options ??= new QuestionOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Top, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.LongestAnswer, 1, nameof(options));
        using IDisposable use = _uses.Enter();
        TextReading reading = _reading.Value;
        QuestionAnswering.Window[][] windows = QuestionAnswering.Windows(reading, questions, options.Length, options.Stride,
            cancellationToken);
        return [.. windows.Select((w, q) => QuestionAnswering.Answers(reading, questions[q].Second, w, options))];
    }

    /// <summary>As <see cref="FindAnswers(IReadOnlyList{TextPair}, QuestionOptions?, CancellationToken)"/>, on a thread of the
    /// pool.</summary>
    /// <inheritdoc cref="FindAnswers(IReadOnlyList{TextPair}, QuestionOptions?, CancellationToken)"/>
    public Task<IReadOnlyList<IReadOnlyList<Answer>>> FindAnswersAsync(
        IReadOnlyList<TextPair> questions, QuestionOptions? options = null, CancellationToken cancellationToken = default)
        => Task.Run(() => FindAnswers(questions, options, cancellationToken), cancellationToken);
}
