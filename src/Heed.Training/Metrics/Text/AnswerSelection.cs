namespace Heed.Training.Metrics;

/// <summary>What a model said about one window of a context.</summary>
internal sealed record AnswerWindow
{
    /// <summary>For each token its first character in the context; −1 outside the context (question, special tokens).</summary>
    public required IReadOnlyList<int> Starts { get; init; }

    /// <summary>For each token the character after its last; −1 outside the context.</summary>
    public required IReadOnlyList<int> Ends { get; init; }

    /// <summary>For each token how well an answer starts there.</summary>
    public required IReadOnlyList<double> StartLogits { get; init; }

    /// <summary>For each token how well an answer ends there.</summary>
    public required IReadOnlyList<double> EndLogits { get; init; }
}

/// <summary>Settings of <see cref="AnswerSelection"/>, with the names of transformers' examples.</summary>
internal sealed record AnswerOptions
{
    /// <summary><c>n_best_size</c>: starts and ends tried per window, and answers kept.</summary>
    public int NBest { get; init; } = 20;

    /// <summary><c>max_answer_length</c>: longest answer, in tokens.</summary>
    public int MaxAnswerLength { get; init; } = 30;

    /// <summary><c>version_2_with_negative</c>: "no answer" is an answer.</summary>
    public bool NoAnswer { get; init; }

    /// <summary><c>null_score_diff_threshold</c>: "no answer" wins by more than this.</summary>
    public double NullThreshold { get; init; }
}

/// <summary>An answer that was considered.</summary>
/// <param name="Text">Its text; empty for "no answer"; <c>empty</c> where nothing else is left.</param>
/// <param name="StartLogit">Logit of its first token.</param>
/// <param name="EndLogit">Logit of its last token.</param>
/// <param name="Probability">Softmax of the sums of logits over the answers considered.</param>
internal sealed record AnswerCandidate(string Text, double StartLogit, double EndLogit, double Probability);

/// <summary>What <see cref="AnswerSelection"/> found.</summary>
/// <param name="Text">The answer; empty for "no answer".</param>
/// <param name="NullScoreDifference">Score of "no answer" minus that of the best answer; null without
/// <see cref="AnswerOptions.NoAnswer"/>.</param>
/// <param name="Candidates">The answers considered, best first. A span that two windows hold stands twice.</param>
internal sealed record SelectedAnswer(string Text, double? NullScoreDifference, IReadOnlyList<AnswerCandidate> Candidates);

/// <summary>Finds the best answer among the spans of a context's windows.</summary>
/// <remarks><c>postprocess_qa_predictions</c> of transformers' examples for question answering.</remarks>
internal static class AnswerSelection
{
    /// <summary>The best answer.</summary>
    /// <param name="context">The context; windows count its UTF-16 units.</param>
    /// <param name="windows">One or more windows.</param>
    /// <param name="options">Settings; the defaults if null.</param>
    /// <exception cref="ArgumentException">There is no window, or its lists differ in length.</exception>
    public static SelectedAnswer Select(string context, IReadOnlyList<AnswerWindow> windows, AnswerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(windows);
        options ??= new AnswerOptions();
        if (windows.Count == 0) throw new ArgumentException("There is no window; one or more are needed.", nameof(windows));
        Span? none = null;
        List<Span> found = [];
        foreach (AnswerWindow window in windows)
        {
            Check(window);
            Span outside = new("", window.StartLogits[0], window.EndLogits[0]);
            if (none is null || outside.Score < none.Score) none = outside;
            int[] starts = Highest(window.StartLogits, options.NBest), ends = Highest(window.EndLogits, options.NBest);
            foreach (int start in starts)
            {
                foreach (int end in ends)
                {
                    if (window.Starts[start] < 0 || window.Starts[end] < 0 || end < start
                        || end - start + 1 > options.MaxAnswerLength) continue;
                    found.Add(new Span(context[window.Starts[start]..window.Ends[end]], window.StartLogits[start], window.EndLogits[end]));
                }
            }
        }

        if (options.NoAnswer) found.Add(none!);
        List<Span> best = [.. found.OrderByDescending(s => s.Score).Take(options.NBest)];
        if (options.NoAnswer && !best.Contains(none!, ReferenceEqualityComparer.Instance)) best.Add(none!);
        if (best.Count == 0 || (best.Count == 1 && best[0].Text.Length == 0)) best.Insert(0, new Span("empty", 0, 0));
        string text = best[0].Text;
        double? difference = null;
        if (options.NoAnswer)
        {
            Span first = best.Find(s => s.Text.Length > 0) ?? best[0];
            difference = none!.Score - first.Score;
            text = difference > options.NullThreshold ? "" : first.Text;
        }

        double[] probabilities = Calibration.Softmax([.. best.Select(s => s.Score)], best.Count);
        return new SelectedAnswer(text, difference,
            [.. best.Select((s, i) => new AnswerCandidate(s.Text, s.Start, s.End, probabilities[i]))]);
    }

    private static void Check(AnswerWindow window)
    {
        int tokens = window.StartLogits.Count;
        if (tokens == 0) throw new ArgumentException("A window has no tokens.", nameof(window));
        MetricThrow.IfLengthsDiffer(window.EndLogits.Count, tokens, nameof(window.EndLogits), nameof(window.StartLogits));
        MetricThrow.IfLengthsDiffer(window.Starts.Count, tokens, nameof(window.Starts), nameof(window.StartLogits));
        MetricThrow.IfLengthsDiffer(window.Ends.Count, tokens, nameof(window.Ends), nameof(window.StartLogits));
    }

    /// <summary>The places of the highest logits, falling, the first at ties.</summary>
    private static int[] Highest(IReadOnlyList<double> logits, int count)
        => [.. Enumerable.Range(0, logits.Count).OrderByDescending(i => logits[i]).Take(count)];

    /// <summary>A span, and its score: the sum of both logits.</summary>
    private sealed record Span(string Text, double Start, double End)
    {
        public double Score => Start + End;
    }
}
