namespace Heed.Generation.Inference;

/// <summary>The caller's end of one or several requests. Disposed, or forgotten by an enumerator that nobody disposed, it withdraws what is
/// not done.</summary>
/// <param name="engine">Runs the requests.</param>
/// <param name="requests">What was handed to the engine.</param>
internal sealed class RequestHandle(InferenceEngine engine, RunningRequest[] requests) : IDisposable
{
    private IDisposable? _lease;

    ~RequestHandle() => Withdraw();

    /// <summary>The requests. The engine keeps them alive, and they do not keep the handle alive.</summary>
    public RunningRequest[] Requests => requests;

    /// <summary>Holds something until the handle is disposed: the use of a model.</summary>
    public RequestHandle With(IDisposable? lease)
    {
        _lease = lease;
        return this;
    }

    public void Dispose()
    {
        Withdraw();
        GC.SuppressFinalize(this);
    }

    private void Withdraw()
    {
        engine.Withdraw(requests);
        Interlocked.Exchange(ref _lease, null)?.Dispose();
    }
}
