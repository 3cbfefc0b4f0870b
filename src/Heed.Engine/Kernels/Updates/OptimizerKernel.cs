using System.Numerics;
using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>One optimizer step for one number: the parameter p, its gradient g and up to three numbers of state.</summary>
internal interface IUpdateRule
{
    /// <summary>How many of the states the rule reads and writes, 0 … 3.</summary>
    int States { get; }

    void Lane<L>(ref L p, L g, ref L a, ref L b, ref L c) where L : struct, ILanes<L>;

    void Scalar<T>(ref T p, T g, ref T a, ref T b, ref T c) where T : IFloatingPointIeee754<T>;
}

/// <summary>Updates parameters and states in one pass over memory. States start at zero.</summary>
internal static unsafe class OptimizerKernel
{
    /// <summary>p, g and the rule's states a, b, c: [n]; states that the rule does not use are empty.</summary>
    public static void Update<R>(R rule, Span<float> p, ReadOnlySpan<float> g, Span<float> a = default, Span<float> b = default, Span<float> c = default)
        where R : struct, IUpdateRule
    {
        KernelThrow.UnlessLength(nameof(g), g.Length, p.Length);
        KernelThrow.UnlessLength(nameof(a), a.Length, rule.States > 0 ? p.Length : 0);
        KernelThrow.UnlessLength(nameof(b), b.Length, rule.States > 1 ? p.Length : 0);
        KernelThrow.UnlessLength(nameof(c), c.Length, rule.States > 2 ? p.Length : 0);
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(rule, p, g, a, b, c);
            return;
        }

        fixed (float* pp = p, pg = g, pa = a, pb = b, pc = c)
            LaneParts.Run(new Work<R> { Rule = rule, P = pp, G = pg, A = pa, B = pb, C = pc, Length = p.Length }, LaneParts.Count(p.Length));
    }

    /// <summary>The definition.</summary>
    public static void Scalar<R, T>(R rule, Span<T> p, ReadOnlySpan<T> g, Span<T> a, Span<T> b, Span<T> c) where R : struct, IUpdateRule where T : IFloatingPointIeee754<T>
    {
        T none = T.Zero;
        for (int i = 0; i < p.Length; i++)
            rule.Scalar(ref p[i], g[i], ref a.IsEmpty ? ref none : ref a[i], ref b.IsEmpty ? ref none : ref b[i], ref c.IsEmpty ? ref none : ref c[i]);
    }

    private struct Work<R> : ILaneWork where R : struct, IUpdateRule
    {
        public R Rule;
        public float* P;
        public float* G;
        public float* A;
        public float* B;
        public float* C;
        public long Length;

        public readonly WorkCost Cost => WorkCost.Pass($"{ElementKernel.NameOf<R>()} update", (3.0 + (2 * Rule.States)) * Length);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            R rule = Rule;
            int states = rule.States;
            long i = (long)part * LaneParts.Grain, to = Math.Min(Length, i + LaneParts.Grain);
            for (; i <= to - Lanes.Count; i += Lanes.Count)
            {
                L p = L.Load(P + i), a = states > 0 ? L.Load(A + i) : L.Zero, b = states > 1 ? L.Load(B + i) : L.Zero, c = states > 2 ? L.Load(C + i) : L.Zero;
                rule.Lane(ref p, L.Load(G + i), ref a, ref b, ref c);
                L.Store(p, P + i);
                if (states > 0) L.Store(a, A + i);
                if (states > 1) L.Store(b, B + i);
                if (states > 2) L.Store(c, C + i);
            }

            int n = (int)(to - i);
            if (n > 0)
            {
                L p = L.LoadPart(P + i, n, 0f), a = L.LoadPart(A + i, states > 0 ? n : 0, 0f), b = L.LoadPart(B + i, states > 1 ? n : 0, 0f), c = L.LoadPart(C + i, states > 2 ? n : 0, 0f);
                rule.Lane(ref p, L.LoadPart(G + i, n, 0f), ref a, ref b, ref c);
                L.StorePart(p, P + i, n);
                if (states > 0) L.StorePart(a, A + i, n);
                if (states > 1) L.StorePart(b, B + i, n);
                if (states > 2) L.StorePart(c, C + i, n);
            }
        }
    }
}
