using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Generation.Understanding;

/// <summary>Classes that a model was never trained for: it judges whether each follows from the text (Yin et al. 2019).</summary>
internal static class ZeroShot
{
    /// <summary>The sentence that must follow, with a label for <c>{}</c>.</summary>
    public const string Template = "This example is {}.";

    /// <summary>The labels of texts, the likeliest first.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="labels">The labels.</param>
    /// <param name="template">A sentence with <c>{}</c> for the label.</param>
    /// <param name="several">True: each label is right or not by itself; false: one is right.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">The model does not judge entailment, or the template has no <c>{}</c>.</exception>
    public static Prediction[][] Classify(
        TextReading reading, IReadOnlyList<string> texts, IReadOnlyList<string> labels, string template, bool several,
        CancellationToken cancellationToken)
    {
        IReadOnlyList<string> classes = TextClassification.Classifier(reading).Config.Labels;
        int yes = Entailment(classes);
        if (yes < 0)
            throw new InputException($"{reading.Folder}: none of the classes "
                + $"{string.Join(", ", classes.Select(l => Printable.Shorten(l, 40)))} "
                + "is 'entailment'. Open a model of natural language inference, or ask for these classes.");
        if (labels.Count == 0) throw new InputException("There is no label; give one or more.");
        if (!template.Contains("{}", StringComparison.Ordinal))
            throw new InputException($"The template '{Printable.Shorten(template)}' has no {{}}, where the label stands.");
        int no = yes == 0 ? classes.Count - 1 : 0;
        Tokenizer cutting = reading.Cutting(strategy: TruncationStrategy.OnlyFirst);
        float[][] logits = TextClassification.Logits(reading,
            [.. texts.SelectMany(t => labels.Select(l => Encode(reading, cutting, t,
                template.Replace("{}", l, StringComparison.Ordinal))))], cancellationToken);
        return [.. texts.Select((_, t) => Of(logits.AsSpan(t * labels.Count, labels.Count)))];

        Prediction[] Of(ReadOnlySpan<float[]> rows)
        {
            float[] scores = new float[rows.Length];
            if (several || rows.Length == 1)
            {
                for (int i = 0; i < scores.Length; i++) scores[i] = 1 / (1 + MathF.Exp(rows[i][no] - rows[i][yes]));
            }
            else
            {
                float[] entailments = new float[rows.Length];
                for (int i = 0; i < scores.Length; i++) entailments[i] = rows[i][yes];
                Probabilities.Softmax(entailments, scores);
            }

            return [.. scores.Select((s, i) => new Prediction(labels[i], s)).OrderByDescending(p => p.Score)];
        }
    }

    /// <summary>The class that says that the second text follows from the first; −1 if there is none.</summary>
    internal static int Entailment(IReadOnlyList<string> classes) => classes.Count < 2 ? -1
        : classes.ToList().FindIndex(l => l.StartsWith("entail", StringComparison.OrdinalIgnoreCase));

    /// <summary>Text and sentence, the text cut to the model's length; where it cannot give enough, nothing is cut.</summary>
    private static TokenEncoding Encode(TextReading reading, Tokenizer cutting, string text, string sentence)
    {
        TokenEncoding whole = reading.Encode(text, sentence);
        int excess = whole.Count - reading.Limit;
        return excess <= 0 || reading.Tokenizer.CountTokens(text, addSpecialTokens: false) <= excess ? whole
            : cutting.Encode(text, sentence);
    }
}
