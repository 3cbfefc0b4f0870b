namespace Heed.Checkpoints;

/// <summary>A Python tuple.</summary>
internal sealed class PickleTuple(object?[] items)
{
    public object?[] Items { get; } = items;
}

/// <summary>A Python list.</summary>
internal sealed class PickleList
{
    public List<object?> Items { get; } = [];
}

/// <summary>A Python dict or OrderedDict, in its order; keys are strings or integers.</summary>
internal sealed class PickleDict
{
    private Dictionary<object, int>? _index;

    public List<KeyValuePair<object, object?>> Items { get; } = [];

    public object? this[string key] => _index is not null && _index.TryGetValue(key, out int at) ? Items[at].Value : null;

    public void Set(object key, object? value)
    {
        _index ??= [];
        if (_index.TryGetValue(key, out int at))
        {
            Items[at] = new(key, value);
            return;
        }

        _index.Add(key, Items.Count);
        Items.Add(new(key, value));
    }
}

/// <summary>A class or function that the pickle names; one of the few allowed.</summary>
internal sealed class PickleGlobal(string name, DType? dtype = null)
{
    public string Name { get; } = name;

    /// <summary>The element type of a typed storage or of a <c>torch.dtype</c>.</summary>
    public DType? DType { get; } = dtype;
}

/// <summary>A reference to a storage: the raw numbers that tensors look at.</summary>
internal sealed class PickleStorage(string key, DType dtype, bool untyped, long count, long viewOffset)
{
    public string Key { get; } = key;

    public DType DType { get; } = dtype;

    /// <summary>Whether <see cref="Count"/> is in bytes and the tensors say their own type.</summary>
    public bool Untyped { get; } = untyped;

    /// <summary>Elements (bytes where untyped).</summary>
    public long Count { get; } = count;

    /// <summary>First element, where an old file's storage is a part of another.</summary>
    public long ViewOffset { get; } = viewOffset;
}

/// <summary>A tensor over a storage; offset and strides in elements.</summary>
internal sealed class PickleTensor(PickleStorage storage, DType dtype, long offset, long[] shape, long[] strides)
{
    public PickleStorage Storage { get; } = storage;

    public DType DType { get; } = dtype;

    public long Offset { get; } = offset;

    public long[] Shape { get; } = shape;

    public long[] Strides { get; } = strides;
}
