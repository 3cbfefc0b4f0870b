namespace Heed.Engine.Tensors;

/// <summary>
/// Owns the tensors that are born on this thread while it is the innermost scope, and releases them when it is disposed – all but those
/// handed out by <see cref="Keep(Tensor)"/>. One scope a training step, a request or a layer; scopes nest.
/// </summary>
/// <remarks>Tensors born outside every scope are collected by the garbage collector like any other object.</remarks>
public sealed class TensorScope : IDisposable
{
    [ThreadStatic]
    private static TensorScope? t_innermost;

    private readonly TensorScope? _outer;
    private readonly List<Tensor> _tensors = [];
    private bool _ended;

    private TensorScope(TensorScope? outer) => _outer = outer;

    /// <summary>Begins a scope inside the current one.</summary>
    public static TensorScope Begin() => t_innermost = new TensorScope(t_innermost);

    /// <summary>The scope that owns what is born on this thread now; null outside all scopes.</summary>
    public static TensorScope? Current => t_innermost;

    /// <summary>Number of tensors the scope owns at the moment.</summary>
    public int Count => _tensors.Count;

    /// <summary>Moves a tensor to the enclosing scope, or out of all scopes, so that it outlives this one.</summary>
    /// <returns>The same tensor.</returns>
    /// <exception cref="ObjectDisposedException">The scope or the tensor has ended.</exception>
    public Tensor Keep(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ObjectDisposedException.ThrowIf(_ended, this);
        tensor.ThrowIfDisposed();
        if (!ReferenceEquals(tensor.Scope, this)) return tensor;
        Remove(tensor);
        _outer?.Add(tensor);
        return tensor;
    }

    /// <summary>Makes this scope the owner of a tensor that an inner scope owned, or none, so that it lives as long as what was born
    /// here.</summary>
    /// <returns>The same tensor.</returns>
    /// <exception cref="ObjectDisposedException">The scope or the tensor has ended.</exception>
    public Tensor Adopt(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ObjectDisposedException.ThrowIf(_ended, this);
        tensor.ThrowIfDisposed();
        if (ReferenceEquals(tensor.Scope, this)) return tensor;
        tensor.Scope?.Remove(tensor);
        Add(tensor);
        return tensor;
    }

    internal void Add(Tensor tensor)
    {
        tensor.Scope = this;
        tensor.ScopeIndex = _tensors.Count;
        _tensors.Add(tensor);
    }

    internal void Remove(Tensor tensor)
    {
        int at = tensor.ScopeIndex;
        Tensor last = _tensors[^1];
        _tensors[at] = last;
        last.ScopeIndex = at;
        _tensors.RemoveAt(_tensors.Count - 1);
        tensor.Scope = null;
    }

    /// <summary>Releases every tensor born inside and not kept.</summary>
    /// <exception cref="InvalidOperationException">A scope that began later is still open: scopes end in reverse order.</exception>
    public void Dispose()
    {
        if (_ended) return;
        if (!ReferenceEquals(t_innermost, this)) throw new InvalidOperationException("A TensorScope was disposed while a scope inside it is open, or on another thread; scopes end in reverse order on the thread that began them.");
        _ended = true;
        t_innermost = _outer;
        for (int i = _tensors.Count - 1; i >= 0; i--)
        {
            _tensors[i].Scope = null;
            _tensors[i].Dispose();
        }

        _tensors.Clear();
    }
}
