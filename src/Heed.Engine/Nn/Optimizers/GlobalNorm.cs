using Heed.Engine.Kernels;

namespace Heed.Engine.Nn;

/// <summary>The norm of all gradients together, and clipping by it (Pascanu et al. 2013).</summary>
public static class GlobalNorm
{
    /// <summary>√Σ g² over all parameters that have a gradient.</summary>
    public static double Of(IEnumerable<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        double squares = 0;
        foreach (Parameter parameter in parameters)
            if (parameter.Gradient is { } gradient) squares += ReductionKernel.SumOfSquares(gradient.Span);
        return Math.Sqrt(squares);
    }

    /// <summary>What gradients are multiplied by so that their norm is at most the limit: min(1, limit / (norm + 10⁻⁶)), as PyTorch has
    /// it.</summary>
    /// <param name="norm">From <see cref="Of"/>.</param>
    /// <param name="limit">Above 0; infinity never clips.</param>
    public static double Factor(double norm, double limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return double.IsPositiveInfinity(limit) ? 1 : Math.Min(1, limit / (norm + 1e-6));
    }
}
