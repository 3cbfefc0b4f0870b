using System.Numerics;

namespace Heed.Templates;

/// <summary><c>loop</c>: where a loop stands. Looks one item ahead; counts the rest of a lazy source only when asked.</summary>
internal sealed class LoopValue(Renderer renderer, ForStatement statement, Scope scope, IEnumerable<object?> source, BigInteger knownLength, int depth)
{
    private readonly IEnumerator<object?> _source = source.GetEnumerator();
    private readonly Queue<object?> _ahead = new();
    private BigInteger _length = knownLength;
    private object? _changed = Missing.Value;

    public ForStatement Statement { get; } = statement;

    public Scope Scope { get; } = scope;

    public int Depth { get; } = depth;

    public int Index0 { get; private set; } = -1;

    public object? Current { get; private set; } = Missing.Value;

    public object? Previous { get; private set; } = Missing.Value;

    public bool MoveNext()
    {
        if (!HasNext()) return false;
        Previous = Current;
        Current = _ahead.Dequeue();
        Index0++;
        return true;
    }

    public bool HasNext()
    {
        if (_ahead.Count > 0) return true;
        if (!_source.MoveNext()) return false;
        _ahead.Enqueue(_source.Current);
        return true;
    }

    public BigInteger Length
    {
        get
        {
            if (_length.Sign >= 0) return _length;
            while (_source.MoveNext())
            {
                if (_ahead.Count >= RenderBudget.MaximumItems) renderer.Budget.NewList(_ahead.Count + 1);
                _ahead.Enqueue(_source.Current);
            }

            return _length = Index0 + 1 + _ahead.Count;
        }
    }

    /// <summary>An attribute, or <see cref="Missing.Value"/>.</summary>
    public object? Attribute(string name) => name switch
    {
        "index" => (BigInteger)(Index0 + 1),
        "index0" => (BigInteger)Index0,
        "revindex" => Length - Index0,
        "revindex0" => Length - Index0 - 1,
        "first" => Index0 == 0,
        "last" => !HasNext(),
        "length" => Length,
        "depth" => (BigInteger)(Depth + 1),
        "depth0" => (BigInteger)Depth,
        "previtem" => Previous is Missing ? Undefined.Because("there is no previous item") : Previous,
        "nextitem" => HasNext() ? _ahead.Peek() : Undefined.Because("there is no next item"),
        "cycle" => new FunctionValue(name, (_, a) => a.Positional.Count == 0 ? throw new TemplateFault("no items for cycling given") : a.Positional[Index0 % a.Positional.Count]),
        "changed" => new FunctionValue(name, Changed),
        _ => Missing.Value,
    };

    private object? Changed(Renderer r, Arguments arguments)
    {
        TupleValue values = new([.. arguments.Positional]);
        bool changed = _changed is Missing || !Python.Equal(r, _changed, values);
        _changed = values;
        return changed;
    }
}
