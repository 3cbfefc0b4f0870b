using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>
/// A named slot of a model with its gradient. It holds plain float32 values, or, where a product or a lookup of rows reads it in inference,
/// values packed in a <see cref="WeightFormat"/>. Modules read matrices by <see cref="AsWeight"/>, which works on both, and gains and
/// biases by <see cref="ToVariable"/>.
/// </summary>
public sealed class Parameter : IDisposable
{
    private Tensor? _value;
    private PackedMatrix? _packed;
    private bool _disposed;

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

    /// <summary>Values if nothing is loaded.</summary>
    public Initializer Initializer { get; }

    /// <summary>True where the model has values for it (a model of shapes only has none).</summary>
    public bool HasValue => _value is not null || _packed is not null;

    /// <summary>The plain values themselves, not a copy; <see cref="CopyTo(Span{float})"/> and <see cref="ToTensor"/> copy values of every
    /// kind.</summary>
    /// <exception cref="InvalidOperationException">The values are packed, or the model was built from shapes only.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public Tensor Value
    {
        get
        {
            if (_value is { } value) return value;
            ThrowIfEmpty();
            throw new InvalidOperationException($"The parameter '{Name}' is packed for inference as {Format} and has no plain values; "
                + "copy them by CopyTo or ToTensor, read it by AsWeight, or call ParameterSet.Unpack before training.");
        }
    }

    /// <summary>True where the values lie in panels, ready for products and lookups.</summary>
    public bool IsPacked => _packed is not null;

    /// <summary>How values are held.</summary>
    public WeightFormat Format => _packed?.Format ?? WeightFormat.Float32;

    /// <summary>Bytes that the values take; 0 where there are none.</summary>
    public long Bytes => _packed?.Bytes ?? (_value is null ? 0 : Shape.Count * (long)sizeof(float));

    /// <summary>Whether the weight lies input-major ([K, N]) in the product that reads it; null for gains, biases and the like, which no
    /// product reads.</summary>
    public bool? InputMajor { get; init; }

    /// <summary>True for a table whose rows are only looked up by number: it is packed where it is held in another format than
    /// float32.</summary>
    public bool IsTable { get; init; }

    /// <summary>The gradient gathered so far, or null if none arrived.</summary>
    public Tensor? Gradient => Leaf.Gradient;

    /// <summary>False for frozen parameters (<see cref="ParameterSet.Freeze"/>): no gradient is computed for them.</summary>
    public bool NeedsGradient { get; internal set; } = true;

    /// <summary>True where the model declares that a loss need not depend on it; otherwise a missing gradient is an error in
    /// training.</summary>
    public bool MayBeUnused { get; private set; }

    internal Leaf Leaf { get; } = new();

    /// <summary>N: rows of W in the product that reads it.</summary>
    internal int Outputs => Shape[LiesInputMajor ? 1 : 0];

    /// <summary>K: length of that product's reduction, or of a table's rows.</summary>
    internal int Inputs => Shape[LiesInputMajor ? 0 : 1];

    private bool LiesInputMajor => InputMajor == true;

