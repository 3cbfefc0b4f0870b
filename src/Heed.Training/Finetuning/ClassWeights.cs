using System.Globalization;

namespace Heed.Training.Finetuning;

/// <summary>Weights of classes in the loss.</summary>
internal static class ClassWeights
{
    /// <summary>All count alike.</summary>
    public const string None = "none";

    /// <summary>Each class counts alike, whatever its number of examples: N ÷ (C · N_c), as scikit-learn has it.</summary>
    public const string Balanced = "balanced";

    /// <summary>The weights of a setting; null if all are 1.</summary>
    /// <param name="setting"><c>none</c>, <c>balanced</c>, or <c>name=weight</c> of some with commas (the others weigh 1).</param>
    /// <param name="labels">The labels in the order of the model's outputs.</param>
    /// <param name="given">The label of each thing that is learned.</param>
    /// <exception cref="ConfigException">It is neither.</exception>
    public static float[]? Of(string setting, IReadOnlyList<string> labels, IEnumerable<string> given)
    {
        if (setting == None) return null;
        float[] weights = new float[labels.Count];
        Array.Fill(weights, 1f);
        if (setting == Balanced)
        {
            Dictionary<string, int> counts = given.CountBy(l => l, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
            double all = counts.Values.Sum(n => (double)n);
            for (int c = 0; c < weights.Length; c++)
                if (counts.TryGetValue(labels[c], out int count)) weights[c] = (float)(all / (weights.Length * (double)count));
            return weights;
        }

        foreach (string entry in setting.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int equal = entry.LastIndexOf('=');
            int label = equal < 0 ? -1 : labels.ToList().IndexOf(entry[..equal]);
            if (label < 0)
            {
                throw new ConfigException($"class_weights: \"{Printable.Shorten(entry)}\" is no NAME=WEIGHT of a label; labels are "
                    + $"{string.Join(", ", labels.Select(l => Printable.Shorten(l, 40)))}. Say {None}, {Balanced}, or name labels.");
            }

            if (!float.TryParse(entry[(equal + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out float weight)
                || !(weight >= 0 && float.IsFinite(weight)))
                throw new ConfigException($"class_weights: the weight of '{labels[label]}' is "
                    + $"\"{Printable.Shorten(entry[(equal + 1)..])}\"; a number of at least 0 was expected.");
            weights[label] = weight;
        }

        return weights;
    }
}
