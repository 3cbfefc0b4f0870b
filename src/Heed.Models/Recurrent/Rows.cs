namespace Heed.Models.Recurrent;

/// <summary>What recurrent layers ask of a batch.</summary>
internal static class Rows
{
    /// <summary>Number of rows of each sequence.</summary>
    /// <exception cref="InputException">A sequence is empty: it would have no state.</exception>
    public static int[] Check(TokenBatch batch, string name)
    {
        int[] lengths = new int[batch.GridRows];
        for (int b = 0; b < lengths.Length; b++)
        {
            lengths[b] = batch.Starts[b + 1] - batch.Starts[b];
            if (lengths[b] == 0) throw new InputException($"{name}: row {b} has no real token; a recurrent model reads at least one.");
        }

        return lengths;
    }
}
