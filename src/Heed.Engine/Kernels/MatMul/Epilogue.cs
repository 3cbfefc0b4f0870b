namespace Heed.Engine.Kernels;

/// <summary>What follows a matrix product, element by element, while its result is still in the cache: y = residual + activation(c + bias).</summary>
/// <remarks>It starts after the whole reduction, so its bits are those of the same steps done one after the other. An empty span leaves its step out.</remarks>
internal readonly ref struct Epilogue
{
    /// <summary>[N], added to each row.</summary>
    public ReadOnlySpan<float> Bias { get; init; }

    /// <summary>Applied to c + bias.</summary>
    public Activation Activation { get; init; }

    /// <summary>[M, N], added last; must not overlap the result.</summary>
    public ReadOnlySpan<float> Residual { get; init; }

    /// <summary>[M, N], receives c + bias, which the activation's gradient needs.</summary>
    public Span<float> PreActivation { get; init; }

    /// <summary>Checks the spans' lengths against C's shape.</summary>
    public void Check(int M, int N)
    {
        if (Bias.Length != 0 && Bias.Length != N) throw new ArgumentException($"The bias holds {Bias.Length} elements; a result of {N} columns needs {N}.");
        long size = (long)M * N;
        if (Residual.Length != 0 && Residual.Length != size) throw new ArgumentException($"The residual holds {Residual.Length} elements; [{M}, {N}] needs {size}.");
        if (PreActivation.Length != 0 && PreActivation.Length != size)
            throw new ArgumentException($"The pre-activation holds {PreActivation.Length} elements; [{M}, {N}] needs {size}.");
    }

    /// <summary>The same with the addresses at which the caller has pinned the spans.</summary>
    public unsafe PinnedEpilogue Pin(float* bias, float* residual, float* preActivation, int N) => new() { Bias = bias, Residual = residual, PreActivation = preActivation, Activation = Activation, N = N };
}

/// <summary>An <see cref="Epilogue"/> whose spans are pinned.</summary>
internal unsafe struct PinnedEpilogue
{
    public float* Bias;
    public float* Residual;
    public float* PreActivation;
    public Activation Activation;
    public int N;

    /// <summary>Finishes rows <paramref name="row0"/> … <paramref name="row1"/> − 1, columns <paramref name="column"/> … + <paramref name="width"/> − 1 of C.</summary>
    public readonly void Apply(float* c, nint cStride, int row0, int row1, int column, int width)
    {
        if (Bias == null && Residual == null && PreActivation == null && Activation == Activation.Identity) return;
        for (int m = row0; m < row1; m++)
        {
            nint at = ((nint)m * N) + column;
            float* y = c + (m * cStride) + column;
            var row = new Span<float>(y, width);
            if (Bias != null) AddKernel.InPlace(row, new ReadOnlySpan<float>(Bias + column, width));
            if (PreActivation != null) row.CopyTo(new Span<float>(PreActivation + at, width));
            if (Activation != Activation.Identity) ActivationKernel.Invoke(Activation, row, row);
            if (Residual != null) AddKernel.InPlace(row, new ReadOnlySpan<float>(Residual + at, width));
        }
    }
}
