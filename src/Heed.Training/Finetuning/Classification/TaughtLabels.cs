using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>A teacher's scores of the training examples, computed once, before the first step.</summary>
/// <param name="Logits">[N·L].</param>
/// <param name="Classes">L.</param>
internal sealed record TaughtLabels(float[] Logits, int Classes)
{
    private const double UsualTemperature = 2, UsualWeight = 0.5;

    /// <summary>Asks the teacher of the settings; null if there is none.</summary>
    /// <param name="settings">All decided.</param>
    /// <param name="data">The examples.</param>
    /// <exception cref="ConfigException">The teacher is no classifier of these labels, or the task has not one label per text.</exception>
    public static TaughtLabels? Of(FinetuningConfig settings, ClassificationData data)
    {
        if (settings.Teacher.Length == 0) return null;
        if (data.Kind != LabelKind.Single)
            throw new ConfigException("teacher: is for one label per text; leave it out for several labels or numbers.");
        if (data.TrainingExamples.Count == 0) return null;
        if (!Directory.Exists(settings.Teacher))
            throw new ConfigException($"teacher: {settings.Teacher} does not exist; name the folder of a finished classifier.");
        using Model teacher = ModelFolder.Load(settings.Teacher).Model;
        string[] labels = [.. teacher.Config.Labels];
        int[] from = [.. data.Labels.Select(l => Array.IndexOf(labels, l))];
        if (teacher is not SequenceClassifier || labels.Length != from.Length || from.Contains(-1))
        {
            throw new ConfigException($"teacher: {settings.Teacher} is {teacher.Architecture} with the labels "
                + $"{Printable.Shorten(string.Join(", ", labels), 60)}, and the data have "
                    + $"{Printable.Shorten(string.Join(", ", data.Labels), 60)}. "
                + "Name a classifier of the same labels.");
        }

        // The teacher reads the texts with its own tokenizer.
        int longest = Math.Min(teacher.Config.MaximumLength, Math.Max(settings.MaximumLength, 4));
        Tokenizer tokenizer = Tokenizer.FromFolder(settings.Teacher).WithPadding(null).WithTruncation(new TruncationOptions(longest));
        EncodedText[] texts = [.. data.TrainingExamples.Select(e => EncodedText.Of(tokenizer, e.Text, e.Second))];
        double[] scores = Predictor.Logits(teacher, texts, settings.BatchSize, labels.Length, default);
        float[] logits = new float[scores.Length];
        for (int i = 0; i < texts.Length; i++)
            for (int l = 0; l < from.Length; l++) logits[(i * from.Length) + l] = (float)scores[(i * from.Length) + from[l]];
        return new TaughtLabels(logits, from.Length);
    }

    /// <summary>What the teacher says of some examples.</summary>
    public SoftLabels For(ReadOnlySpan<int> examples, FinetuningConfig settings)
    {
        float[] some = new float[examples.Length * Classes];
        for (int b = 0; b < examples.Length; b++) Logits.AsSpan(examples[b] * Classes, Classes).CopyTo(some.AsSpan(b * Classes));
        return new SoftLabels(some, (float)(settings.Temperature ?? UsualTemperature), (float)(settings.SoftWeight ?? UsualWeight));
    }
}
