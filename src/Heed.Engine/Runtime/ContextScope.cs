namespace Heed.Engine.Runtime;

/// <summary>The time in which a thread computes in a context: from <see cref="ComputeContext.Enter"/> until this is disposed, on the
/// same thread.</summary>
public readonly ref struct ContextScope
{
    private readonly ComputeContext? _before;

    internal ContextScope(ComputeContext? before) => _before = before;

    /// <summary>Returns to the context that was current before.</summary>
    public void Dispose() => ComputeContext.Restore(_before);
}
