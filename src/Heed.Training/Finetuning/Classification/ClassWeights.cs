using System.Globalization;
using Heed.Training.Data;

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
    /// <param name="data">The examples.</param>
    /// <exception cref="ConfigException">It is neither, or the labels are not one per text.</exception>
    public static float[]? Of(string setting, ClassificationData data)
    {
        if (setting == None) return null;
        if (data.Kind != LabelKind.Single) throw new ConfigException($"class_weights: \"{setting}\" is for one label per text; leave it "
            + $"at none for several labels or numbers.");
        float[] weights = new float[data.Labels.Count];
        Array.Fill(weights, 1f);
        if (setting == Balanced)
        {
            for (int c = 0; c < weights.Length; c++)
            {
                int count = data.TrainingExamples.Count(e => e.Labels[0] == data.Labels[c]);
                weights[c] = count == 0 ? 1 : (float)((double)data.Training / (weights.Length * (double)count));
            }

            return weights;
        }

        foreach (string entry in setting.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int equal = entry.LastIndexOf('=');
            int label = equal < 0 ? -1 : data.Labels.ToList().IndexOf(entry[..equal]);
            if (label < 0)
            {
                throw new ConfigException($"class_weights: \"{Printable.Shorten(entry)}\" is no NAME=WEIGHT of a label; labels are "
                    + $"{string.Join(", ", data.Labels.Select(l => Printable.Shorten(l, 40)))}. Say {None}, {Balanced}, or name labels.");
            }

            if (!float.TryParse(entry[(equal + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out float weight)
                || !(weight >= 0 && float.IsFinite(weight)))
                throw new ConfigException($"class_weights: the weight of '{data.Labels[label]}' is "
                    + $"\"{Printable.Shorten(entry[(equal + 1)..])}\"; a number of at least 0 was expected.");
            weights[label] = weight;
        }

        return weights;
    }
}
