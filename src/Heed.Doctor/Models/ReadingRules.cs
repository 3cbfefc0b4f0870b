using System.Globalization;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Doctor.Models;

/// <summary>Rules on what a model may look at: padding, the future, the target itself; and that it says the same twice.</summary>
internal static class ReadingRules
{
    /// <summary>Part of the largest score by which two runs may differ where the order of sums does.</summary>
    private const double Rounding = 1e-4;

    public static void Judge(ModelProbe probe, Notes notes)
    {
        notes.Judge(Rules.EvaluationInTrainingMode, () => Twice(probe, notes));
        notes.Judge(Rules.PaddingAttended, () => Padding(probe, notes));
        if (probe.IsCausal || probe.Model is SequenceToSequenceModel) notes.Judge(Rules.LeakOfTheFuture, () => Future(probe, notes));
        if (!probe.IsCausal) return;
        notes.Judge(Rules.LabelsNotShifted, () => Labels(probe, notes));
        notes.Judged(Rules.LabelsShiftedTwice);
        if (probe.HasWords) Copies(probe, notes);
    }

    /// <summary>The same text twice.</summary>
    private static void Twice(ModelProbe probe, Notes notes)
    {
        using TensorScope scope = TensorScope.Begin();
        long masks = probe.Model.Context.DropoutMasks;
        if (ModelProbe.ResultOf(probe.Run([probe.Texts[0]])) is not { } first) return;
        Tensor second = ModelProbe.ResultOf(probe.Run([probe.Texts[0]]))!;
        int differing = Differing(first.Span, second.Span);
        long made = probe.Model.Context.DropoutMasks - masks;
        if (differing == 0 && made == 0) return;
        notes.Add(Rules.EvaluationInTrainingMode, probe.Model.Architecture, string.Create(CultureInfo.InvariantCulture,
            $"run twice on the same text without a DropoutPlan, {differing:N0} of {first.Count:N0} scores differ and {made:N0} dropout "
                + $"masks were made"),
            "Drop values only where context.Dropout is not null: new Dropout(p, site).Forward(x, context).");
    }

    /// <summary>Each text alone and among longer ones.</summary>
    private static void Padding(ModelProbe probe, Notes notes)
    {
        if (probe.Texts.Length < 2) return;
        using TensorScope scope = TensorScope.Begin();
        if (ModelProbe.ResultOf(probe.Run(probe.Texts)) is not { } batch) return;
        int columns = probe.Texts.Max(t => t.Length), worst = -1;
        double most = 0;
        for (int b = 0; b < probe.Texts.Length; b++)
        {
            if (probe.Texts[b].Length == columns) continue;
            Tensor alone = ModelProbe.ResultOf(probe.Run([probe.Texts[b]]))!;
            int row = batch.Count / probe.Texts.Length;
            double part = Distance(alone.Span, batch.Span.Slice(b * row, Math.Min(row, alone.Count)));
            if (part > most) (most, worst) = (part, b);
        }

        if (most <= Rounding) return;
        notes.Add(Rules.PaddingAttended, probe.Model.Architecture, string.Create(CultureInfo.InvariantCulture,
            $"a text of {probe.Texts[worst].Length} tokens padded to {columns} has scores that differ by {most:P1} of the largest from "
                + $"those it has alone"),
            "Give the mask to the model and respect it: AttentionMask = …, and new TokenBatch of inputs.Pack() in Forward, which leaves "
                + "padding out.");
    }

    /// <summary>The last token is changed: no score before it may move.</summary>
    private static void Future(ModelProbe probe, Notes notes)
    {
        using TensorScope scope = TensorScope.Begin();
        int[] text = probe.Texts.MaxBy(t => t.Length)!, changed;
        Tensor before, after;
        if (probe.Model is SequenceToSequenceModel both)
        {
            int[] targets = ModelProbe.Targets(both);
            changed = [.. targets[..^1], ModelProbe.Other(targets[^1], both.Stacks.OutputVocabulary)];
            (before, after) = (probe.Run([text], targets: targets).Logits!, probe.Run([text], targets: changed).Logits!);
        }
        else
        {
            changed = [.. text[..^1], ModelProbe.Other(text[^1], probe.Model.Config.Vocabulary)];
            if (ModelProbe.ResultOf(probe.Run([text])) is not { } result) return;
            (before, after) = (result, ModelProbe.ResultOf(probe.Run([changed]))!);
        }

        int rows = changed.Length, width = before.Count / rows;
        for (int t = 0; t < rows - 1; t++)
        {
            if (Distance(before.Span.Slice(t * width, width),
                after.Span.Slice(t * width, width)) is not (> Rounding and var part)) continue;
            notes.Add(Rules.LeakOfTheFuture, string.Create(CultureInfo.InvariantCulture, $"{probe.Model.Architecture}, position {t}"),
                string.Create(
                CultureInfo.InvariantCulture,
                $"another token at position {rows - 1} changes the scores of position {t} by {part:P1} of the largest"),
                "Mask what comes after: AttentionConfig { Causal = true } in every attention of the decoder.");
            return;
        }
    }

