using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>
/// A tensor on its way through a model: its value, and the operation that made it where a <see cref="Tape"/> records. Without a tape
/// it is the tensor alone, and the same <c>Forward</c> is inference.
/// </summary>
public readonly struct Variable
{
    private readonly Tensor? _value;

    /// <summary>A value that needs no gradient.</summary>
    public Variable(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        _value = value;
    }

    internal Variable(Tensor value, Op? op)
    {
        _value = value;
        Op = op;
    }

    /// <summary>The value.</summary>
    /// <exception cref="InvalidOperationException">This is <c>default(Variable)</c>, which has none.</exception>
    public Tensor Value => _value ?? throw new InvalidOperationException(
        "A Variable without a value was used: default(Variable), or an element of an array that was never assigned. "
        + "Make it from a tensor: new Variable(tensor).");

    /// <summary>The sizes of <see cref="Value"/>.</summary>
    public Shape Shape => Value.Shape;

    /// <summary>True where a gradient will flow back to here.</summary>
    public bool NeedsGradient => Op is not null;

    internal Op? Op { get; }

    /// <summary>A value that needs no gradient.</summary>
    public static implicit operator Variable(Tensor value) => new(value);

    /// <summary>a + b; sizes of 1 and missing leading axes repeat.</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static Variable operator +(Variable a, Variable b) => AddOp.Apply(a, b);

    /// <summary>a − b; sizes of 1 and missing leading axes repeat.</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static Variable operator -(Variable a, Variable b) => SubtractOp.Apply(a, b);

    /// <summary>a·b, element by element; sizes of 1 and missing leading axes repeat.</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static Variable operator *(Variable a, Variable b) => MultiplyOp.Apply(a, b);

    /// <summary>a / b, element by element; sizes of 1 and missing leading axes repeat.</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static Variable operator /(Variable a, Variable b) => DivideOp.Apply(a, b);

    /// <summary>x + c.</summary>
    public static Variable operator +(Variable x, float c) => AffineOp.Apply(x, 1, c);

    /// <summary>x − c.</summary>
    public static Variable operator -(Variable x, float c) => AffineOp.Apply(x, 1, -c);

    /// <summary>c·x.</summary>
    public static Variable operator *(Variable x, float c) => AffineOp.Apply(x, c, 0);

    /// <summary>c·x.</summary>
    public static Variable operator *(float c, Variable x) => AffineOp.Apply(x, c, 0);

    /// <summary>x·(1/c).</summary>
    public static Variable operator /(Variable x, float c) => AffineOp.Apply(x, 1 / c, 0);

    /// <summary>−x.</summary>
    public static Variable operator -(Variable x) => AffineOp.Apply(x, -1, 0);

    /// <summary>The same value without its history: no gradient flows further back.</summary>
    public Variable Detach() => new(Value);

    /// <inheritdoc/>
    public override string ToString() => _value is null ? "Variable without a value" : NeedsGradient ? $"{Value} (recorded)" : Value.ToString();
}
