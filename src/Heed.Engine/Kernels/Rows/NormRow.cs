using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>One row of LayerNorm and RMSNorm (whose mean is 0), with x̂ = (x − mean)·rstd.</summary>
internal static unsafe class NormRow
{
    /// <summary>y = x̂·gain + bias; null gain or bias: 1 or 0.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Forward<L>(float* x, float mean, float rstd, float* gain, float* bias, float* y, int n) where L : struct, ILanes<L>
    {
        L m = L.Broadcast(mean), r = L.Broadcast(rstd);
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count)
        {
            L hat = (L.Load(x + i) - m) * r;
            if (gain != null) hat = bias != null ? L.Fma(hat, L.Load(gain + i), L.Load(bias + i)) : hat * L.Load(gain + i);
            else if (bias != null) hat += L.Load(bias + i);
            L.Store(hat, y + i);
        }

        if (i < n)
        {
            int rest = n - i;
            L hat = (L.LoadPart(x + i, rest, 0f) - m) * r;
            if (gain != null) hat = bias != null ? L.Fma(hat, L.LoadPart(gain + i, rest, 0f), L.LoadPart(bias + i, rest, 0f)) : hat * L.LoadPart(gain + i, rest, 0f);
            else if (bias != null) hat += L.LoadPart(bias + i, rest, 0f);
            L.StorePart(hat, y + i, rest);
        }
    }

    /// <summary>Σ g and Σ g·x̂ with g = gain·dy; adds dy·x̂ to gains and dy to biases, strips padded to full lanes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static (float Sum, float Dot) Sums<L>(float* x, float mean, float rstd, float* gain, float* dy, float* gains, float* biases, int n) where L : struct, ILanes<L>
    {
        L m = L.Broadcast(mean), r = L.Broadcast(rstd), sum = L.Zero, dot = L.Zero;
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count)
            Step((L.Load(x + i) - m) * r, L.Load(dy + i), gain == null ? L.Broadcast(1f) : L.Load(gain + i), gains + i, biases == null ? null : biases + i, ref sum, ref dot);
        if (i < n)
        {
            int rest = n - i;
            L hat = (L.LoadPart(x + i, rest, mean) - m) * r;
            Step(hat, L.LoadPart(dy + i, rest, 0f), gain == null ? L.Broadcast(1f) : L.LoadPart(gain + i, rest, 0f), gains + i, biases == null ? null : biases + i, ref sum, ref dot);
        }

        return (L.Sum(sum), L.Sum(dot));
    }

    /// <summary>dx = rstd·(g − sum − x̂·dot), sum and dot already divided by D.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Backward<L>(float* x, float mean, float rstd, float* gain, float* dy, float sum, float dot, float* dx, int n) where L : struct, ILanes<L>
    {
        L m = L.Broadcast(mean), r = L.Broadcast(rstd), s = L.Broadcast(sum), d = L.Broadcast(-dot);
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count)
        {
            L hat = (L.Load(x + i) - m) * r;
            L g = gain == null ? L.Load(dy + i) : L.Load(dy + i) * L.Load(gain + i);
            L.Store(r * L.Fma(hat, d, g - s), dx + i);
        }

        if (i < n)
        {
            int rest = n - i;
            L hat = (L.LoadPart(x + i, rest, 0f) - m) * r;
            L g = gain == null ? L.LoadPart(dy + i, rest, 0f) : L.LoadPart(dy + i, rest, 0f) * L.LoadPart(gain + i, rest, 0f);
            L.StorePart(r * L.Fma(hat, d, g - s), dx + i, rest);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<L>(L hat, L dy, L gain, float* gains, float* biases, ref L sum, ref L dot) where L : struct, ILanes<L>
    {
        L g = dy * gain;
        sum += g;
        dot = L.Fma(g, hat, dot);
        L.Store(L.Fma(dy, hat, L.Load(gains)), gains);
        if (biases != null) L.Store(L.Load(biases) + dy, biases);
    }
}
