namespace Heed;

/// <summary>Calls a function with each report at once, on the thread that reports (<see cref="Progress{T}"/> posts it).</summary>
internal sealed class Reporter<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}
