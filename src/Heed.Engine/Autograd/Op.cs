using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>
/// One recorded operation: what its gradient needs, and the rule that turns the gradient of its output into those of its inputs.
/// A new op derives from this, computes its output in a static <c>Apply</c>, and calls <see cref="Tape.Record"/> when one input needs a
/// gradient (<c>docs/adding-an-op.md</c>).
/// </summary>
public abstract class Op
{
    private Tensor?[] _saved = [];
    private int _savedCount;

    /// <summary>The gradient of the output gathered so far; null before the first contribution.</summary>
    internal Tensor? Gradient { get; set; }

    /// <summary>The tape that holds this op until its gradient has run; null for a <see cref="Leaf"/>, and afterwards.</summary>
    internal Tape? Owner { get; set; }

    /// <summary>The output's shape; <see cref="Tape.Record"/> fills it.</summary>
    internal Shape OutputShape { get; set; }

    /// <summary>Keeps a tensor alive until this op's backward has run, and returns it.</summary>
    protected Tensor Save(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (_savedCount == _saved.Length) Array.Resize(ref _saved, Math.Max(4, _saved.Length * 2));
        _saved[_savedCount++] = tensor.Retain();
        return tensor;
    }

    /// <summary>Keeps the value of an input alive until this op's backward has run, and returns the input.</summary>
    protected Variable Save(Variable input)
    {
        Save(input.Value);
        return input;
    }

    /// <summary>Sends gradients to the inputs by <see cref="Accumulate"/> or <see cref="OpenGradient"/>.</summary>
    /// <param name="dy">Gradient of the output, of the output's shape; read only.</param>
    protected abstract void Backward(Tensor dy);

    /// <summary>Adds a gradient to an input; does nothing where the input needs none. The tensor belongs to the input afterwards.</summary>
    /// <exception cref="ShapeException">The gradient's shape is not the input's.</exception>
    protected static void Accumulate(Variable input, Tensor gradient)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        if (input.Op is not { } op) return;
        if (gradient.Shape != input.Shape) throw new ShapeException("Op.Accumulate", nameof(gradient), gradient.Shape, input.Shape.ToString());
        op.Receive(gradient);
    }

    /// <summary>The buffer into which an input's gradient is written, for kernels that can add in place.</summary>
    /// <param name="input">The input; it must need a gradient.</param>
    /// <param name="accumulate">True: add to what is there. False: the content is undefined, overwrite all of it.</param>
    protected static Tensor OpenGradient(Variable input, out bool accumulate)
    {
        Op op = input.Op ?? throw new InvalidOperationException("OpenGradient was called for an input that needs no gradient.");
        accumulate = op.Gradient is not null;
        return op.Gradient ??= Tensor.Uninitialized(input.Shape).LeaveScope();
    }

    /// <summary>
    /// Gives this op's own gradient on to an input as it is, under the input's shape, without a copy: the last act of a
    /// <see cref="Backward"/>, for one
    /// input only. Does nothing where the input needs none.
    /// </summary>
    /// <exception cref="ShapeException">The numbers of elements differ.</exception>
    protected static void HandOver(Variable input, Tensor dy)
    {
        ArgumentNullException.ThrowIfNull(dy);
        if (input.Op is not { } op) return;
        if (dy.Count != input.Shape.Count) throw new ShapeException("Op.HandOver", nameof(dy), dy.Shape, input.Shape.ToString());
        if (op.Gradient is null) op.Gradient = dy.View(input.Shape, 0).LeaveScope();
        else Kernels.AddKernel.InPlace(op.Gradient.Span, dy.Span);
    }

    /// <summary>True where an operation on these inputs must be recorded.</summary>
    internal static bool IsRecorded(Variable a) => a.NeedsGradient && Tape.IsRecording;

    /// <inheritdoc cref="IsRecorded(Variable)"/>
    internal static bool IsRecorded(Variable a, Variable b) => (a.NeedsGradient || b.NeedsGradient) && Tape.IsRecording;

    internal void Receive(Tensor gradient)
    {
        if (Gradient is null)
        {
            // A gradient that is a view, or that its producer still holds (another op's or a leaf's lies in no scope), must not be
            // shared: later contributions are added in place.
            Gradient = gradient.IsSoleOwner && gradient.Scope is not null ? gradient.LeaveScope() : gradient.Clone().LeaveScope();
            return;
        }

        Kernels.AddKernel.InPlace(Gradient.Span, gradient.Span);
    }

    /// <summary>Runs the backward rule once and lets go of everything that was saved.</summary>
    internal void RunBackward()
    {
        if (Gradient is { } dy)
        {
            using TensorScope scope = TensorScope.Begin();
            Backward(dy);
        }

        Forget();
    }

    /// <summary>Lets go of the gradient and of everything saved.</summary>
    internal virtual void Forget()
    {
        Gradient?.Dispose();
        Gradient = null;
        Owner = null;
        for (int i = 0; i < _savedCount; i++)
        {
            _saved[i]!.Release();
            _saved[i] = null;
        }

        _savedCount = 0;
    }
}

/// <summary>Where gradients end: a parameter, or an input whose gradient is asked for. Its gradient stays after the backward pass and adds
/// up over several.</summary>
public sealed class Leaf : Op
{
    /// <summary>The gradient gathered so far, of the value's shape, or null if none arrived. It lives until <see cref="Clear"/>.</summary>
    public new Tensor? Gradient => base.Gradient;

    /// <summary>A variable with this value whose gradient is gathered here.</summary>
    public Variable Of(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new Variable(value, this);
    }

    /// <summary>Forgets the gradient and returns its memory.</summary>
    public void Clear() => Forget();

    /// <inheritdoc/>
    protected override void Backward(Tensor dy)
    {
    }
}
