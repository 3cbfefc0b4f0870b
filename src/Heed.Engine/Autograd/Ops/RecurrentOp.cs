using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>
/// One direction of one recurrent layer over a packed batch, all time steps in one op: at each step the rows of all sequences that are long
/// enough are one matrix product. gates: [N, G·H], x·W_ihᵀ + b_ih of all rows; W: [G·H, H]; bias: [G·H]; h0, c0: [B, H]. y: [N, S·H], the
/// hidden state, then (LSTM) the cell state.
/// </summary>
internal sealed class RecurrentOp : Op
{
    private readonly Variable _gates;
    private readonly Weight _weight;
    private readonly Variable? _bias;
    private readonly Variable? _hidden;
    private readonly Variable? _cell;
    private readonly RecurrentCell _kind;
    private readonly RecurrentSteps _steps;
    private readonly Tensor _y;
    private readonly Tensor _active;    // gates after their activations, [N, G·H]
    private readonly Tensor _inner;     // GRU: W_hn·h + b_hn, [N, H]

    private RecurrentOp(Variable gates, Weight weight, Variable? bias, Variable? hidden, Variable? cell, RecurrentCell kind, RecurrentSteps steps, Tensor y, Tensor active, Tensor inner)
    {
        (_gates, _weight, _bias, _kind, _steps) = (gates, weight, bias, kind, steps);
        if (weight.Plain is { } values) Save(values);
        (_y, _active, _inner) = (Save(y), Save(active), Save(inner));
        if (hidden is { } h) _hidden = Save(h);
        if (cell is { } c) _cell = Save(c);
    }

    public static Variable Apply(Variable gates, Weight weight, Variable? bias, ReadOnlySpan<int> starts, bool backwards, RecurrentCell kind, Variable? hidden, Variable? cell)
    {
        (int GH, int H) = weight.Shape.Bind2(nameof(weight), "[G·H, H]");
        RecurrentSteps steps = new(starts, backwards);
        int N = steps.Rows, width = kind.States * H;
        if (gates.Shape != new Shape(N, GH) || GH != kind.Gates * H) throw new ShapeException("Recurrent", nameof(gates), gates.Shape, $"[{N}, {kind.Gates * H}]", $"the weight is {weight.Shape}");
        Tensor y = Tensor.Uninitialized(N, width), active = Tensor.Uninitialized(N, GH), inner = Tensor.Uninitialized(N, kind.HasInner ? H : 0);
        using (TensorScope scope = TensorScope.Begin())
        {
            Tensor previous = Tensor.Uninitialized(steps.Sequences, H), product = Tensor.Uninitialized(steps.Sequences, GH), none = Tensor.Zeros(H);
            Epilogue epilogue = new() { Bias = bias is { } b ? b.Value.Span : [] };
            for (int t = 0; t < steps.Count; t++)
            {
                ReadOnlySpan<int> sequences = steps.At(t);
                for (int i = 0; i < sequences.Length; i++) State(steps, y, hidden, 0, sequences[i], t, H, none).CopyTo(previous.Span.Slice(i * H, H));
                weight.Multiply(previous.Span[..(sequences.Length * H)], product.Span[..(sequences.Length * GH)], sequences.Length, epilogue);
                for (int i = 0; i < sequences.Length; i++)
                {
                    int row = steps.Row(sequences[i], t);
                    Span<float> state = y.Span.Slice(row * width, width);
                    kind.Forward(gates.Value.Span.Slice(row * GH, GH), product.Span.Slice(i * GH, GH), previous.Span.Slice(i * H, H), kind.States == 2 ? State(steps, y, cell, 1, sequences[i], t, H, none) : default,
                        active.Span.Slice(row * GH, GH), kind.HasInner ? inner.Span.Slice(row * H, H) : default, state[..H], state[H..]);
                }
            }
        }

        bool needed = gates.NeedsGradient || weight.NeedsGradient || bias is { NeedsGradient: true } || hidden is { NeedsGradient: true } || cell is { NeedsGradient: true };
        return needed && Tape.IsRecording ? Tape.Record(new RecurrentOp(gates, weight, bias, hidden, cell, kind, steps, y, active, inner), y) : y;
    }

