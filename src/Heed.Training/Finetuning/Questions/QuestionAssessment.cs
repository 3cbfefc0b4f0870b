using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Training.Collators;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Metrics;

namespace Heed.Training.Finetuning;

/// <summary>Scores of starts and ends held against answers.</summary>
internal static class QuestionAssessment
{
    /// <summary>Mean F1 of words over all questions, 0 to 100.</summary>
    public const string F1 = "f1";

    private const string NoAnswer = "(no answer)";

    /// <summary>Compares.</summary>
    /// <param name="scores">For each window what the model says.</param>
    /// <param name="windows">As many windows.</param>
    /// <param name="questions">For each window the index of its question; windows of a question follow one another.</param>
    /// <param name="data">The held-out questions.</param>
    public static TaskAssessment Of(AnswerWindow[] scores, QuestionWindow[] windows, int[] questions, QuestionData data)
    {
        AnswerOptions options = new() { NoAnswer = data.HasUnanswered };
        IReadOnlyList<QuestionExample> examples = data.HeldOutExamples;
        AssessedExample[] assessed = new AssessedExample[examples.Count];
        AnsweredQuestion[] answered = new AnsweredQuestion[examples.Count];
        double loss = 0, guess = 0;
        int at = 0;
        for (int q = 0; q < examples.Count; q++)
        {
            int first = at;
            double nats = 0;
            for (; at < questions.Length && questions[at] == q; at++)
            {
                nats += (Nats(scores[at].StartLogits, windows[at].StartPosition) + Nats(scores[at].EndLogits, windows[at].EndPosition)) / 2;
                guess += Math.Log(windows[at].Ids.Count);
            }

            loss += nats;
            SelectedAnswer selected = AnswerSelection.Select(examples[q].Context, scores[first..at], options);
            string[] gold = [.. examples[q].Answers.Select(a => a.Text)];
            answered[q] = new AnsweredQuestion { Predicted = selected.Text, Answers = gold };
            assessed[q] = new AssessedExample(examples[q].Place, $"{examples[q].Question} ⏐ {examples[q].Context}",
                gold.Length == 0 ? NoAnswer : string.Join(" / ", gold.Distinct(StringComparer.Ordinal)),
                selected.Text.Length == 0 ? NoAnswer : selected.Text,
                selected.Candidates.Where(c => c.Text == selected.Text).Sum(c => c.Probability), nats / (at - first),
                Squad.Exact(selected.Text, gold.Length == 0 ? [""] : gold) == 1);
        }

        SquadReport report = Squad.Evaluate(answered);
        Dictionary<string, double> measures = new() { [F1] = report.All.F1, ["exact_match"] = report.All.Exact };
        if (data.HasUnanswered && report.HasAnswer is { } with) measures["answered_f1"] = with.F1;
        if (report.NoAnswer is { } without) measures["unanswered_f1"] = without.F1;
        int empty = answered.Count(a => a.Predicted.Length == 0);
        string[] findings = empty < answered.Length || report.HasAnswer is null ? [] : [string.Create(CultureInfo.InvariantCulture,
            $"100 % of predictions are \"no answer\", and {report.HasAnswer.Total:N0} of {answered.Length:N0} questions have one; if this "
                + $"stays, change the learning rate")];
        return new TaskAssessment(new EvaluationReport(loss / windows.Length, windows.Length)
        {
            Measures = measures,
            Findings = findings,
        })
        {
            Examples = assessed,
            GuessLoss = guess / windows.Length,
            Details = new JsonObject
            {
                ["questions"] = answered.Length,
                ["windows"] = windows.Length,
                ["n_best"] = options.NBest,
                ["longest_answer"] = options.MaxAnswerLength,
            },
        };
    }

    /// <summary>−log p of a position under the softmax over all.</summary>
    private static double Nats(IReadOnlyList<double> logits, int position)
    {
        double most = logits.Max();
        return Math.Log(logits.Sum(x => Math.Exp(x - most))) + most - logits[position];
    }
}
