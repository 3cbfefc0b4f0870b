using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>What a norm computes on its way, recomputed for the hooks that ask: the fast path never leaves its kernel.</summary>
internal static class NormInspection
{
    /// <summary>Shows <c>mean</c> [N, 1], <c>scale</c> [N, 1], √(variance + ε), and <c>normalized</c> [N, D], before the gain.</summary>
    public static void Centred(Variable x, float epsilon, Hooks hooks, string site)
    {
        if (!IsWanted(hooks, site)) return;
        Tensor mean = x.Value.Mean(-1, keep: true);
        hooks.Visit(site, "mean", mean);
        Show(x.Value - mean, epsilon, hooks, site);
    }

    /// <summary>Shows <c>scale</c> [N, 1], √(mean square + ε), and <c>normalized</c> [N, D], before the gain.</summary>
    public static void Uncentred(Variable x, float epsilon, Hooks hooks, string site)
    {
        if (IsWanted(hooks, site)) Show(x.Value, epsilon, hooks, site);
    }

    private static bool IsWanted(Hooks hooks, string site)
        => hooks.Wants(site, "mean") || hooks.Wants(site, "scale") || hooks.Wants(site, "normalized");

    private static void Show(Tensor centred, float epsilon, Hooks hooks, string site)
    {
        Tensor scale = ((centred * centred).Mean(-1, keep: true) + epsilon).Sqrt();
        hooks.Visit(site, "scale", scale);
        hooks.Visit(site, "normalized", centred / scale);
    }
}
