using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>
/// Records the operations of this thread while it is open, and runs their gradients in reverse order. Activations are held only by the
/// operations that need them, and are released as the backward pass goes by.
/// </summary>
public sealed class Tape : IDisposable
{
    [ThreadStatic]
    private static Tape? t_current;

    private readonly Tape? _outer;
    private readonly List<Op> _ops = [];
    private bool _paused;
    private bool _ended;
    private bool _leavesParametersOut;

    private Tape(Tape? outer) => _outer = outer;

    /// <summary>True where an operation on this thread would be recorded.</summary>
    public static bool IsRecording => t_current is { _paused: false };

    /// <summary>Number of operations recorded and not yet run backwards.</summary>
    public int Count => _ops.Count;

    /// <summary>Begins to record on this thread.</summary>
    public static Tape Begin() => t_current = new Tape(t_current);

    /// <summary>True where parameters that need a gradient would get one.</summary>
    internal static bool RecordsParameters => t_current is { _paused: false, _leavesParametersOut: false };

    /// <summary>As <see cref="Begin"/>, for gradients of inputs alone: parameters count as constants, packed ones too, and a model that
    /// others use stays as it is.</summary>
    internal static Tape BeginForInputs() => t_current = new Tape(t_current) { _leavesParametersOut = true };

    /// <summary>Puts an operation on the current tape and returns its output as a variable.</summary>
    /// <param name="op">The operation; it has saved what it needs.</param>
    /// <param name="output">Its value.</param>
    /// <exception cref="InvalidOperationException">Nothing records on this thread.</exception>
    public static Variable Record(Op op, Tensor output)
    {
        ArgumentNullException.ThrowIfNull(op);
        ArgumentNullException.ThrowIfNull(output);
        Tape tape = t_current is { _paused: false } current ? current : throw new InvalidOperationException("Tape.Record was called while no tape records; ask Tape.IsRecording first.");
        op.OutputShape = output.Shape;
        op.Owner = tape;
        tape._ops.Add(op);
        return new Variable(output, op);
    }

    /// <summary>
    /// Runs the gradients of everything recorded, last first. Gradients add up in the leaves; the tape is empty afterwards, so several
    /// losses are added up before: <c>tape.Backward(a + b)</c>.
    /// </summary>
    /// <param name="output">What is differentiated, recorded on this tape.</param>
    /// <param name="gradient">Gradient of <paramref name="output"/>, of its shape; ones where null.</param>
    /// <exception cref="InvalidOperationException"><paramref name="output"/> depends on nothing that needs a gradient, is no longer on
    /// the tape
    /// because a backward pass has run, or is on another tape.</exception>
    public void Backward(Variable output, Tensor? gradient = null)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        Op last = output.Op ?? throw new InvalidOperationException("Tape.Backward: the output was not recorded: no input or parameter in it needs a gradient.");
        if (gradient is not null && gradient.Shape != output.Shape) throw new ShapeException("Tape.Backward", nameof(gradient), gradient.Shape, output.Shape.ToString());
        if (last is not Leaf && last.Owner is null)
        {
            throw new InvalidOperationException(
                "Tape.Backward: the output is no longer on a tape: a backward pass has run over everything recorded. Add the losses up and call Backward once.");
        }

        if (last is not Leaf && last.Owner != this)
            throw new InvalidOperationException("Tape.Backward: the output was recorded on another tape; call Backward of that one.");
        _paused = true;
        string? phase = WorkProfile.Enter("backward");
        try
        {
            using (TensorScope scope = TensorScope.Begin())
            {
                // A gradient that the caller keeps is cloned by Receive; ours is handed over.
                last.Receive(gradient is null ? Tensor.Full(output.Shape, 1) : gradient.Clone());
            }

            for (int i = _ops.Count - 1; i >= 0; i--)
            {
                Op op = _ops[i];
                _ops.RemoveAt(i);
                op.RunBackward();
            }
        }
        finally
        {
            WorkProfile.Enter(phase);
            _paused = false;
        }
    }

    /// <summary>
    /// Runs a block without recording it, and again with recording when its gradient is needed: its activations are not held in between
    /// (Chen et al., arXiv:1604.06174). The block must give the same result twice; dropout here does, its masks are counted, not drawn.
    /// </summary>
    /// <param name="block">From input to output; parameters inside receive their gradients.</param>
    /// <param name="input">[N, D] or any shape.</param>
    /// <returns>The block's output.</returns>
    public static Variable Checkpoint(Func<Variable, Variable> block, Variable input)
    {
        ArgumentNullException.ThrowIfNull(block);
        if (t_current is not { _paused: false } tape) return block(input);
        Tensor output;
        tape._paused = true;
        try
        {
            using TensorScope scope = TensorScope.Begin();
            output = scope.Keep(block(input.Detach()).Value);
        }
        finally
        {
            tape._paused = false;
        }

        return Record(new CheckpointOp(block, input), output);
    }

    /// <summary>Stops recording and lets go of all that was recorded and not run backwards.</summary>
    public void Dispose()
    {
        if (_ended) return;
        _ended = true;
        t_current = _outer;
        foreach (Op op in _ops) op.Forget();
        _ops.Clear();
    }

    /// <summary>The second run of a checkpointed block, on a tape of its own.</summary>
    private sealed class CheckpointOp : Op
    {
        private readonly Func<Variable, Variable> _block;
        private readonly Variable _input;

        public CheckpointOp(Func<Variable, Variable> block, Variable input)
        {
            _block = block;
            _input = Save(input);
        }

        protected override void Backward(Tensor dy)
        {
            Leaf input = new();
            using Tape tape = Begin();
            Variable output = _block(_input.NeedsGradient ? input.Of(_input.Value) : _input);
            if (output.NeedsGradient) tape.Backward(output, dy);
            if (input.Gradient is { } dx) Accumulate(_input, dx);
            input.Clear();
        }
    }
}
