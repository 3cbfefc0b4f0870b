namespace Heed.Generation.Inference;

/// <summary>Lets one caller at a time run the loop, in the order in which they came. Nobody holds it while waiting, so a single thread
/// never blocks.</summary>
internal sealed class Turn
{
    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private bool _taken;

    /// <summary>Takes the turn if it is free.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_taken) return false;
            return _taken = true;
        }
    }

    /// <summary>Takes the turn, or waits for it.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was set first.</exception>
    public void Enter(CancellationToken cancellationToken = default) => EnterAsync(cancellationToken).GetAwaiter().GetResult();

    /// <inheritdoc cref="Enter"/>
    public Task EnterAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled(cancellationToken);
        TaskCompletionSource waiter = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (!_taken)
            {
                _taken = true;
                return Task.CompletedTask;
            }

            _waiting.AddLast(waiter);
        }

        return cancellationToken.CanBeCanceled ? CancellableAsync(waiter, cancellationToken) : waiter.Task;
    }

    /// <summary>Hands the turn to the caller who waits longest.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            while (_waiting.First is { } first)
            {
                _waiting.RemoveFirst();
                if (first.Value.TrySetResult()) return;   // else it was cancelled meanwhile
            }

            _taken = false;
        }
    }

    private async Task CancellableAsync(TaskCompletionSource waiter, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.Register(() =>
        {
            if (!waiter.TrySetCanceled(cancellationToken)) return;
            lock (_lock) _waiting.Remove(waiter);
        });
        await waiter.Task.ConfigureAwait(false);
    }
}
