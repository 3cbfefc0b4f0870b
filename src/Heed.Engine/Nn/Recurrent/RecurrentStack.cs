using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>The states of a recurrent network between rows: entry layer·directions + direction, each [B, H].</summary>
/// <param name="Hidden">Hidden states.</param>
/// <param name="Cell">Cell states of an LSTM, else empty.</param>
public sealed record RecurrentState(IReadOnlyList<Variable> Hidden, IReadOnlyList<Variable> Cell);

/// <summary>What a recurrent network gives.</summary>
/// <param name="Output">The last layer's hidden states, [N, H·directions].</param>
/// <param name="State">The states after each sequence.</param>
public readonly record struct RecurrentOutput(Variable Output, RecurrentState State);

/// <summary>Layers of recurrent cells, in one direction or both, over sequences of any lengths that lie one after another.  x: [N, D] → [N, H·directions].</summary>
/// <remarks>Parameters are named as in torch: <c>weight_ih_l0</c>, <c>weight_hh_l0</c>, <c>bias_ih_l0</c>, <c>bias_hh_l0</c>, <c>…_reverse</c>.</remarks>
public abstract class RecurrentStack : Module
{
    private readonly RecurrentCell _cell;
    private readonly Layer[] _layers;
    private readonly int _directions;
    private readonly int _width;

    private protected RecurrentStack(RecurrentCell cell, int inputs, int width, int layers, bool bothDirections, ParameterScope at, bool bias)
        : base(at)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(layers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        (_cell, _width, _directions) = (cell, width, bothDirections ? 2 : 1);
        _layers = new Layer[layers * _directions];
        Initializer initializer = Initializer.UniformWithin(1 / MathF.Sqrt(width));
        for (int i = 0; i < _layers.Length; i++)
        {
            string name = $"_l{i / _directions}{(i % _directions == 1 ? "_reverse" : "")}";
            int from = i < _directions ? inputs : width * _directions;
            Parameter input = at.Weight("weight_ih" + name, new Shape(cell.Gates * width, from), initializer);
            Parameter recurrent = at.Weight("weight_hh" + name, new Shape(cell.Gates * width, width), initializer);
            Parameter? inputBias = bias ? at.Parameter("bias_ih" + name, new Shape(cell.Gates * width), initializer) : null;
            _layers[i] = new Layer(new Linear(input, inputBias), recurrent, bias ? at.Parameter("bias_hh" + name, new Shape(cell.Gates * width), initializer) : null);
        }
    }

    /// <summary>Runs all sequences.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="starts">[B + 1]: first row of each sequence, and N at the end; each has at least one row.</param>
    /// <param name="state">States before the first rows; zeros where null.</param>
    /// <returns>The last layer's hidden states, [N, H·directions] (forward, then backward), and the states behind each sequence.</returns>
    /// <exception cref="ArgumentException">A sequence is empty, or the state has another number of entries.</exception>
    /// <exception cref="ShapeException">The rows are not [N, D].</exception>
    public RecurrentOutput Forward(Variable x, ReadOnlySpan<int> starts, RecurrentState? state = null) => Run(x, starts, state, null);

    /// <summary>The sizes of what each layer keeps in a <see cref="KeyValueCache"/>: its states behind every token, so that a sequence can go on, fork and go back.</summary>
    public IReadOnlyList<KeyValueShape> CacheShapes => Array.ConvertAll(_layers, _ => new KeyValueShape(1, _width));

    /// <summary>Runs all sequences; with a cache they go on where they stood, and their states are kept.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="context">Where sequences begin, and the cache.</param>
    /// <returns>The last layer's hidden states, [N, H·directions].</returns>
    /// <exception cref="InvalidOperationException">There is a cache, and the stack runs in both directions.</exception>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.CancellationToken.ThrowIfCancellationRequested();
        if (context.Cache is null) return Run(x, context.Starts, null, null).Output;
        if (_directions == 2) throw new InvalidOperationException("A recurrent stack that runs in both directions cannot go on token by token.");
        return Run(x, context.Starts, StateOf(context), (layer, y) => Keep(layer, y.Value, context)).Output;
    }

    /// <summary>The states behind the tokens that the cache has; zeros before the first.</summary>
    private RecurrentState StateOf(ForwardContext context)
    {
        int B = context.Sequences;
        Variable[] hidden = new Variable[_layers.Length], cells = new Variable[_layers.Length];
        for (int i = 0; i < _layers.Length; i++)
        {
            Tensor h = Tensor.Zeros(B, _width), c = Tensor.Zeros(B, _width);
            for (int b = 0; b < B; b++)
            {
                KeyValuePages pages = context.Cache![b].Self(i);
                if (pages.Count > 0) pages.Read(h.Span.Slice(b * _width, _width), c.Span.Slice(b * _width, _width), pages.Count - 1);
            }

            (hidden[i], cells[i]) = (h, c);
        }

        return new RecurrentState(hidden, _cell.States == 2 ? cells : []);
    }

    /// <summary>Keeps a layer's states; a cell with one state keeps it twice.</summary>
    private void Keep(int layer, Tensor y, ForwardContext context)
    {
        int stride = _cell.States * _width;
        for (int b = 0; b < context.Sequences; b++)
        {
            Span<float> rows = y.Span[(context.Starts[b] * stride)..];
            context.Cache![b].Self(layer).Append(rows, stride, rows[(stride - _width)..], stride, context.Starts[b + 1] - context.Starts[b]);
        }
    }

    private RecurrentOutput Run(Variable x, ReadOnlySpan<int> starts, RecurrentState? state, Action<int, Variable>? keep)
    {
        if (state is not null && (state.Hidden.Count != _layers.Length || state.Cell.Count != (_cell.States == 2 ? _layers.Length : 0)))
            throw new ArgumentException($"The state has {state.Hidden.Count} hidden and {state.Cell.Count} cell entries; {_layers.Length} and {(_cell.States == 2 ? _layers.Length : 0)} are needed.", nameof(state));
        Variable[] hidden = new Variable[_layers.Length], cells = new Variable[_cell.States == 2 ? _layers.Length : 0];
        Variable[] outputs = new Variable[_directions];
        for (int i = 0; i < _layers.Length; i++)
        {
            int direction = i % _directions;
            Layer layer = _layers[i];
            Variable gates = layer.Input.Forward(x);                                                                                // [N, G·H]
            Variable y = RecurrentOp.Apply(gates, layer.Recurrent.AsWeight(), layer.Bias?.ToVariable(), starts, direction == 1, _cell,
                state?.Hidden[i], state is { Cell.Count: > 0 } ? state.Cell[i] : (Variable?)null);                                             // [N, H] or [N, 2H]
            keep?.Invoke(i, y);
            int[] last = LastRows(starts, direction == 1);
            outputs[direction] = _cell.States == 2 ? y.Columns(0, _width) : y;
            hidden[i] = outputs[direction].Gather(last);                                                                            // [B, H]
            if (_cell.States == 2) cells[i] = y.Gather(last).Columns(_width, _width);
            if (direction == _directions - 1) x = _directions == 1 ? outputs[0] : Variable.Concatenate(-1, outputs);                // [N, H·directions]
        }

        return new(x, new RecurrentState(hidden, cells));
    }

    private static int[] LastRows(ReadOnlySpan<int> starts, bool backwards)
    {
        int[] rows = new int[starts.Length - 1];
        for (int b = 0; b < rows.Length; b++) rows[b] = backwards ? starts[b] : starts[b + 1] - 1;
        return rows;
    }

    private sealed record Layer(Linear Input, Parameter Recurrent, Parameter? Bias);
}
