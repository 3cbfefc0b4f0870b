using System.Numerics;

namespace Heed.Templates;

// A template's values are plain objects: null is None; bool, BigInteger, double and string stand for themselves;
// the rest are the classes below. No object of the host is ever among them.

/// <summary>An omitted argument or variable.</summary>
internal sealed class Missing
{
    public static readonly Missing Value = new();
}

/// <summary>Text marked as safe HTML (MarkupSafe's <c>Markup</c>): operations escape the other side.</summary>
internal sealed class MarkupText(string text)
{
    public string Text { get; } = text;
}

/// <summary>A name or attribute that does not exist: prints nothing, is false, and fails on almost every use.</summary>
internal sealed class Undefined
{
    private readonly string? _hint;
    private readonly object? _owner;
    private readonly object? _name;

    private Undefined(string? hint, object? owner, object? name) => (_hint, _owner, _name) = (hint, owner, name);

    public static Undefined Named(string name) => new(null, Missing.Value, name);

    public static Undefined Because(string hint) => new(hint, Missing.Value, null);

    public static Undefined Attribute(object? owner, object? name) => new(null, owner, name);

    public static Undefined Unsafe(object? owner, string name) => new($"access to attribute '{name}' of '{Python.TypeName(owner)}' object is unsafe.", owner, name);

    public TemplateFault Fail() => new(Message());

    private string Message()
    {
        if (_hint is not null) return _hint;
        if (_owner is Missing) return $"'{_name}' is undefined";
        string type = _owner is null ? "None" : $"{Python.TypeName(_owner)} object";
        return _name is string name ? $"'{type}' has no attribute '{Printable.Shorten(name)}'" : $"{type} has no element {Python.ShortRepr(_name)}";
    }
}

internal sealed class ListValue(List<object?> items)
{
    public List<object?> Items { get; } = items;
}

internal class TupleValue(object?[] items)
{
    public static readonly TupleValue Empty = new([]);

    public object?[] Items { get; } = items;
}

/// <summary>A pair of <c>groupby</c>, with the attributes <c>grouper</c> and <c>list</c>.</summary>
internal sealed class GroupTuple(object? grouper, ListValue list) : TupleValue([grouper, list]);

/// <summary>Python's dict: insertion order, keys equal across number types. Only grows while it is being made.</summary>
internal sealed class DictValue
{
    private readonly Dictionary<object, int> _index = [];

    public List<object?> Keys { get; } = [];

    public List<object?> Values { get; } = [];

    public int Count => Keys.Count;

    public bool TryGet(object hashKey, out object? value)
    {
        bool found = _index.TryGetValue(hashKey, out int at);
        value = found ? Values[at] : null;
        return found;
    }

    public void Set(object hashKey, object? key, object? value)
    {
        if (_index.TryGetValue(hashKey, out int at))
        {
            Values[at] = value;
            return;
        }

        _index.Add(hashKey, Keys.Count);
        Keys.Add(key);
        Values.Add(value);
    }

    public void Set(string key, object? value) => Set(key, key, value);

    public DictValue Copy()
    {
        DictValue copy = new();
        foreach ((object hashKey, int at) in _index) copy._index.Add(hashKey, at);
        copy.Keys.AddRange(Keys);
        copy.Values.AddRange(Values);
        return copy;
    }
}

internal enum DictViewKind
{
    Keys,
    Values,
    Items,
}

internal sealed class DictView(DictValue dict, DictViewKind kind)
{
    public DictValue Dict { get; } = dict;

    public DictViewKind Kind { get; } = kind;

    public object? Item(int at) => Kind switch
    {
        DictViewKind.Keys => Dict.Keys[at],
        DictViewKind.Values => Dict.Values[at],
        _ => new TupleValue([Dict.Keys[at], Dict.Values[at]]),
    };
}

internal sealed class RangeValue(BigInteger start, BigInteger stop, BigInteger step)
{
    public BigInteger Start { get; } = start;

    public BigInteger Stop { get; } = stop;

    public BigInteger Step { get; } = step;

