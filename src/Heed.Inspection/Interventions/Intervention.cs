using Heed.Engine.Tensors;

namespace Heed.Inspection;

/// <summary>A change of one named value while a model runs. What follows is computed from the changed value.</summary>
/// <remarks>Parts: a position is the value's token axis, a head its axis of heads. Of <c>….attn.z</c>, [T, H, K], both can be
/// chosen.</remarks>
public sealed class Intervention
{
    private readonly ValueArray? _value;
    private readonly Func<ValueArray, ValueArray>? _change;
    private readonly bool _adds;

    private Intervention(string name, int? head, int? position, ValueArray? value = null, Func<ValueArray, ValueArray>? change = null,
        bool adds = false, string? source = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Source = source;
        (Name, Head, Position, _value, _change, _adds) = (name, head, position, value, change, adds);
    }

    /// <summary>The value that is changed.</summary>
    public string Name { get; }

    /// <summary>The head that is changed; null: all.</summary>
    public int? Head { get; }

    /// <summary>The position that is changed; null: all.</summary>
    public int? Position { get; }

    /// <summary>The value that the new one is made of, of the same run and computed before; null: the value itself.</summary>
    internal string? Source { get; }

    /// <summary>Replaces a value with zero.</summary>
    /// <param name="name">Which value.</param>
    /// <param name="head">Which head; null: all.</param>
    /// <param name="position">Which position; null: all.</param>
    public static Intervention Zero(string name, int? head = null, int? position = null) => new(name, head, position);

    /// <summary>Replaces a value with given numbers.</summary>
    /// <param name="name">Which value.</param>
    /// <param name="value">Of the value's shape: the same part of it is taken. Or of the shape of its last axes: the same numbers
    /// everywhere.</param>
    /// <param name="head">Which head; null: all.</param>
    /// <param name="position">Which position; null: all.</param>
    public static Intervention Set(string name, ValueArray value, int? head = null, int? position = null)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(name, head, position, value);
    }

    /// <summary>Given numbers are added to a value.</summary>
    /// <inheritdoc cref="Set" path="/param"/>
    public static Intervention Add(string name, ValueArray value, int? head = null, int? position = null)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(name, head, position, value, adds: true);
    }

    /// <summary>Whatever a function makes of a value.</summary>
    /// <param name="name">Which value.</param>
    /// <param name="change">From the value to one of the same shape.</param>
    public static Intervention Change(string name, Func<ValueArray, ValueArray> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return new(name, null, null, change: change);
    }

    /// <summary>Whatever a function makes of another value of the same run: scores before the mask under another mask.</summary>
    /// <param name="name">Which value is replaced.</param>
    /// <param name="source">Of which value, computed before it and of the same shape.</param>
    /// <param name="change">From that value to the new one.</param>
    internal static Intervention From(string name, string source, Func<ValueArray, ValueArray> change)
        => new(name, null, null, change: change, source: source);

    /// <inheritdoc/>
    public override string ToString()
        => $"{(_change is not null ? "change" : _adds ? "add to" : _value is null ? "zero" : "set")} {Name}"
            + (Head is { } h ? $" head {h}" : "") + (Position is { } p ? $" position {p}" : "");

    /// <summary>Changes a text's part of a batch's value in place.</summary>
    /// <param name="values">The values of one text.</param>
    /// <param name="shape">Their shape, without the axis of texts.</param>
    /// <param name="source">The same text's part of <see cref="Source"/>; not looked at where there is none.</param>
    internal void Apply(Span<float> values, Shape shape, ReadOnlySpan<float> source = default)
    {
        if (_change is { } change)
        {
            ValueArray made = change(ValueArray.Create(Source is null ? values : source, shape));
            if (made.Shape != shape) throw new ShapeException("Intervention.Change", Name, made.Shape, shape.ToString(),
                "a replacement has the shape of what it replaces");
            made.Span.CopyTo(values);
            return;
        }

        ReadOnlySpan<float> given = _value is null ? default : _value.Span;
        bool same = _value is not null && _value.Shape == shape;
        if (_value is not null && !same && !IsEnd(_value.Shape, shape))
            throw new ShapeException("Intervention", Name, _value.Shape, shape.ToString(),
                "numbers have the value's shape, or that of its last axes");
        ValueAxes axes = ValueAxes.Of(Name, shape);
        axes.Check(Name, shape, Head, Position);
        int inner = 1;
        for (int axis = Math.Max(axes.Head, axes.Position) + 1; axis < shape.Rank; axis++) inner *= shape[axis];
        int outer = Math.Max(axes.Head, axes.Position) < 0 ? 1 : shape.Count / Math.Max(inner, 1);
        for (int o = 0; o < outer; o++)
        {
            (int head, int position) = axes.At(o, shape);
            if ((Head is { } h && head != h) || (Position is { } p && position != p)) continue;
            Span<float> part = values.Slice(o * inner, inner);
            for (int i = 0; i < inner; i++)
            {
                float number = _value is null ? 0 : same ? given[(o * inner) + i] : given[((o * inner) + i) % given.Length];
                part[i] = _adds ? part[i] + number : number;
            }
        }
    }

    private static bool IsEnd(Shape end, Shape shape)
    {
        if (end.Rank > shape.Rank) return false;
        for (int i = 1; i <= end.Rank; i++)
            if (end[end.Rank - i] != shape[shape.Rank - i]) return false;
        return true;
    }
}