    /// <summary>Gives the parameter its plain values, in place of those it has. The tensor itself is kept, not a copy: it belongs to the
    /// model from here on, which disposes it.</summary>
    /// <param name="value">Values of <see cref="Shape"/>.</param>
    /// <exception cref="ShapeException">The tensor has another shape.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Assign(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (value.Shape != Shape) throw new ShapeException("Parameter.Assign", Name, value.Shape, Shape.ToString());
        if (!ReferenceEquals(value, _value)) Empty();
        _value = value.LeaveScope();
    }

    /// <summary>Declares that a loss need not depend on it (an unused pooler, say): see <see cref="MayBeUnused"/>.</summary>
    public void AllowUnused() => MayBeUnused = true;

    /// <summary>Whether a model held in this format, or stored in it, has this parameter packed; gains, biases and tables of float32 stay
    /// plain.</summary>
    /// <param name="format">The format of the model's weights.</param>
    public bool IsPackedAs(WeightFormat format) => Shape.Rank == 2 && (InputMajor is not null || (IsTable && format != WeightFormat.Float32));

    /// <summary>Bytes that the values take in a format: that of the panels where <see cref="IsPackedAs"/>, else float32.</summary>
    /// <param name="format">The format of the model's weights; float32 stands for plain values too.</param>
    public long BytesAs(WeightFormat format)
    {
        ArgumentNullException.ThrowIfNull(format);
        return IsPackedAs(format) ? Outputs * format.RowBytes(Inputs) : Shape.Count * (long)sizeof(float);
    }

    /// <summary>Lays the values out in panels and releases the plain ones; does nothing for a parameter that is not packed in this format,
    /// or has no plain values.</summary>
    /// <param name="format">How values are held; float32 if omitted.</param>
    public void Pack(WeightFormat? format = null)
    {
        format ??= WeightFormat.Float32;
        if (!IsPackedAs(format) || _value is null) return;
        PackedMatrix packed = PackedMatrix.Pack(_value.Span, Outputs, Inputs, format, LiesInputMajor);
        Empty();
        _packed = packed;
    }

    /// <summary>Fills the panels from stored values, some rows at a time, so that a weight never lies in memory twice.</summary>
    /// <param name="format">How values are held.</param>
    /// <param name="stored">How <paramref name="read"/> gives them, in blocks of one value where the weight lies input-major.</param>
    /// <param name="read">Reads bytes from an offset into a buffer.</param>
    /// <exception cref="InvalidOperationException">The parameter is not packed in this format.</exception>
    public void PackFrom(WeightFormat format, WeightFormat stored, Action<long, Span<byte>> read)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(stored);
        ArgumentNullException.ThrowIfNull(read);
        ObjectDisposedException.ThrowIf(_disposed, this);
        PackFrom(format, stored, LiesInputMajor, read);
    }

    /// <summary>The same from rows of the product's outputs in the weight's own format, also where <see cref="Shape"/> is
    /// input-major.</summary>
    internal void PackRows(WeightFormat format, Action<long, Span<byte>> read) => PackFrom(format, format, inputMajor: false, read);

    private void PackFrom(WeightFormat format, WeightFormat stored, bool inputMajor, Action<long, Span<byte>> read)
    {
        if (!IsPackedAs(format)) throw new InvalidOperationException($"The parameter '{Name}' is neither a weight of a product nor a table and cannot be packed as {format}.");
        PackedMatrix packed = new(Outputs, Inputs, format);
        int rows = inputMajor ? Inputs : Outputs;
        long rowBytes = stored.RowBytes(inputMajor ? Outputs : Inputs);
        // Whole blocks of inputs where these are the rows.
        int unit = inputMajor ? format.BlockLength : 1;
        int step = (int)Math.Clamp((4 << 20) / Math.Max(1, rowBytes) / unit * unit, unit, Math.Max(unit, rows));
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(checked((int)(Math.Min(step, rows) * rowBytes)));
        try
        {
            for (int first = 0; first < rows; first += step)
            {
                Span<byte> chunk = buffer.AsSpan(0, (int)(Math.Min(step, rows - first) * rowBytes));
                read(first * rowBytes, chunk);
                if (inputMajor) packed.SetColumns(first, chunk, stored);
                else packed.SetRows(first, chunk, stored);
            }
        }
        catch
        {
            packed.Dispose();
            throw;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }

        Empty();
        _packed = packed;
    }

    /// <summary>Undoes <see cref="Pack"/>: training reads and writes plain values.</summary>
    public void Unpack()
    {
        if (_packed is not null) Assign(ToTensor());
    }

    /// <summary>The matrix as an input of products and lookups, however its values are held; nothing is copied.</summary>
    /// <exception cref="InvalidOperationException">It has no values, or it is packed, a tape records and it needs a gradient.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public Weight AsWeight()
    {
        if (_packed is not { } packed) return new Weight(ToVariable(), LiesInputMajor);
        if (NeedsGradient && Tape.RecordsParameters)
            throw new InvalidOperationException($"The parameter '{Name}' is packed for inference as {Format}, and packed values get no gradient; "
                + "freeze it (ParameterSet.Freeze), or call ParameterSet.Unpack before training.");
        return new Weight(packed, LiesInputMajor);
    }

    /// <summary>The plain values as an input of operations; nothing is copied.</summary>
    /// <exception cref="InvalidOperationException">The values are packed, or there are none.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public Variable ToVariable() => NeedsGradient && Tape.RecordsParameters ? Leaf.Of(Value) : new Variable(Value);

    /// <summary>A copy of the values as float32, of <see cref="Shape"/>.</summary>
    /// <inheritdoc cref="CopyTo(Span{float})" path="/exception"/>
    public Tensor ToTensor()
    {
        Tensor copy = Tensor.Uninitialized(Shape);
        CopyTo(copy.Span);
        return copy;
    }

    /// <summary>Copies the values as float32, in the stored order.</summary>
    /// <param name="target">As many elements as <see cref="Shape"/> has.</param>
    /// <exception cref="ArgumentException">The target has another length.</exception>
    /// <exception cref="InvalidOperationException">The model was built from shapes only.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void CopyTo(Span<float> target)
    {
        KernelThrow.UnlessLength(nameof(target), target.Length, Shape.Count);
        CopyTo(0, target);
    }

    /// <summary>Copies rows of the stored order as float32: as many as the target holds.</summary>
    /// <param name="first">The first row: an index of the first axis.</param>
    /// <param name="target">Whole rows; each has as many elements as the other axes together.</param>
    /// <inheritdoc cref="CopyTo(Span{float})" path="/exception"/>
    public void CopyTo(int first, Span<float> target)
    {
        if (_value is { } value)
        {
            int width = Shape.Rank == 0 ? 1 : Shape.Count / Math.Max(1, Shape[0]);
            value.Span.Slice(first * width, target.Length).CopyTo(target);
            return;
        }

        ThrowIfEmpty();
        if (LiesInputMajor) _packed!.ReadColumns(first, target);
        else _packed!.ReadRows(first, target);
    }

    /// <summary>Returns the memory of values and gradient.</summary>
    public void Dispose()
    {
        Leaf.Clear();
        Empty();
        _disposed = true;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Shape}";

    private void Empty()
    {
        _value?.Dispose();
        _value = null;
        _packed?.Dispose();
        _packed = null;
    }

    private void ThrowIfEmpty()
    {
        if (HasValue) return;
        if (_disposed) throw new ObjectDisposedException(Name, $"The model of the parameter '{Name}' was disposed.");
        throw new InvalidOperationException($"The parameter '{Name}' has no values: the model was built from shapes only.");
    }
}
