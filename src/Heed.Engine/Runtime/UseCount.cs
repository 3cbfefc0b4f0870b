namespace Heed.Engine.Runtime;

/// <summary>Users of memory that another thread may dispose: it is freed by <see cref="Close"/>, or by the last user after it. Safe for
/// concurrent use.</summary>
internal struct UseCount
{
    private int _state;     // twice the users, and 1 once it was closed

    /// <summary>Begins a use, to be ended by <see cref="End"/>; false once it was closed.</summary>
    public bool TryBegin()
    {
        int state = Volatile.Read(ref _state), before;
        do
        {
            before = state;
            if ((before & 1) != 0) return false;
        }
        while ((state = Interlocked.CompareExchange(ref _state, before + 2, before)) != before);
        return true;
    }

    /// <summary>Ends a use; true if the caller must free the memory.</summary>
    public bool End() => Interlocked.Add(ref _state, -2) == 1;

    /// <summary>Refuses further uses; true if nobody uses the memory and the caller must free it.</summary>
    public bool Close() => Interlocked.Or(ref _state, 1) == 0;
}
