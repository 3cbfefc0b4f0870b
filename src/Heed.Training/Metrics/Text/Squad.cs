using System.Text;

namespace Heed.Training.Metrics;

/// <summary>A question with its gold answers and a prediction.</summary>
public sealed record AnsweredQuestion
{
    /// <summary>The predicted answer; empty for "no answer".</summary>
    public required string Predicted { get; init; }

    /// <summary>The gold answers; empty for a question without an answer (SQuAD 2.0).</summary>
    public required IReadOnlyList<string> Answers { get; init; }

    /// <summary>Probability, or another rising score, that there is no answer; null if unknown.</summary>
    public double? NoAnswerProbability { get; init; }
}

/// <summary>Exact match and F1 of some questions, 0 to 100.</summary>
/// <param name="Exact">Share of answers that equal a gold answer.</param>
/// <param name="F1">Mean F1 of words.</param>
/// <param name="Total">Number of questions.</param>
public sealed record SquadScore(double Exact, double F1, int Total);

/// <summary>
/// The best that a threshold on the no-answer probability could reach, chosen on these very questions: an optimistic
/// number.
/// </summary>
/// <param name="Value">0 to 100.</param>
/// <param name="Threshold">Above it the answer is "no answer".</param>
internal sealed record SquadBest(double Value, double Threshold);

/// <summary>What <see cref="Squad.Evaluate"/> found.</summary>
public sealed record SquadReport
{
    /// <summary>All questions.</summary>
    public required SquadScore All { get; init; }

    /// <summary>The questions that have an answer; null if there is none.</summary>
    public required SquadScore? HasAnswer { get; init; }

    /// <summary>The questions without an answer; null if there is none.</summary>
    public required SquadScore? NoAnswer { get; init; }

    /// <summary>Best exact match over thresholds; null if a probability is unknown.</summary>
    internal SquadBest? BestExact { get; init; }

    /// <summary>Best F1 over thresholds; null if a probability is unknown.</summary>
    internal SquadBest? BestF1 { get; init; }
}

/// <summary>Exact match and F1 of answers to questions, SQuAD 1.1 and 2.0.</summary>
/// <remarks>
/// Rajpurkar et al. 2016, 2018. Answers are compared in lower case, without ASCII punctuation, without <c>a</c>, <c>an</c>, <c>the</c>,
/// white space squeezed, in this order: typographic quotes stay, and articles are English only.
/// </remarks>
public static class Squad
{
    /// <summary>The text as it is compared.</summary>
    public static string Normalize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> points = ReferenceText.CodePoints(ReferenceText.ToLower(text));
        points.RemoveAll(ReferenceText.IsAsciiPunctuation);
        StringBuilder kept = new(points.Count);
        for (int i = 0; i < points.Count;)
        {
            int end = i;
            while (end < points.Count && ReferenceText.IsWord(points[end])) end++;
            bool isArticle = (end - i, points[i]) switch
            {
                (1, 'a') => true,
                (2, 'a') => points[i + 1] == 'n',
                (3, 't') => points[i + 1] == 'h' && points[i + 2] == 'e',
                _ => false,
            };
            if (isArticle) kept.Append(' ');
            else for (int j = i; j < Math.Max(end, i + 1); j++) ReferenceText.Append(kept, points[j]);
            i = Math.Max(end, i + 1);
        }

        return string.Join(' ', ReferenceText.Split(kept.ToString()));
    }

    /// <summary>1 if the prediction equals one of the answers, else 0 (SQuAD 1.1).</summary>
    /// <exception cref="ArgumentException">There is no answer.</exception>
    public static double Exact(string predicted, IReadOnlyList<string> answers)
        => Best(answers, answer => string.Equals(Normalize(predicted), Normalize(answer), StringComparison.Ordinal) ? 1 : 0);

    /// <summary>F1 of words with the answer that gives most: 1 if both are empty, 0 if one is (SQuAD 1.1).</summary>
    /// <exception cref="ArgumentException">There is no answer.</exception>
    public static double F1(string predicted, IReadOnlyList<string> answers)
    {
        List<string> words = ReferenceText.Split(Normalize(predicted));
        return Best(answers, answer =>
        {
            List<string> gold = ReferenceText.Split(Normalize(answer));
            if (words.Count == 0 || gold.Count == 0) return words.Count == gold.Count ? 1 : 0;
            return 2.0 * NGrams.Matches(NGrams.OfWords(words, 1), NGrams.OfWords(gold, 1)) / (words.Count + gold.Count);
        });
    }

    /// <summary>SQuAD 2.0 over all questions.</summary>
    /// <param name="questions">The questions.</param>
    /// <param name="threshold">A no-answer probability above it replaces the prediction by "no answer".</param>
    /// <exception cref="ArgumentException">There is no question.</exception>
    public static SquadReport Evaluate(IReadOnlyList<AnsweredQuestion> questions, double threshold = 1)
    {
        ArgumentNullException.ThrowIfNull(questions);
        if (questions.Count == 0) throw new ArgumentException("There is no question; one or more are needed.", nameof(questions));
        bool known = questions.All(q => q.NoAnswerProbability is not null);
        Judged[] judged = [.. questions.Select(q => Judge(q, known ? q.NoAnswerProbability!.Value : null))];
        return new SquadReport
        {
            All = Score(judged)!,
            HasAnswer = Score([.. judged.Where(q => q.HasAnswer)]),
            NoAnswer = Score([.. judged.Where(q => !q.HasAnswer)]),
            BestExact = known ? BestThreshold(judged, q => q.Exact) : null,
            BestF1 = known ? BestThreshold(judged, q => q.F1) : null,
        };

        SquadScore? Score(Judged[] some) => some.Length == 0 ? null
            : new SquadScore(100 * some.Average(q => Value(q, q.Exact)), 100 * some.Average(q => Value(q, q.F1)), some.Length);

        double Value(Judged q, double raw) => q.NoAnswerProbability is { } p && p > threshold ? (q.HasAnswer ? 0 : 1) : raw;
    }

    private static Judged Judge(AnsweredQuestion question, double? probability)
    {
        string[] golds = [.. question.Answers.Where(a => Normalize(a).Length > 0)];
        if (golds.Length == 0) golds = [""];
        return new Judged(question.Answers.Count > 0, question.Predicted.Length > 0, Exact(question.Predicted, golds),
            F1(question.Predicted, golds), probability);
    }

    /// <summary>Lets one question after the other be answered, by rising probability of no answer, and keeps the best sum.</summary>
    private static SquadBest BestThreshold(Judged[] questions, Func<Judged, double> score)
    {
        // Sums that are equal in fractions may differ in their last digit, and must not pass for better.
        const double Rounding = 1e-12;
        double sum = questions.Count(q => !q.HasAnswer), best = sum, threshold = 0;
        foreach (Judged question in questions.OrderBy(q => q.NoAnswerProbability))
        {
            sum += question.HasAnswer ? score(question) : question.Answers ? -1 : 0;
            if (sum <= best + Rounding) continue;
            best = sum;
            threshold = question.NoAnswerProbability!.Value;
        }

        return new SquadBest(100 * best / questions.Length, threshold);
    }

    private static double Best(IReadOnlyList<string> answers, Func<string, double> score)
    {
        ArgumentNullException.ThrowIfNull(answers);
        return answers.Count > 0 ? answers.Max(score)
            : throw new ArgumentException("There is no answer to compare with; one or more are needed.", nameof(answers));
    }

    private sealed record Judged(bool HasAnswer, bool Answers, double Exact, double F1, double? NoAnswerProbability);
}
