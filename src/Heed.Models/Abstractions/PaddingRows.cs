namespace Heed.Models;

/// <summary>
/// The one door to rows of padding. Padding never runs, with two exceptions that repeat a loss of the reference: a label that counts stands
/// where only padding can predict it, and the loss of an answer's ends, whose softmax runs over the whole row of the grid. Such rows
/// attend, and nobody attends to them.
/// </summary>
internal static class PaddingRows
{
    /// <summary>The rows for a loss of tokens: padding runs where it predicts a label that counts.</summary>
    /// <param name="inputs">Padded grids.</param>
    /// <param name="shift">0: labels stand where they are predicted; 1: one place further on, as in causal models.</param>
    public static TokenBatch ForTokenLabels(ModelInputs inputs, int shift) => Predicts(inputs, shift) ? All(inputs) : inputs.Pack();

    /// <summary>The rows for a loss over whole rows of the grid.</summary>
    public static TokenBatch All(ModelInputs inputs)
        => TokenBatch.OfCells(inputs.InputIds, inputs.AttentionMask, inputs.PositionIds, inputs.TokenTypeIds, keepPadding: true);

    /// <summary>
    /// True where a label that counts is predicted at a place of padding: in transformers such a label is part of the loss.
    /// Not so where padding lies between real tokens: there it is only ever left out.
    /// </summary>
    private static bool Predicts(ModelInputs inputs, int shift)
    {
        if (inputs.Labels is not { } labels || inputs.AttentionMask is not { } mask || mask.Rows != labels.Rows
            || mask.Columns != labels.Columns)
            return false;
        bool found = false;
        for (int b = 0; b < mask.Rows; b++)
        {
            int beginnings = 0;
            for (int t = 0; t < mask.Columns; t++)
            {
                if (t >= shift && mask[b, t - shift] == 0 && labels[b, t] != CausalLanguageModel.IgnoredLabel) found = true;
                if (mask[b, t] != 0 && (t == 0 || mask[b, t - 1] == 0)) beginnings++;
            }

            if (beginnings > 1) return false;
        }

        return found;
    }
}
