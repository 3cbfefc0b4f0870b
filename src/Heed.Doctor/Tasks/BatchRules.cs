using System.Globalization;
using Heed.Models;
using Heed.Training.Tasks;

namespace Heed.Doctor.Tasks;

/// <summary>Rules on the batches of a task: what is padding, and which labels stand where.</summary>
internal static class BatchRules
{
    private const int Batches = 4;

    /// <summary>Part of the labels that must stand in a place before it is said that all do.</summary>
    private const double Nearly = 0.95;

    public static void Judge(TrainingTask<ModelInputs> task, Notes notes)
    {
        ModelInputs[] batches = [.. Enumerable.Range(0, Batches).Select(i => task.Batch(i))];
        bool isCausal = task.Model is CausalLanguageModel;
        if (task.Model.Config.PaddingId is { } padding)
        {
            notes.Judge(Rules.PaddingAttended, () => Masks(batches, padding, notes));
            notes.Judge(Rules.PaddingInLoss, () => Targets(batches, padding, notes));
        }
        else
        {
            notes.Judge(Rules.PaddingInLoss, () => Targets(batches, -1, notes));
        }

        if (isCausal) notes.Judge(Rules.LabelsNotShifted, () => Shifts(batches, notes));
        if (isCausal) notes.Judged(Rules.LabelsShiftedTwice);
        if (task.Model is SequenceToSequenceModel) notes.Judge(Rules.LabelsNotShifted, () => DecoderInputs(batches, notes));
    }

    /// <summary>Ids of padding at the end or beginning of a row that count as text.</summary>
    private static void Masks(ModelInputs[] batches, int padding, Notes notes)
    {
        for (int i = 0; i < batches.Length; i++)
        {
            TokenGrid ids = batches[i].InputIds;
            (int rows, int cells, int first) = (0, 0, -1);
            for (int b = 0; b < ids.Rows; b++)
            {
                int run = Math.Max(Run(ids.Row(b), padding, fromEnd: true), Run(ids.Row(b), padding, fromEnd: false));
                // One may be the end of a text by the same id.
                if (run < 2 || run == ids.Columns) continue;
                bool atEnd = ids[b, ids.Columns - 1] == padding;
                int seen = Enumerable.Range(atEnd ? ids.Columns - run : 0,
                    run).Count(t => batches[i].AttentionMask is not { } mask || mask[b, t] != 0);
                if (seen < 2) continue;
                (rows, cells) = (rows + 1, cells + seen);
                if (first < 0) first = b;
            }

            if (rows == 0) continue;
            notes.Add(Rules.PaddingAttended, string.Create(CultureInfo.InvariantCulture, $"batch {i}, row {first}"), string.Create(
                CultureInfo.InvariantCulture,
                $"{cells:N0} cells of {rows} of {ids.Rows} rows hold the padding id {padding} and "
                    + $"{(batches[i].AttentionMask is null ? "the batch has no attention mask" : "their mask is 1")}"),
                "AttentionMask = TokenGrid.Of(rows.Select(r => Enumerable.Repeat(1, r.Length).ToArray()).ToList()): 1 for text, 0 for "
                    + "padding.");
            return;
        }
    }

    /// <summary>Labels on padding.</summary>
    private static void Targets(ModelInputs[] batches, int padding, Notes notes)
    {
        for (int i = 0; i < batches.Length; i++)
        {
            if (batches[i].Labels is not { } labels || labels.Columns < 2) continue;
            int counted = 0, all = 0, first = -1;
            TokenGrid? mask = batches[i].DecoderInputIds is null && batches[i].InputIds.Columns == labels.Columns
                ? batches[i].AttentionMask : null;
            for (int b = 0; b < labels.Rows; b++)
            {
                int[] row = labels.Row(b);
                all += row.Count(l => l != CausalLanguageModel.IgnoredLabel);
                // Labels that stand under the token before them reach one cell further.
                int run = padding >= 0 ? Run(row, padding, fromEnd: true) : 0;
                int bad = run >= 2 ? run : mask is null ? 0 : Enumerable.Range(0, row.Length)
                    .Count(t => mask[b, t] == 0 && row[t] != CausalLanguageModel.IgnoredLabel);
                if (bad > 0 && first < 0) first = b;
                counted += bad;
            }

            if (counted == 0) continue;
            notes.Add(Rules.PaddingInLoss, string.Create(CultureInfo.InvariantCulture, $"batch {i}, row {first}"), string.Create(
                CultureInfo.InvariantCulture, $"{counted:N0} of {all:N0} labels stand on padding and count in the loss"),
                "Fill labels with CausalLanguageModel.IgnoredLabel (−100): TokenGrid.Of(labels, padding: "
                    + "CausalLanguageModel.IgnoredLabel).");
            return;
        }
    }

