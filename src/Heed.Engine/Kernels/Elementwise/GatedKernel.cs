using System.Numerics;
using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>y = f(gate)·up: SwiGLU, GeGLU and their like. Gate and up may be two tensors, or the two halves of each row of one.</summary>
/// <remarks>Shazeer 2020, arXiv:2002.05202 §2.</remarks>
internal static unsafe class GatedKernel
{
    /// <summary>gate, up, y: [n].</summary>
    public static void Invoke(Activation kind, ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> y)
    {
        KernelThrow.UnlessLength(nameof(up), up.Length, gate.Length);
        KernelThrow.UnlessLength(nameof(y), y.Length, gate.Length);
        fixed (float* pg = gate, pu = up, py = y) Run(kind, new Operands { Gate = pg, Up = pu, Y = py, Flat = gate.Length });
    }

    /// <summary>joined: [N, 2F], each row gate then up; y: [N, F].</summary>
    public static void InvokeJoined(Activation kind, ReadOnlySpan<float> joined, int width, Span<float> y)
    {
        KernelThrow.UnlessLength(nameof(joined), joined.Length, 2L * y.Length);
        fixed (float* pj = joined, py = y) Run(kind, new Operands { Gate = pj, Up = pj + width, Y = py, Rows = Rows(y.Length, width), Width = width, Stride = 2L * width });
    }

    /// <summary>dgate = dy·up·f′(gate), dup = dy·f(gate); the results may overwrite gate and up.</summary>
    public static void Gradient(Activation kind, ReadOnlySpan<float> gate, ReadOnlySpan<float> up, ReadOnlySpan<float> dy, Span<float> dgate, Span<float> dup)
    {
        KernelThrow.UnlessLength(nameof(up), up.Length, gate.Length);
        KernelThrow.UnlessLength(nameof(dy), dy.Length, gate.Length);
        KernelThrow.UnlessLength(nameof(dgate), dgate.Length, gate.Length);
        KernelThrow.UnlessLength(nameof(dup), dup.Length, gate.Length);
        fixed (float* pg = gate, pu = up, py = dy, pdg = dgate, pdu = dup)
            Run(kind, new Operands { Gate = pg, Up = pu, Y = py, GateGradient = pdg, UpGradient = pdu, Flat = gate.Length });
    }

    /// <summary>The gradient of <see cref="InvokeJoined"/>: djoined: [N, 2F], which may overwrite joined.</summary>
    public static void GradientJoined(Activation kind, ReadOnlySpan<float> joined, int width, ReadOnlySpan<float> dy, Span<float> djoined)
    {
        KernelThrow.UnlessLength(nameof(joined), joined.Length, 2L * dy.Length);
        KernelThrow.UnlessLength(nameof(djoined), djoined.Length, joined.Length);
        fixed (float* pj = joined, py = dy, pd = djoined)
            Run(kind, new Operands { Gate = pj, Up = pj + width, Y = py, GateGradient = pd, UpGradient = pd + width, Rows = Rows(dy.Length, width), Width = width, Stride = 2L * width });
    }

    /// <summary>The definition of one element.</summary>
    public static T Scalar<T>(Activation kind, T gate, T up) where T : IFloatingPointIeee754<T> => ActivationKernel.Scalar(kind, gate) * up;

    /// <summary>The definition of one element's gradients.</summary>
    public static (T Gate, T Up) ScalarGradient<T>(Activation kind, T gate, T up, T dy) where T : IFloatingPointIeee754<T> =>
        (dy * up * ActivationKernel.ScalarDerivative(kind, gate), dy * ActivationKernel.Scalar(kind, gate));

    private static int Rows(int elements, int width)
    {
        int rows = elements / Math.Max(1, width);
        KernelThrow.UnlessLength("y", elements, (long)rows * width);
        return rows;
    }

    private static void Run(Activation kind, Operands operands)
    {
        switch (kind)
        {
            case Activation.Identity: Run<IdentityFunction>(operands); break;
            case Activation.Relu: Run<ReluFunction>(operands); break;
            case Activation.Gelu: Run<GeluFunction>(operands); break;
            case Activation.GeluTanh: Run<GeluTanhFunction>(operands); break;
            case Activation.QuickGelu: Run<QuickGeluFunction>(operands); break;
            case Activation.Silu: Run<SiluFunction>(operands); break;
            case Activation.Tanh: Run<TanhFunction>(operands); break;
            case Activation.Sigmoid: Run<SigmoidFunction>(operands); break;
            default: throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an activation.");
        }
    }

    private static void Run<A>(Operands operands) where A : struct, IActivation
    {
        if (operands.Stride == 0)
        {
            // One flat run of numbers: rows of one part each.
            operands.Width = LaneParts.Grain;
            operands.Stride = LaneParts.Grain;
            operands.Rows = LaneParts.Count(operands.Flat);
        }
        else
        {
            operands.Flat = (long)operands.Rows * operands.Width;
        }

        int each = LaneParts.RowsPerPart(operands.Width);
        LaneParts.Run(new Work<A> { Of = operands, Each = each }, LaneParts.Count(operands.Rows, each));
    }

    private struct Operands
    {
        public float* Gate;
        public float* Up;
        public float* Y;
        public float* GateGradient;
        public float* UpGradient;
        public long Flat;
        public int Rows;
        public int Width;
        public long Stride;
    }

    private struct Work<A> : ILaneWork where A : struct, IActivation
    {
        public Operands Of;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass(
            $"{ElementKernel.NameOf<A>()} gate{(Of.GateGradient == null ? "" : " gradient")} {Of.Rows}×{Of.Width}",
            (Of.GateGradient == null ? 3.0 : 5.0) * Of.Flat);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Of.Rows, (part + 1) * Each);
            for (int row = part * Each; row < to; row++)
            {
                long at = row * Of.Stride, y = (long)row * Of.Width;
                int n = (int)Math.Min(Of.Width, Of.Flat - y);
                if (Of.GateGradient == null) Forward<L>(Of.Gate + at, Of.Up + at, Of.Y + y, n);
                else Backward<L>(Of.Gate + at, Of.Up + at, Of.Y + y, Of.GateGradient + at, Of.UpGradient + at, n);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Forward<L>(float* gate, float* up, float* y, int n) where L : struct, ILanes<L>
        {
            int i = 0;
            for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(A.Lane(L.Load(gate + i)) * L.Load(up + i), y + i);
            if (i < n) L.StorePart(A.Lane(L.LoadPart(gate + i, n - i, 0f)) * L.LoadPart(up + i, n - i, 0f), y + i, n - i);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Backward<L>(float* gate, float* up, float* dy, float* dgate, float* dup, int n) where L : struct, ILanes<L>
        {
            int i = 0;
            for (; i <= n - Lanes.Count; i += Lanes.Count)
            {
                L g = L.Load(gate + i), d = L.Load(dy + i), u = L.Load(up + i);
                L.Store(d * u * A.LaneDerivative(g), dgate + i);
                L.Store(d * A.Lane(g), dup + i);
            }

            if (i < n)
            {
                int rest = n - i;
                L g = L.LoadPart(gate + i, rest, 0f), d = L.LoadPart(dy + i, rest, 0f), u = L.LoadPart(up + i, rest, 0f);
                L.StorePart(d * u * A.LaneDerivative(g), dgate + i, rest);
                L.StorePart(d * A.Lane(g), dup + i, rest);
            }
        }
    }
}
