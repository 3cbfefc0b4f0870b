using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>A named weight of a model, with its gradient.</summary>
public sealed class Parameter : IDisposable
{
    private Tensor? _value;

    internal Parameter(string name, Shape shape, Initializer initializer)
    {
        Name = name;
        Shape = shape;
        Initializer = initializer;
    }

    /// <summary>The key in checkpoints, such as <c>transformer.h.0.attn.c_attn.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The sizes, as stored in checkpoints.</summary>
    public Shape Shape { get; }

    /// <summary>Values where nothing is loaded.</summary>
    public Initializer Initializer { get; }

    /// <summary>True where the model has values for it (a model of shapes only has none).</summary>
    public bool HasValue => _value is not null;

    /// <summary>The values.</summary>
    /// <exception cref="InvalidOperationException">The model was built from shapes only.</exception>
    /// <exception cref="ShapeException">A value of another shape is assigned.</exception>
    public Tensor Value
    {
        get => _value ?? throw new InvalidOperationException($"The parameter '{Name}' has no values: the model was built from shapes only.");
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Shape != Shape) throw new ShapeException("Parameter.Value", Name, value.Shape, Shape.ToString());
            if (!ReferenceEquals(value, _value)) _value?.Dispose();
            _value = value.LeaveScope();
        }
    }

    /// <summary>The gradient gathered so far, or null where none arrived.</summary>
    public Tensor? Gradient => Leaf.Gradient;

    /// <summary>False for frozen parameters: no gradient is computed for them.</summary>
    public bool NeedsGradient { get; set; } = true;

    /// <summary>True where the model declares that a loss need not depend on it (an unused pooler, say); otherwise a missing gradient is an error in training.</summary>
    public bool MayBeUnused { get; set; }

    internal Leaf Leaf { get; } = new();

    /// <summary>The parameter as an input of operations.</summary>
    public static implicit operator Variable(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return parameter.ToVariable();
    }

    /// <summary>The parameter as an input of operations.</summary>
    public Variable ToVariable() => NeedsGradient && Tape.IsRecording ? Leaf.Of(Value) : new Variable(Value);

    /// <summary>Returns the memory of value and gradient.</summary>
    public void Dispose()
    {
        Leaf.Clear();
        _value?.Dispose();
        _value = null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Shape}";
}