    /// <summary>Where the labels of a model that predicts the next token stand.</summary>
    private static void Shifts(ModelInputs[] batches, Notes notes)
    {
        for (int i = 0; i < batches.Length; i++)
        {
            if (batches[i].Labels is not { } labels) continue;
            TokenGrid ids = batches[i].InputIds;
            // offset: the token that the label of column t is, counted from t.
            int[] fits = new int[3];
            int counted = 0;
            for (int b = 0; b < ids.Rows; b++)
            {
                for (int t = 0; t + 2 < ids.Columns; t++)
                {
                    if (labels[b, t] == CausalLanguageModel.IgnoredLabel || ids[b, t] == ids[b, t + 1]) continue;
                    counted++;
                    for (int offset = 0; offset < 3; offset++)
                        if (labels[b, t] == ids[b, t + offset]) fits[offset]++;
                }
            }

            if (counted < 2) continue;
            int right = batches[i].LabelsAreShifted ? 1 : 0, found = Array.IndexOf(fits, fits.Max());
            if (fits[found] < Nearly * counted || fits[right] >= Nearly * counted) continue;
            string shifted = batches[i].LabelsAreShifted ? "LabelsAreShifted is true" : "the model shifts them by one more";
            notes.Add(found < right ? Rules.LabelsNotShifted : Rules.LabelsShiftedTwice,
                string.Create(CultureInfo.InvariantCulture, $"batch {i}"),
                string.Create(CultureInfo.InvariantCulture,
                    $"{fits[found]:N0} of {counted:N0} labels are the "
                        + $"token {(found == 0 ? "of their own column" : $"{found} columns further on")}, and {shifted}"),
                batches[i].LabelsAreShifted ? "Labels = the ids from the second on, or LabelsAreShifted = false with Labels = InputIds."
                    : "Labels = InputIds with LabelsAreShifted = false, or LabelsAreShifted = true for labels that are shifted already.");
            return;
        }
    }

    /// <summary>A decoder that is given its own targets.</summary>
    private static void DecoderInputs(ModelInputs[] batches, Notes notes)
    {
        for (int i = 0; i < batches.Length; i++)
        {
            if (batches[i] is not { Labels: { } labels, DecoderInputIds: { } inputs } || inputs.Columns != labels.Columns) continue;
            int counted = 0, same = 0;
            for (int b = 0; b < labels.Rows; b++)
            {
                for (int t = 0; t < labels.Columns; t++)
                {
                    if (labels[b, t] == CausalLanguageModel.IgnoredLabel) continue;
                    counted++;
                    if (labels[b, t] == inputs[b, t]) same++;
                }
            }

            if (counted < 2 || same < Nearly * counted) continue;
            notes.Add(Rules.LabelsNotShifted, string.Create(CultureInfo.InvariantCulture, $"batch {i}"),
                string.Create(CultureInfo.InvariantCulture,
                $"{same:N0} of {counted:N0} labels are what the decoder is given in the same column"),
                "Leave DecoderInputIds out: the model shifts the labels right and puts the start token before them.");
            return;
        }
    }

    /// <summary>Cells of a row with an id, without a break, from one of its ends.</summary>
    private static int Run(int[] row, int id, bool fromEnd)
    {
        int run = 0;
        while (run < row.Length && row[fromEnd ? row.Length - 1 - run : run] == id) run++;
        return run;
    }
}
