namespace Heed.Engine.Kernels;

/// <summary>What follows a matrix product, element by element, while its result is still in the cache: y = activation(c + bias).</summary>
/// <remarks>It starts after the whole reduction, so its bits are those of the same steps done one after the other. An empty span leaves its
/// step out.</remarks>
internal readonly ref struct Epilogue
{
    /// <summary>[N], added to each row.</summary>
    public ReadOnlySpan<float> Bias { get; init; }

    /// <summary>Applied to c + bias.</summary>
    public Activation Activation { get; init; }

    /// <summary>Checks the bias's length against C's columns.</summary>
    public void Check(int N)
    {
        if (Bias.Length != 0 && Bias.Length != N) throw new ArgumentException($"The bias holds {Bias.Length} elements; a result of {N} columns needs {N}.");
    }

    /// <summary>The same with the address at which the caller has pinned the bias.</summary>
    public unsafe PinnedEpilogue Pin(float* bias) => new() { Bias = bias, Activation = Activation };
}

/// <summary>An <see cref="Epilogue"/> whose bias is pinned.</summary>
internal unsafe struct PinnedEpilogue
{
    public float* Bias;
    public Activation Activation;

    /// <summary>Finishes rows <paramref name="row0"/> … <paramref name="row1"/> − 1, columns <paramref name="column"/> … +
    /// <paramref name="width"/> − 1 of C.</summary>
    public readonly void Apply(float* c, nint cStride, int row0, int row1, int column, int width)
    {
        if (Bias == null && Activation == Activation.Identity) return;
        for (int m = row0; m < row1; m++)
        {
            var row = new Span<float>(c + (m * cStride) + column, width);
            if (Bias != null) AddKernel.InPlace(row, new ReadOnlySpan<float>(Bias + column, width));
            if (Activation != Activation.Identity) ActivationKernel.Invoke(Activation, row, row);
        }
    }
}
