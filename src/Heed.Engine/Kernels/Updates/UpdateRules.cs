using System.Numerics;
using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>What every rule does first: scales the gradient (clipping, loss scale), adds L2 decay to it or shrinks the parameter by
/// decoupled decay.</summary>
internal readonly struct UpdatePreparation(double gradientScale, double rate, double decay, bool decoupled)
{
    private readonly double _scale = gradientScale;
    private readonly double _l2 = decoupled ? 0 : decay;
    private readonly double _keep = decoupled ? 1 - (rate * decay) : 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(ref L p, L g) where L : struct, ILanes<L>
    {
        g = L.Fma(L.Broadcast((float)_l2), p, g * L.Broadcast((float)_scale));
        p *= L.Broadcast((float)_keep);
        return g;
    }

    public T Scalar<T>(ref T p, T g) where T : IFloatingPointIeee754<T>
    {
        g = (g * ScalarMath.Of<T>(_scale)) + (ScalarMath.Of<T>(_l2) * p);
        p *= ScalarMath.Of<T>(_keep);
        return g;
    }
}

/// <summary>Adam and AdamW: a = mean of g, b = mean of g²; p −= rate/(1−β1ᵗ)·a/(√(b/(1−β2ᵗ)) + ε). With AMSGrad, c = max b takes b's
/// place.</summary>
/// <remarks>Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2; Reddi et al. 2018.</remarks>
internal readonly struct AdamRule(UpdatePreparation preparation, double rate, double beta1, double beta2, double epsilon, long step, bool amsgrad) : IUpdateRule
{
    private readonly UpdatePreparation _preparation = preparation;
    private readonly double _move = rate / (1 - Math.Pow(beta1, step));
    private readonly double _root = 1 / Math.Sqrt(1 - Math.Pow(beta2, step));
    private readonly double _beta1 = beta1;
    private readonly double _beta2 = beta2;
    private readonly double _epsilon = epsilon;
    private readonly bool _amsgrad = amsgrad;

    public int States => _amsgrad ? 3 : 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lane<L>(ref L p, L g, ref L a, ref L b, ref L c) where L : struct, ILanes<L>
    {
        g = _preparation.Lane(ref p, g);
        a = L.Fma(g - a, L.Broadcast((float)(1 - _beta1)), a);
        b = L.Fma(g * g, L.Broadcast((float)(1 - _beta2)), b * L.Broadcast((float)_beta2));
        L v = b;
        if (_amsgrad) v = c = L.Max(c, b);
        p -= L.Broadcast((float)_move) * a / L.Fma(L.Sqrt(v), L.Broadcast((float)_root), L.Broadcast((float)_epsilon));
    }

    public void Scalar<T>(ref T p, T g, ref T a, ref T b, ref T c) where T : IFloatingPointIeee754<T>
    {
        g = _preparation.Scalar(ref p, g);
        a += (g - a) * ScalarMath.Of<T>(1 - _beta1);
        b = (b * ScalarMath.Of<T>(_beta2)) + (g * g * ScalarMath.Of<T>(1 - _beta2));
        T v = b;
        if (_amsgrad) v = c = T.Max(c, b);
        p -= ScalarMath.Of<T>(_move) * a / ((T.Sqrt(v) * ScalarMath.Of<T>(_root)) + ScalarMath.Of<T>(_epsilon));
    }
}

/// <summary>Stochastic gradient descent: a = momentum·a + g (the first time g itself); p −= rate·a, with Nesterov p −= rate·(g +
/// momentum·a).</summary>
/// <remarks>Sutskever et al. 2013; the first buffer is the gradient, decay included.</remarks>
internal readonly struct SgdRule(UpdatePreparation preparation, double rate, double momentum, bool nesterov) : IUpdateRule
{
    private readonly UpdatePreparation _preparation = preparation;
    private readonly double _rate = rate;
    private readonly double _momentum = momentum;
    private readonly bool _nesterov = nesterov;

    public int States => _momentum != 0 ? 1 : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lane<L>(ref L p, L g, ref L a, ref L b, ref L c) where L : struct, ILanes<L>
    {
        g = _preparation.Lane(ref p, g);
        L momentum = L.Broadcast((float)_momentum);
        a = L.Fma(momentum, a, g);
        L move = _nesterov ? L.Fma(momentum, a, g) : a;
        p = L.Fma(L.Broadcast((float)-_rate), move, p);
    }

    public void Scalar<T>(ref T p, T g, ref T a, ref T b, ref T c) where T : IFloatingPointIeee754<T>
    {
        g = _preparation.Scalar(ref p, g);
        T momentum = ScalarMath.Of<T>(_momentum);
        a = (momentum * a) + g;
        p -= ScalarMath.Of<T>(_rate) * (_nesterov ? g + (momentum * a) : a);
    }
}

