using System.Globalization;

namespace Heed.Training.Symptoms;

/// <summary>Predictions that are nearly all one class while the labels are not.</summary>
internal static class OneClass
{
    /// <summary>The rule's name.</summary>
    public const string Rule = "one-class";

    private const double Nearly = 0.9, Share = 0.75;

    /// <summary>A sentence without its stop if nearly all predictions are one class and the labels are not; null else.</summary>
    /// <param name="gold">[N]: the right classes.</param>
    /// <param name="predicted">[N]: the predicted ones.</param>
    /// <param name="labels">Their names.</param>
    public static string? Of(int[] gold, int[] predicted, IReadOnlyList<string> labels)
    {
        long[] predictions = new long[labels.Count], right = new long[labels.Count];
        foreach (int p in predicted) predictions[p]++;
        foreach (int g in gold) right[g]++;
        return Of(right, predictions, labels);
    }

    /// <summary>As <see cref="Of(int[], int[], IReadOnlyList{string})"/>, of how often each class was right and was predicted.</summary>
    public static string? Of(IReadOnlyList<long> gold, IReadOnlyList<long> predicted, IReadOnlyList<string> labels)
    {
        double all = predicted.Sum();
        if (all == 0) return null;
        int most = 0;
        for (int c = 1; c < predicted.Count; c++)
            if (predicted[c] > predicted[most]) most = c;
        double ofPredictions = predicted[most] / all, ofLabels = gold[most] / all;
        return ofPredictions < Nearly || ofLabels > Share * ofPredictions ? null : string.Create(CultureInfo.InvariantCulture,
            $"{ofPredictions:P0} of predictions are '{Printable.Shorten(labels[most], 40)}', {ofLabels:P0} of labels");
    }
}
