using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
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
    public bool HasValue => _value is not null || Packed is not null;

    /// <summary>The values. Where they are packed for inference, this is a copy: change a packed parameter by assigning.</summary>
    /// <exception cref="InvalidOperationException">The model was built from shapes only.</exception>
    /// <exception cref="ShapeException">A value of another shape is assigned.</exception>
    public Tensor Value
    {
        get => _value ?? Unpacked();
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Shape != Shape) throw new ShapeException("Parameter.Value", Name, value.Shape, Shape.ToString());
            if (!ReferenceEquals(value, _value)) _value?.Dispose();
            Packed?.Dispose();
            Packed = null;
            _value = value.LeaveScope();
        }
    }

    /// <summary>True where the values lie in panels, ready for products and nothing else.</summary>
    public bool IsPacked => Packed is not null;

    /// <summary>Whether the weight lies input-major ([K, N]) in the product that reads it; null for gains, biases and the like, which no product reads.</summary>
    public bool? InputMajor { get; init; }

    /// <summary>True for a table whose rows are only looked up by number: a loader may hold it at its stored width by <see cref="PackFrom"/>, and rows are read from the panels.</summary>
    public bool IsTable { get; init; }

    /// <summary>The panels, or null.</summary>
    internal PackedMatrix? Packed { get; set; }

    /// <summary>Lays the values out for products and lets go of the plain ones; does nothing for a parameter that no product reads, or without values.</summary>
    /// <param name="format">How values are held: exactly, or rounded to 16 bits.</param>
    public void Pack(WeightFormat format = WeightFormat.Float32)
    {
        if (InputMajor is not { } inputMajor || _value is null) return;
        Packed = PackedMatrix.Pack(_value.Span, Outputs, Inputs, format, inputMajor);
        _value.Dispose();
        _value = null;
    }

    /// <summary>Fills the panels from stored values, some rows at a time, so that a weight never lies twice in memory.</summary>
    /// <param name="format">How values are held.</param>
    /// <param name="stored">How <paramref name="read"/> gives them.</param>
    /// <param name="read">Reads bytes from an offset into a buffer.</param>
    public void PackFrom(WeightFormat format, WeightFormat stored, Action<long, Span<byte>> read)
    {
        if (InputMajor is null && !IsTable) throw new InvalidOperationException($"The parameter '{Name}' is neither a weight of a product nor a table and cannot be packed.");
        PackedMatrix packed = new(Outputs, Inputs, format);
        int rows = Shape[0], rowBytes = Shape[1] * (stored == WeightFormat.Float32 ? 4 : 2);
        int step = Math.Max(1, Math.Min(rows, (4 << 20) / Math.Max(1, rowBytes)));
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(step * rowBytes);
        try
        {
            for (int first = 0; first < rows; first += step)
            {
                Span<byte> chunk = buffer.AsSpan(0, Math.Min(step, rows - first) * rowBytes);
                read((long)first * rowBytes, chunk);
                if (LiesInputMajor) packed.SetColumns(first, chunk, stored);
                else packed.SetRows(first, chunk, stored);
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }

        _value?.Dispose();
        _value = null;
        Packed?.Dispose();
        Packed = packed;
    }

    /// <summary>Undoes <see cref="Pack"/>: training reads and writes plain values.</summary>
    public void Unpack()
    {
        if (Packed is not null) Value = Unpacked();
    }

    private bool LiesInputMajor => InputMajor == true;

    private int Outputs => LiesInputMajor ? Shape[1] : Shape[0];

    private int Inputs => LiesInputMajor ? Shape[0] : Shape[1];

    private Tensor Unpacked()
    {
        if (Packed is null) throw new InvalidOperationException($"The parameter '{Name}' has no values: the model was built from shapes only.");
        Tensor value = Tensor.Uninitialized(Shape);
        Packed.Unpack(value.Span, LiesInputMajor);
        return value;
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
        Packed?.Dispose();
        Packed = null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Shape}";
}
