namespace Heed.Engine.Runtime;

/// <summary>What one thread sleeps on until another sets it; as many waits pass as it was set.</summary>
internal sealed class Signal
{
    private readonly object _gate = new();
    private int _count;

    /// <summary>Lets one wait pass.</summary>
    public void Set()
    {
        lock (_gate)
        {
            _count++;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Sleeps until it was set.</summary>
    public void Wait()
    {
        if (OperatingSystem.IsBrowser()) throw new PlatformNotSupportedException("A browser has one thread, and nothing that could wake it.");
        lock (_gate)
        {
            while (_count == 0) Monitor.Wait(_gate);
            _count--;
        }
    }
}
