namespace Heed.Engine.Runtime;

/// <summary>What a <see cref="ComputeContext"/> may use of the machine.</summary>
public sealed record ComputeOptions
{
    /// <summary>Threads that share the work of a call, the calling thread among them: 1 … <see cref="ComputeContext.MaximumThreads"/>.
    /// If omitted: the environment variable HEED_THREADS, else the number of processors. Always 1 in a browser. Never changes a
    /// result.</summary>
    public int? Threads { get; init; }

    /// <summary>Limit for weights, caches, scratch and tensors together, in bytes. If omitted: nine tenths of the memory available to the
    /// process.</summary>
    public long? MaximumBytes { get; init; }
}