    public BigInteger Count { get; } = step.Sign > 0
        ? (start < stop ? ((stop - start - 1) / step) + 1 : BigInteger.Zero)
        : (start > stop ? ((start - stop - 1) / -step) + 1 : BigInteger.Zero);
}

/// <summary>A value that can be walked over once, lazily: what <c>map</c>, <c>select</c> and the like give.</summary>
internal sealed class GeneratorValue
{
    public GeneratorValue(IEnumerable<object?> items, object? source)
    {
        Items = items.GetEnumerator();
        Depth = source is GeneratorValue inner ? inner.Depth + 1 : 1;
        if (Depth > RenderBudget.MaximumCallDepth) throw RenderBudget.Over("lazy filters nested more deeply", $"a depth of {RenderBudget.MaximumCallDepth}");
    }

    public IEnumerator<object?> Items { get; }

    public int Depth { get; }
}

internal sealed class SliceValue(object? start, object? stop, object? step)
{
    public object? Start { get; } = start;

    public object? Stop { get; } = stop;

    public object? Step { get; } = step;
}

internal sealed class NamespaceValue(DictValue attributes)
{
    public DictValue Attributes { get; } = attributes;
}

/// <summary>A function or bound method that templates may call.</summary>
internal sealed class FunctionValue(string name, Func<Renderer, Arguments, object?> body, bool isType = false)
{
    public string Name { get; } = name;

    public Func<Renderer, Arguments, object?> Body { get; } = body;

    /// <summary>True for <c>dict</c>, <c>cycler</c> and the like, which are types in Python.</summary>
    public bool IsType { get; } = isType;
}

internal sealed class CyclerValue(object?[] items)
{
    public object?[] Items { get; } = items;

    public int Position { get; set; }
}

internal sealed class JoinerValue(object? separator)
{
    public object? Separator { get; } = separator;

    public bool Used { get; set; }
}

/// <summary><c>self</c>: gives the template's blocks by name.</summary>
internal sealed class SelfReference
{
    public static readonly SelfReference Value = new();
}

/// <summary>A macro, or the body of a call block (<c>caller</c>), with the scope it was defined in.</summary>
internal sealed class MacroValue(MacroBody body, Scope scope, bool autoescape)
{
    public MacroBody Body { get; } = body;

    public Scope Scope { get; } = scope;

    public bool Autoescape { get; } = autoescape;
}

/// <summary>Names of one frame; the parent is the frame around it in the template. Most frames hold a few names: they are searched one by
/// one.</summary>
internal sealed class Scope(Scope? parent)
{
    private const int Few = 8;

    private string[] _names = [];
    private object?[] _values = [];
    private Dictionary<string, int>? _index;
    private int _count;

    public Scope? Parent { get; } = parent;

    public bool TryGet(string name, out object? value)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Parent)
        {
            int at = scope.Find(name);
            if (at < 0) continue;
            value = scope._values[at];
            return true;
        }

        value = null;
        return false;
    }

    public Scope Root()
    {
        Scope scope = this;
        while (scope.Parent is not null) scope = scope.Parent;
        return scope;
    }

    public void Set(string name, object? value)
    {
        int at = Find(name);
        if (at >= 0)
        {
            _values[at] = value;
            return;
        }

        if (_count == _names.Length)
        {
            int size = Math.Max(2, 2 * _count);
            Array.Resize(ref _names, size);
            Array.Resize(ref _values, size);
        }

        (_names[_count], _values[_count]) = (name, value);
        if (_index is not null)
        {
            _index.Add(name, _count);
        }
        else if (_count == Few)
        {
            _index = new Dictionary<string, int>(StringComparer.Ordinal);
            for (int i = 0; i <= _count; i++) _index.Add(_names[i], i);
        }

        _count++;
    }

    private int Find(string name)
    {
        if (_index is not null) return _index.TryGetValue(name, out int found) ? found : -1;
        for (int i = 0; i < _count; i++) if (_names[i] == name) return i;
        return -1;
    }
}
