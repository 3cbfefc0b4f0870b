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
    /// <remarks>The caller is woken by whoever hands the turn on, never by a continuation: threads of the pool that wait here would keep
    /// the pool from running it.</remarks>
    public void Enter(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Queue() is not { } waiter) return;
        using CancellationTokenRegistration registration = Cancelling(waiter, cancellationToken);
        waiter.Task.GetAwaiter().GetResult();
    }

    /// <inheritdoc cref="Enter"/>
    public async Task EnterAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Queue() is not { } waiter) return;
        using CancellationTokenRegistration registration = Cancelling(waiter, cancellationToken);
        await waiter.Task.ConfigureAwait(false);
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

    /// <summary>A place in the queue; null if the turn was free and is now the caller's.</summary>
    private TaskCompletionSource? Queue()
    {
        lock (_lock)
        {
            if (!_taken)
            {
                _taken = true;
                return null;
            }

            TaskCompletionSource waiter = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.AddLast(waiter);
            return waiter;
        }
    }

    private CancellationTokenRegistration Cancelling(TaskCompletionSource waiter, CancellationToken cancellationToken) => cancellationToken.Register(() =>
    {
        if (!waiter.TrySetCanceled(cancellationToken)) return;
        lock (_lock) _waiting.Remove(waiter);
    });
}
