namespace Heed.Explorer.Traces;

/// <summary>The traces of late, up to a number of bytes. One run computes at a time: a page asks for little, and the newest wins.</summary>
/// <param name="runner">Runs the model.</param>
/// <param name="mostBytes">Bytes that are kept.</param>
internal sealed class TraceStore(TraceRunner runner, long mostBytes) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly Lock _gate = new();
    private readonly LinkedList<Trace> _newest = [];

    /// <summary>The trace of a text, from the store or computed now, on a thread of the pool.</summary>
    public async Task<Trace> GetAsync(
        TextInput text, TextInput? decoder, IReadOnlyList<Intervention> interventions, CancellationToken cancellationToken)
    {
        string id = runner.IdOf(text, decoder, interventions);
        if (Find(id) is { } known) return known;
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Find(id) is { } meanwhile) return meanwhile;
            Trace trace = await Task.Run(() => runner.Run(text, decoder, interventions, cancellationToken),
                cancellationToken).ConfigureAwait(false);
            lock (_gate)
            {
                _newest.AddFirst(trace);
                Forget();
            }

            return trace;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>A tensor of a trace.</summary>
    public async Task<Captured> TensorAsync(Trace trace, string name, CancellationToken cancellationToken)
    {
        if (trace.Find(Heed.Engine.Nn.Hooks.OwnName(name)) is { } held) return held;
        return await ComputeAsync(() => runner.Tensor(trace, name, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Computes something beside traces, in turn.</summary>
    public async Task<T> ComputeAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Run(work, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>A trace by its name, or null: it was forgotten, or never computed.</summary>
    public Trace? Find(string id)
    {
        lock (_gate)
        {
            for (LinkedListNode<Trace>? node = _newest.First; node is not null; node = node.Next)
            {
                if (node.Value.Id != id) continue;
                _newest.Remove(node);
                _newest.AddFirst(node);
                return node.Value;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private void Forget()
    {
        long bytes = 0;
        for (LinkedListNode<Trace>? node = _newest.First; node is not null;)
        {
            LinkedListNode<Trace>? next = node.Next;
            bytes += node.Value.Bytes;
            if (bytes > mostBytes && node != _newest.First) _newest.Remove(node);
            node = next;
        }
    }
}
