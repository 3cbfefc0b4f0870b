using Heed.Generation.Embeddings;
using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Generation.Understanding;

/// <summary>Texts and pairs to classes or numbers.</summary>
internal static class TextClassification
{
    /// <summary>The scores of texts before any function.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="texts">The texts; a second text that is empty is none.</param>
    /// <param name="cut">True: texts that are too long are cut, of a pair the longer one first.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>One number per class for each text.</returns>
    /// <exception cref="InputException">The model does not classify texts, or a text is too long for it.</exception>
    public static float[][] Logits(TextReading reading, IReadOnlyList<TextPair> texts, bool cut, CancellationToken cancellationToken)
        => Logits(reading, [.. texts.Select(t => reading.Encode(t.First, t.Second.Length == 0 ? null : t.Second, cut))], cancellationToken);

    /// <inheritdoc cref="Logits(TextReading, IReadOnlyList{TextPair}, bool, CancellationToken)"/>
    public static float[][] Logits(TextReading reading, IReadOnlyList<TokenEncoding> texts, CancellationToken cancellationToken)
    {
        Classifier(reading);
        return reading.Run(texts, static (output, b, _) => TextReading.Row(output.Logits!, b, output.Logits!.Shape.Last),
            cancellationToken);
    }

    /// <summary>What the scores of a classifier mean: as its configuration says; unless it does, one class is a yes or no, and of several
    /// one is right.</summary>
    public static ClassificationKind KindOf(SequenceClassifier classifier, int classes) => classifier.Kind switch
    {
        ClassificationKind.Regression => ClassificationKind.Regression,
        ClassificationKind.MultiLabel => ClassificationKind.MultiLabel,
        _ => classes == 1 ? ClassificationKind.MultiLabel : ClassificationKind.SingleLabel,
    };

    /// <summary>Scores to classes, the likeliest first.</summary>
    /// <param name="reading">Whose names.</param>
    /// <param name="logits">One number per class.</param>
    /// <param name="kind">Softmax, sigmoid or nothing; null: as the model's configuration says.</param>
    /// <param name="top">Up to how many; null: all.</param>
    public static Prediction[] Predictions(TextReading reading, float[] logits, ClassificationKind? kind, int? top)
    {
        float[] scores = [.. logits];
        switch (kind ?? KindOf(Classifier(reading), scores.Length))
        {
            case ClassificationKind.SingleLabel:
                // A temperature that was fitted after training divides the scores; a kind that the caller names is computed as it is.
                float temperature = kind is null ? (float)reading.Calibration.Temperature : 1;
                Probabilities.Softmax(temperature == 1 ? logits : Array.ConvertAll(logits, x => x / temperature), scores);
                break;
            case ClassificationKind.MultiLabel:
                Probabilities.Sigmoid(scores);
                break;
        }

        return [.. scores.Select((s, i) => new Prediction(LabelOf(reading.Model.Config, i), s)).OrderByDescending(p => p.Score)
            .Take(top ?? int.MaxValue)];
    }

    /// <summary>The name of a class.</summary>
    public static string LabelOf(ModelConfig config, int index)
        => index < config.Labels.Count ? config.Labels[index] : FormattableString.Invariant($"LABEL_{index}");

    /// <summary>The model as a classifier of texts.</summary>
    /// <exception cref="InputException">It is none.</exception>
    public static SequenceClassifier Classifier(TextReading reading) => reading.Model as SequenceClassifier
        ?? throw new InputException($"{reading.Folder}: {reading.Model.Architecture} does not classify texts. Open a model with a sequence "
            + "classification head.");
}