/// <summary>RMSprop (decay of the mean below 1) and Adagrad (a sum: keep = add = 1): a = keep·a + add·g²; p −= rate·g/(√a + ε).</summary>
/// <remarks>Tieleman and Hinton 2012; Duchi et al. 2011.</remarks>
internal readonly struct RootSquareRule(UpdatePreparation preparation, double rate, double keep, double add, double epsilon) : IUpdateRule
{
    private readonly UpdatePreparation _preparation = preparation;
    private readonly double _rate = rate;
    private readonly double _keep = keep;
    private readonly double _add = add;
    private readonly double _epsilon = epsilon;

    public int States => 1;

    /// <summary>RMSprop with the smoothing α.</summary>
    public static RootSquareRule RmsProp(UpdatePreparation preparation, double rate, double alpha, double epsilon) => new(preparation, rate, alpha, 1 - alpha, epsilon);

    /// <summary>Adagrad.</summary>
    public static RootSquareRule Adagrad(UpdatePreparation preparation, double rate, double epsilon) => new(preparation, rate, 1, 1, epsilon);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lane<L>(ref L p, L g, ref L a, ref L b, ref L c) where L : struct, ILanes<L>
    {
        g = _preparation.Lane(ref p, g);
        a = L.Fma(g * g, L.Broadcast((float)_add), a * L.Broadcast((float)_keep));
        p -= L.Broadcast((float)_rate) * g / (L.Sqrt(a) + L.Broadcast((float)_epsilon));
    }

    public void Scalar<T>(ref T p, T g, ref T a, ref T b, ref T c) where T : IFloatingPointIeee754<T>
    {
        g = _preparation.Scalar(ref p, g);
        a = (a * ScalarMath.Of<T>(_keep)) + (g * g * ScalarMath.Of<T>(_add));
        p -= ScalarMath.Of<T>(_rate) * g / (T.Sqrt(a) + ScalarMath.Of<T>(_epsilon));
    }
}

/// <summary>NAdam and RAdam: a = mean of g, b = mean of g²; p −= (own·g + mean·a)/(root·√b + ε), or without the root.</summary>
/// <remarks>Dozat 2016; Liu et al. 2020, arXiv:1908.03265, algorithm 2.</remarks>
internal readonly struct AdamVariantRule : IUpdateRule
{
    private readonly UpdatePreparation _preparation;
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _own;
    private readonly double _mean;
    private readonly double _root;
    private readonly double _epsilon;
    private readonly bool _rooted;

    private AdamVariantRule(UpdatePreparation preparation, double beta1, double beta2, double own, double mean, double root, double epsilon, bool rooted)
    {
        (_preparation, _beta1, _beta2) = (preparation, beta1, beta2);
        (_own, _mean, _root, _epsilon, _rooted) = (own, mean, root, epsilon, rooted);
    }

    public int States => 2;

    /// <summary>NAdam's μₜ = β1·(1 − ½·0.96^(0.004·t)).</summary>
    public static double NAdamMomentum(double beta1, long step, double momentumDecay = 0.004) => beta1 * (1 - (0.5 * Math.Pow(0.96, step * momentumDecay)));

    /// <summary>NAdam at step t ≥ 1; <paramref name="product"/> is Π μ over the steps 1 … t.</summary>
    public static AdamVariantRule NAdam(UpdatePreparation preparation, double rate, double beta1, double beta2, double epsilon, long step, double product)
    {
        double now = NAdamMomentum(beta1, step), next = NAdamMomentum(beta1, step + 1);
        return new(preparation, beta1, beta2, rate * (1 - now) / (1 - product), rate * next / (1 - (product * next)), 1 / Math.Sqrt(1 - Math.Pow(beta2, step)), epsilon, true);
    }

    /// <summary>RAdam at step t ≥ 1.</summary>
    public static AdamVariantRule RAdam(UpdatePreparation preparation, double rate, double beta1, double beta2, double epsilon, long step)
    {
        double power = Math.Pow(beta2, step), longest = (2 / (1 - beta2)) - 1, length = longest - (2 * step * power / (1 - power));
        double move = rate / (1 - Math.Pow(beta1, step));
        if (length <= 5) return new(preparation, beta1, beta2, 0, move, 0, 1, false);
        double rectified = Math.Sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
        return new(preparation, beta1, beta2, 0, move * rectified * Math.Sqrt(1 - power), 1, epsilon, true);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lane<L>(ref L p, L g, ref L a, ref L b, ref L c) where L : struct, ILanes<L>
    {
        g = _preparation.Lane(ref p, g);
        a = L.Fma(g - a, L.Broadcast((float)(1 - _beta1)), a);
        b = L.Fma(g * g, L.Broadcast((float)(1 - _beta2)), b * L.Broadcast((float)_beta2));
        L move = L.Fma(L.Broadcast((float)_own), g, L.Broadcast((float)_mean) * a);
        if (_rooted) move /= L.Fma(L.Sqrt(b), L.Broadcast((float)_root), L.Broadcast((float)_epsilon));
        p -= move;
    }

    public void Scalar<T>(ref T p, T g, ref T a, ref T b, ref T c) where T : IFloatingPointIeee754<T>
    {
        g = _preparation.Scalar(ref p, g);
        a += (g - a) * ScalarMath.Of<T>(1 - _beta1);
        b = (b * ScalarMath.Of<T>(_beta2)) + (g * g * ScalarMath.Of<T>(1 - _beta2));
        T move = (ScalarMath.Of<T>(_own) * g) + (ScalarMath.Of<T>(_mean) * a);
        if (_rooted) move /= (T.Sqrt(b) * ScalarMath.Of<T>(_root)) + ScalarMath.Of<T>(_epsilon);
        p -= move;
    }
}
