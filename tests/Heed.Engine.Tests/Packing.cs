using Heed.Engine.Tensors;

namespace Heed.Engine.Tests;

/// <summary>From padded goldens, [B, T, …], to the engine's rows without padding.</summary>
internal static class Packing
{
    /// <summary>Starts of the sequences, and which of the B·T padded rows are real.</summary>
    public static (int[] Starts, int[] Rows) Of(ReadOnlySpan<float> mask, int T)
    {
        List<int> starts = [0], rows = [];
        for (int i = 0; i < mask.Length; i++)
        {
            if (mask[i] != 0) rows.Add(i);
            if (i % T == T - 1) starts.Add(rows.Count);
        }

        return ([.. starts], [.. rows]);
    }

    /// <summary>As <see cref="Of"/>, from the lengths of the sequences.</summary>
    public static (int[] Starts, int[] Rows) OfLengths(ReadOnlySpan<int> lengths, int T)
    {
        float[] mask = new float[lengths.Length * T];
        for (int b = 0; b < lengths.Length; b++) mask.AsSpan(b * T, lengths[b]).Fill(1);
        return Of(mask, T);
    }

    /// <summary>[B, T, D] as [B·T, D].</summary>
    public static Tensor Flat(Tensor x) => x.Reshape(-1, x.Shape.Last);
}
