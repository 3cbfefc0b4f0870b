namespace Heed.Engine.Kernels;

/// <summary>Element-wise addition in place; each element alone, so every width gives the same bits.</summary>
internal static class AddKernel
{
    /// <summary>target[i] += source[i].</summary>
    public static void InPlace(Span<float> target, ReadOnlySpan<float> source)
    {
        if (target.Length != source.Length) throw new ArgumentException($"{source.Length} values were to be added to {target.Length}.", nameof(source));
        ElementKernel.Add(target, source, target);
    }
}
