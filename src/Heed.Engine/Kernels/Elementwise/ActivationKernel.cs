using System.Numerics;
using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>The activations that Transformers are published with.</summary>
public enum Activation
{
    /// <summary>x.</summary>
    Identity,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>x·Φ(x), by erf (Hugging Face: gelu).</summary>
    Gelu,

    /// <summary>x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hugging Face: gelu_new, gelu_pytorch_tanh).</summary>
    GeluTanh,

    /// <summary>x·sigmoid(1.702·x) (Hugging Face: quick_gelu).</summary>
    QuickGelu,

    /// <summary>x·sigmoid(x) (Hugging Face: silu, swish).</summary>
    Silu,

    /// <summary>tanh x.</summary>
    Tanh,

    /// <summary>1/(1 + e⁻ˣ).</summary>
    Sigmoid,
}

/// <summary>y = f(x), and its gradient from x, the value before the activation. Results may overwrite operands.</summary>
internal static class ActivationKernel
{
    /// <summary>y = f(x).  x, y: [n].</summary>
    public static void Invoke(Activation kind, ReadOnlySpan<float> x, Span<float> y)
    {
        switch (kind)
        {
            case Activation.Identity: MapKernel.Invoke(default(Forward<IdentityFunction>), x, y); break;
            case Activation.Relu: MapKernel.Invoke(default(Forward<ReluFunction>), x, y); break;
            case Activation.Gelu: MapKernel.Invoke(default(Forward<GeluFunction>), x, y); break;
            case Activation.GeluTanh: MapKernel.Invoke(default(Forward<GeluTanhFunction>), x, y); break;
            case Activation.QuickGelu: MapKernel.Invoke(default(Forward<QuickGeluFunction>), x, y); break;
            case Activation.Silu: MapKernel.Invoke(default(Forward<SiluFunction>), x, y); break;
            case Activation.Tanh: MapKernel.Invoke(default(Forward<TanhFunction>), x, y); break;
            case Activation.Sigmoid: MapKernel.Invoke(default(Forward<SigmoidFunction>), x, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an activation.");
        }
    }

    /// <summary>dx = dy·f′(x).  x, dy, dx: [n].</summary>
    public static void Gradient(Activation kind, ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx)
    {
        switch (kind)
        {
            case Activation.Identity: MapKernel.Invoke(default(Backward<IdentityFunction>), x, dy, dx); break;
            case Activation.Relu: MapKernel.Invoke(default(Backward<ReluFunction>), x, dy, dx); break;
            case Activation.Gelu: MapKernel.Invoke(default(Backward<GeluFunction>), x, dy, dx); break;
            case Activation.GeluTanh: MapKernel.Invoke(default(Backward<GeluTanhFunction>), x, dy, dx); break;
            case Activation.QuickGelu: MapKernel.Invoke(default(Backward<QuickGeluFunction>), x, dy, dx); break;
            case Activation.Silu: MapKernel.Invoke(default(Backward<SiluFunction>), x, dy, dx); break;
            case Activation.Tanh: MapKernel.Invoke(default(Backward<TanhFunction>), x, dy, dx); break;
            case Activation.Sigmoid: MapKernel.Invoke(default(Backward<SigmoidFunction>), x, dy, dx); break;
            default: throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an activation.");
        }
    }

    /// <summary>The definition of f.</summary>
    public static T Scalar<T>(Activation kind, T x) where T : IFloatingPointIeee754<T> => kind switch
    {
        Activation.Identity => x,
        Activation.Relu => ReluFunction.Scalar(x),
        Activation.Gelu => GeluFunction.Scalar(x),
        Activation.GeluTanh => GeluTanhFunction.Scalar(x),
        Activation.QuickGelu => QuickGeluFunction.Scalar(x),
        Activation.Silu => SiluFunction.Scalar(x),
        Activation.Tanh => TanhFunction.Scalar(x),
        Activation.Sigmoid => SigmoidFunction.Scalar(x),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an activation."),
    };

    /// <summary>The definition of f′.</summary>
    public static T ScalarDerivative<T>(Activation kind, T x) where T : IFloatingPointIeee754<T> => kind switch
    {
        Activation.Identity => T.One,
        Activation.Relu => ReluFunction.ScalarDerivative(x),
        Activation.Gelu => GeluFunction.ScalarDerivative(x),
        Activation.GeluTanh => GeluTanhFunction.ScalarDerivative(x),
        Activation.QuickGelu => QuickGeluFunction.ScalarDerivative(x),
        Activation.Silu => SiluFunction.ScalarDerivative(x),
        Activation.Tanh => TanhFunction.ScalarDerivative(x),
        Activation.Sigmoid => SigmoidFunction.ScalarDerivative(x),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an activation."),
    };

    private readonly struct Forward<A> : IMap where A : struct, IActivation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public L Lane<L>(L x) where L : struct, ILanes<L> => A.Lane(x);

        public T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => A.Scalar(x);
    }

    private readonly struct Backward<A> : IMap2 where A : struct, IActivation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public L Lane<L>(L x, L dy) where L : struct, ILanes<L> => dy * A.LaneDerivative(x);

        public T Scalar<T>(T x, T dy) where T : IFloatingPointIeee754<T> => dy * A.ScalarDerivative(x);
    }
}