    // Through time, last step first: the gates' gradients of each row, then what flows to the step before.
    protected override void Backward(Tensor dy)
    {
        (int GH, int H) = (_weight.Outputs, _weight.Inputs);
        int width = _kind.States * H, N = _steps.Rows;
        Tensor dinput = Tensor.Uninitialized(N, GH), drecurrent = _kind.HasInner ? Tensor.Uninitialized(N, GH) : dinput;
        Tensor dhidden = Tensor.Zeros(_steps.Sequences, H), dcell = Tensor.Zeros(_steps.Sequences, H), previous = Tensor.Uninitialized(N, H), none = Tensor.Zeros(H);
        Tensor rows = Tensor.Uninitialized(_steps.Sequences, GH), back = Tensor.Uninitialized(_steps.Sequences, H);
        for (int t = _steps.Count - 1; t >= 0; t--)
        {
            ReadOnlySpan<int> sequences = _steps.At(t);
            for (int i = 0; i < sequences.Length; i++)
            {
                int b = sequences[i], row = _steps.Row(b, t);
                Span<float> dh = dhidden.Span.Slice(b * H, H), dc = dcell.Span.Slice(b * H, H), dgates = drecurrent.Span.Slice(row * GH, GH), before = previous.Span.Slice(row * H, H);
                State(_steps, _y, _hidden, 0, b, t, H, none).CopyTo(before);
                AddKernel.InPlace(dh, dy.Span.Slice(row * width, H));
                if (_kind.States == 2) AddKernel.InPlace(dc, dy.Span.Slice((row * width) + H, H));
                // dh and dc become what flows on directly; the product with W is added below.
                _kind.Backward(_active.Span.Slice(row * GH, GH), _kind.HasInner ? _inner.Span.Slice(row * H, H) : default, _y.Span.Slice(row * width, width), before,
                    _kind.States == 2 ? State(_steps, _y, _cell, 1, b, t, H, none) : default, dh, dc, dinput.Span.Slice(row * GH, GH), dgates);
                dgates.CopyTo(rows.Span.Slice(i * GH, GH));
            }

            _weight.MultiplyTransposed(rows.Span[..(sequences.Length * GH)], back.Span[..(sequences.Length * H)], sequences.Length);
            for (int i = 0; i < sequences.Length; i++) AddKernel.InPlace(dhidden.Span.Slice(sequences[i] * H, H), back.Span.Slice(i * H, H));
        }

        if (_weight is { NeedsGradient: true, Plain: { } values })
        {
            // dW = dgatesᵀ·h of the step before
            Tensor dw = OpenGradient(values, out bool accumulate);
            _weight.Gradient(drecurrent.Span, previous.Span, dw.Span, N, accumulate);
        }

        if (_bias is { NeedsGradient: true } bias) Accumulate(bias, drecurrent.Sum(0));
        if (_hidden is { NeedsGradient: true } h0) Accumulate(h0, dhidden);
        if (_cell is { NeedsGradient: true } c0) Accumulate(c0, dcell);
        if (_gates.NeedsGradient) Accumulate(_gates, dinput);
    }

    /// <summary>The state (0: hidden, 1: cell) of a sequence before step t.</summary>
    private static ReadOnlySpan<float> State(RecurrentSteps steps, Tensor y, Variable? first, int which, int sequence, int t, int H, Tensor none)
    {
        if (t > 0) return y.Span.Slice((steps.Row(sequence, t - 1) * y.Shape[1]) + (which * H), H);
        return first is { } given ? given.Value.Span.Slice(sequence * H, H) : none.Span;
    }
}

/// <summary>Which rows of a packed batch belong to a time step: those of the sequences that are long enough.</summary>
internal sealed class RecurrentSteps
{
    private readonly int[] _starts;
    private readonly bool _backwards;
    private readonly int[] _byLength;
    private readonly int[] _active;

    public RecurrentSteps(ReadOnlySpan<int> starts, bool backwards)
    {
        if (starts.IsEmpty || starts[0] != 0) throw new ArgumentException("The first sequence starts at row 0.", nameof(starts));
        (_starts, _backwards) = (starts.ToArray(), backwards);
        for (int b = 0; b < Sequences; b++)
        {
            if (Length(b) < 1) throw new ArgumentException($"Sequence {b} has {Length(b)} rows; a recurrent layer needs at least 1 in each.", nameof(starts));
            Count = Math.Max(Count, Length(b));
        }

        // Longest first, so that the sequences of a step are the first few.
        _byLength = [.. Enumerable.Range(0, Sequences).OrderByDescending(Length)];
        _active = new int[Count];
        for (int t = 0; t < Count; t++) _active[t] = _byLength.Count(b => Length(b) > t);
    }

    /// <summary>B.</summary>
    public int Sequences => _starts.Length - 1;

    /// <summary>N.</summary>
    public int Rows => _starts[^1];

    /// <summary>Steps of the longest sequence.</summary>
    public int Count { get; }

    /// <summary>The sequences that have a step t.</summary>
    public ReadOnlySpan<int> At(int t) => _byLength.AsSpan(0, _active[t]);

    /// <summary>The row of a sequence at step t.</summary>
    public int Row(int sequence, int t) => _backwards ? _starts[sequence + 1] - 1 - t : _starts[sequence] + t;

    private int Length(int sequence) => _starts[sequence + 1] - _starts[sequence];
}