    /// <summary>Which token the loss asks for: the one read, the next, or the one after.</summary>
    private static void Labels(ModelProbe probe, Notes notes)
    {
        using TensorScope scope = TensorScope.Begin();
        int[] text = probe.Texts.MaxBy(t => t.Length)!;
        ModelOutput output = probe.Run([text], labels: new TokenGrid(1, text.Length, text));
        if (output.Logits is not { } logits || output.Loss is not { } loss || !double.IsFinite(loss)
            || logits.Count != text.Length * probe.Model.Config.Vocabulary) return;
        double[] shifted = [.. Enumerable.Range(0, 3).Select(shift => MeanNats(logits, text, shift))];
        int nearest = Enumerable.Range(0, 3).MinBy(s => Math.Abs(shifted[s] - loss));
        if (nearest == 1 || Math.Abs(shifted[nearest] - loss) > 1e-3 * (1 + Math.Abs(loss))) return;
        notes.Add(nearest == 0 ? Rules.LabelsNotShifted : Rules.LabelsShiftedTwice, probe.Model.Architecture, string.Create(
            CultureInfo.InvariantCulture,
            $"with labels equal to the ids the loss is {loss:0.####} nats, that of the "
                + $"token {(nearest == 0 ? "itself" : "after the next")} "
                + $"({shifted[nearest]:0.####}); that of the next token is {shifted[1]:0.####}"),
            "Compare the scores of position t with label t + 1, once: scores[..^1] against labels[1..].");
    }

    /// <summary>A trained model that repeats what it reads, or skips a token, was trained on labels in the wrong place.</summary>
    private static void Copies(ModelProbe probe, Notes notes)
    {
        using TensorScope scope = TensorScope.Begin();
        double[] likely = new double[3];
        int counted = 0;
        foreach (int[] text in probe.Texts.Where(t => t.Length > 4))
        {
            if (probe.Run([text]).Logits is not { } logits || logits.Count != text.Length * probe.Model.Config.Vocabulary) return;
            counted += text.Length - 2;
            for (int shift = 0; shift < 3; shift++)
                for (int t = 0; t + 2 < text.Length; t++) likely[shift] += Math.Exp(-Nats(logits, t, text[t + shift]));
        }

        if (counted == 0) return;
        double itself = likely[0] / counted, next = likely[1] / counted, later = likely[2] / counted;
        const double Sure = 0.8, Better = 3, Some = 0.1;
        if (itself > Sure)
            notes.Add(Rules.LabelsNotShifted, probe.Model.Architecture, string.Create(CultureInfo.InvariantCulture,
                $"the mean probability of the token that was just read is {itself:P0}, that of the next one {next:P1}"), Shift);
        else if (later > Some && later > Better * next)
            notes.Add(Rules.LabelsShiftedTwice, probe.Model.Architecture, string.Create(CultureInfo.InvariantCulture,
                $"the mean probability of the token after the next is {later:P1}, that of the next one {next:P1}"), Shift);
    }

    private const string Shift = "Labels = InputIds with LabelsAreShifted = false, or labels shifted by one with LabelsAreShifted = "
        + "true; then train again.";

    private static double MeanNats(Tensor logits, int[] text, int shift)
    {
        double nats = 0;
        for (int t = 0; t + shift < text.Length; t++) nats += Nats(logits, t, text[t + shift]);
        return nats / (text.Length - shift);
    }

    private static double Nats(Tensor logits, int row, int target)
    {
        ReadOnlySpan<float> scores = logits.Span.Slice(row * logits.Shape.Last, logits.Shape.Last);
        double most = double.NegativeInfinity, sum = 0;
        foreach (float s in scores) most = Math.Max(most, s);
        foreach (float s in scores) sum += Math.Exp(s - most);
        return most + Math.Log(sum) - scores[target];
    }

    /// <summary>Largest difference over the largest size of either; NaN against a number counts as all.</summary>
    private static double Distance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double largest = 0, most = 0;
        for (int i = 0; i < a.Length; i++)
        {
            if (float.IsNaN(a[i]) != float.IsNaN(b[i])) return 1;
            if (float.IsNaN(a[i]) || a[i].Equals(b[i])) continue;
            most = Math.Max(most, Math.Abs((double)a[i] - b[i]));
        }

        foreach (float x in a) largest = float.IsFinite(x) ? Math.Max(largest, Math.Abs(x)) : largest;
        return most == 0 ? 0 : most / Math.Max(largest, 1e-30);
    }

    private static int Differing(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        int differing = 0;
        for (int i = 0; i < a.Length; i++)
            if (!a[i].Equals(b[i])) differing++;
        return differing;
    }
}
