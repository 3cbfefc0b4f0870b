using Heed.Engine.Kernels;

namespace Heed.Engine.Autograd;

/// <summary>How the losses of the rows become one number.</summary>
public enum Reduction
{
    /// <summary>Their sum over the weight of the rows that are not ignored.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,
}

/// <summary>
/// Which cross-entropy: Σᵢ[(1−ε)·w_y·(−ln p_y) + (ε/C)·Σ_c w_c·(−ln p_c)] / Σᵢ w_y over the rows that are not ignored.
/// </summary>
public sealed record CrossEntropySettings
{
    /// <summary>No smoothing, no weights, mean, −100 ignored.</summary>
    public static CrossEntropySettings Default { get; } = new();

    /// <summary>Rows with this target have no loss and no gradient.</summary>
    public int IgnoreIndex { get; init; } = -100;

    /// <summary>ε, in [0, 1]: this share of the target's mass is spread evenly over all classes (Szegedy et al. 2016, §7).</summary>
    public float LabelSmoothing { get; init; }

    /// <summary>[C]: a weight for each class, or null for 1.</summary>
    public IReadOnlyList<float>? ClassWeights { get; init; }

    /// <summary>How the rows' losses become one number.</summary>
    public Reduction Reduction { get; init; }

    /// <summary>
    /// Where set, the sum is divided by this instead: the number of target tokens of all micro-batches together, so that any split of a batch gives the same gradient.
    /// </summary>
    public double? Divisor { get; init; }

    internal double DivisorOf(ReadOnlySpan<int> targets)
    {
        // The total also tells whether there is anything to predict: without, loss 0 and no gradient.
        double total = CrossEntropyKernel.TotalWeight(targets, ForKernel());
        return total == 0 ? 0 : Divisor ?? (Reduction == Reduction.Sum ? 1 : total);
    }

    internal CrossEntropyOptions ForKernel() => new() { IgnoreIndex = IgnoreIndex, Smoothing = LabelSmoothing, ClassWeights = ClassWeights as float[] ?? ClassWeights?.ToArray() };
}
