namespace Heed.Engine.Kernels;

/// <summary>One step of a recurrent cell for one row, and its gradient. Gates lie one after another, each H wide.</summary>
internal abstract class RecurrentCell
{
    public static RecurrentCell Tanh { get; } = new SimpleCell(Activation.Tanh);

    public static RecurrentCell Relu { get; } = new SimpleCell(Activation.Relu);

    public static RecurrentCell Gru { get; } = new GruCell();

    public static RecurrentCell Lstm { get; } = new LstmCell();

    /// <summary>G.</summary>
    public abstract int Gates { get; }

    /// <summary>1: hidden; 2: hidden and cell.</summary>
    public virtual int States => 1;

    /// <summary>True where the recurrent part of the last gate is needed alone.</summary>
    public virtual bool HasInner => false;

    /// <summary>New states from the input's part of the gates, the recurrent part and the states before.</summary>
    public abstract void Forward(ReadOnlySpan<float> input, ReadOnlySpan<float> recurrent, ReadOnlySpan<float> hidden, ReadOnlySpan<float> cell,
        Span<float> active, Span<float> inner, Span<float> newHidden, Span<float> newCell);

    /// <summary>Gradients of both parts of the gates; <paramref name="dh"/> and <paramref name="dc"/> become those of the states before,
    /// but for the product with W.</summary>
    public abstract void Backward(ReadOnlySpan<float> active, ReadOnlySpan<float> inner, ReadOnlySpan<float> states, ReadOnlySpan<float> hidden, ReadOnlySpan<float> cell,
        Span<float> dh, Span<float> dc, Span<float> dinput, Span<float> drecurrent);

    /// <summary>h = f(x + r).  Elman 1990.</summary>
    private sealed class SimpleCell(Activation activation) : RecurrentCell
    {
        public override int Gates => 1;

        public override void Forward(ReadOnlySpan<float> input, ReadOnlySpan<float> recurrent, ReadOnlySpan<float> hidden, ReadOnlySpan<float> cell,
            Span<float> active, Span<float> inner, Span<float> newHidden, Span<float> newCell)
        {
            ElementKernel.Add(input, recurrent, active);
            ActivationKernel.Invoke(activation, active, active);
            active.CopyTo(newHidden);
        }

        // dgate = dh·f′, from the result: 1 − h² or [h > 0]
        public override void Backward(ReadOnlySpan<float> active, ReadOnlySpan<float> inner, ReadOnlySpan<float> states, ReadOnlySpan<float> hidden, ReadOnlySpan<float> cell,
            Span<float> dh, Span<float> dc, Span<float> dinput, Span<float> drecurrent)
        {
            for (int i = 0; i < dh.Length; i++)
            {
                float h = active[i];
                dinput[i] = dh[i] * (activation == Activation.Relu ? (h > 0 ? 1 : 0) : 1 - (h * h));
            }

            dh.Clear();
        }
    }

    /// <summary>r, z = σ(x + r); n = tanh(x_n + r·h_n); h = (1 − z)·n + z·h. Cho et al. 2014, with the reset gate applied after the
    /// product, as torch has it.</summary>
    private sealed class GruCell : RecurrentCell
    {
        public override int Gates => 3;

        public override bool HasInner => true;

        public override void Forward(ReadOnlySpan<float> input, ReadOnlySpan<float> recurrent, ReadOnlySpan<float> hidden, ReadOnlySpan<float> cell,
            Span<float> active, Span<float> inner, Span<float> newHidden, Span<float> newCell)
        {
            int H = hidden.Length;
            ElementKernel.Add(input[..(2 * H)], recurrent[..(2 * H)], active[..(2 * H)]);
            ActivationKernel.Invoke(Activation.Sigmoid, active[..(2 * H)], active[..(2 * H)]);
            recurrent[(2 * H)..].CopyTo(inner);
            ReadOnlySpan<float> r = active[..H], z = active[H..(2 * H)];
            Span<float> n = active[(2 * H)..];
            input[(2 * H)..].CopyTo(n);
            ElementKernel.AddProduct(r, inner, n);
            ActivationKernel.Invoke(Activation.Tanh, n, n);
            for (int i = 0; i < H; i++) newHidden[i] = ((1 - z[i]) * n[i]) + (z[i] * hidden[i]);
        }

        public override void Backward(ReadOnlySpan<float> active, ReadOnlySpan<float> inner, ReadOnlySpan<float> states, ReadOnlySpan<float> hidden, ReadOnlySpan<float> cell,
            Span<float> dh, Span<float> dc, Span<float> dinput, Span<float> drecurrent)
        {
            int H = hidden.Length;
            for (int i = 0; i < H; i++)
            {
                float r = active[i], z = active[H + i], n = active[(2 * H) + i];
                float dn = dh[i] * (1 - z) * (1 - (n * n));
                float dz = dh[i] * (hidden[i] - n) * z * (1 - z);
                float dr = dn * inner[i] * r * (1 - r);
                (dinput[i], dinput[H + i], dinput[(2 * H) + i]) = (dr, dz, dn);
                (drecurrent[i], drecurrent[H + i], drecurrent[(2 * H) + i]) = (dr, dz, dn * r);
                dh[i] *= z;
            }
        }
    }

    /// <summary>i, f, o = σ(x + r); g = tanh(x + r); c = f·c + i·g; h = o·tanh c. Hochreiter and Schmidhuber 1997; Gers et al.
    /// 2000.</summary>
    private sealed class LstmCell : RecurrentCell
    {
        public override int Gates => 4;

        public override int States => 2;

        public override void Forward(ReadOnlySpan<float> input, ReadOnlySpan<float> recurrent, ReadOnlySpan<float> hidden, ReadOnlySpan<float> cell,
            Span<float> active, Span<float> inner, Span<float> newHidden, Span<float> newCell)
        {
            int H = hidden.Length;
            ElementKernel.Add(input, recurrent, active);
            Span<float> gated = active[..(2 * H)], g = active[(2 * H)..(3 * H)], o = active[(3 * H)..];
            ActivationKernel.Invoke(Activation.Sigmoid, gated, gated);
            ActivationKernel.Invoke(Activation.Tanh, g, g);
            ActivationKernel.Invoke(Activation.Sigmoid, o, o);
            ElementKernel.Multiply(active[H..(2 * H)], cell, newCell);
            ElementKernel.AddProduct(active[..H], g, newCell);
            ActivationKernel.Invoke(Activation.Tanh, newCell, newHidden);
            ElementKernel.Multiply(newHidden, o, newHidden);
        }

        public override void Backward(ReadOnlySpan<float> active, ReadOnlySpan<float> inner, ReadOnlySpan<float> states, ReadOnlySpan<float> hidden, ReadOnlySpan<float> cell,
            Span<float> dh, Span<float> dc, Span<float> dinput, Span<float> drecurrent)
        {
            int H = hidden.Length;
            Span<float> squashed = drecurrent[..H];     // tanh c, until the gates' gradients take its place
            ActivationKernel.Invoke(Activation.Tanh, states[H..], squashed);
            for (int k = 0; k < H; k++)
            {
                float i = active[k], f = active[H + k], g = active[(2 * H) + k], o = active[(3 * H) + k], t = squashed[k];
                float d = dc[k] + (dh[k] * o * (1 - (t * t)));
                dinput[k] = d * g * i * (1 - i);
                dinput[H + k] = d * cell[k] * f * (1 - f);
                dinput[(2 * H) + k] = d * i * (1 - (g * g));
                dinput[(3 * H) + k] = dh[k] * t * o * (1 - o);
                dc[k] = d * f;
            }

            dh.Clear();
        }
    }
}
