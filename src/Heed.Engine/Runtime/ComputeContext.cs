using System.Globalization;

namespace Heed.Engine.Runtime;

/// <summary>
/// Where a model computes: its threads, the memory it may hold, and the pools from which kernels and tensors take theirs. Contexts are
/// independent; models may share one. Results never depend on it: the same bits with any number of threads and beside any other call.
/// </summary>
/// <remarks>
/// Any number of threads may compute in a context at once. They share its workers part by part in turn; each caller also works on its
/// own parts,
/// so a call uses every thread that no other caller needs, and never waits for another call.
/// </remarks>
/// <example><code>
/// using ComputeContext context = new(new ComputeOptions { Threads = 2, MaximumBytes = 4L &lt;&lt; 30 });
/// using HeedModel model = HeedModel.Open("models/gpt2", new LoadOptions { Context = context });
/// </code></example>
public sealed class ComputeContext : IDisposable
{
    /// <summary>The largest number of threads.</summary>
    public const int MaximumThreads = 1024;

    // Set in tests only, which follow a test over its awaits; a thread without a context of its own looks here before it takes the default.
    private static readonly AsyncLocal<ComputeContext?> Flow = new();
    private static volatile bool s_flows;
    private static ComputeContext? s_default;

    [ThreadStatic]
    private static ComputeContext? t_current;

    private readonly Workers _workers;
    private readonly bool _sharesWorkers;
    private readonly Lock _lock = new();
    private readonly List<WeakReference<ITrimmable>> _trimmable = [];
    private volatile bool _disposed;
    private long _dropoutMasks;

    /// <summary>A context with threads and memory of its own. Threads start with the first call that has work for them.</summary>
    /// <param name="options">Threads and memory; if omitted, all of the machine's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of threads is not from 1 to <see cref="MaximumThreads"/>, or the limit
    /// is below 1 byte.</exception>
    /// <exception cref="UsageException">The environment variable HEED_THREADS is needed and is not such a number.</exception>
    public ComputeContext(ComputeOptions? options = null)
        : this(options ?? new ComputeOptions(), null)
    {
    }

    private ComputeContext(ComputeOptions options, Workers? workers)
    {
        // A tenth is left to the runtime, the program and the system: a process at the very limit is killed, not refused.
        long limit = options.MaximumBytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 10 * 9;
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1, nameof(options.MaximumBytes));
        if (options.Threads is { } threads)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1, nameof(options.Threads));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, MaximumThreads, nameof(options.Threads));
        }

        _workers = workers ?? new Workers(OperatingSystem.IsBrowser() ? 1 : options.Threads ?? MachineThreads());
        _sharesWorkers = workers is not null;
        Memory = new MemoryBudget(limit, "ComputeOptions.MaximumBytes", Reclaim);
        TensorPool = new TensorPool(Memory);
        Scratch = new ScratchPool(Memory);
    }

    /// <summary>Ends the threads of a context that nobody disposed.</summary>
    ~ComputeContext()
    {
        if (!_sharesWorkers) _workers?.End();
    }

    /// <summary>The context of threads that entered no other: all of the machine's memory, HEED_THREADS or all processors.
    /// A program that wants another one assigns it at its start; models opened before stay in theirs.</summary>
    /// <exception cref="UsageException">HEED_THREADS is not a number of threads.</exception>
    public static ComputeContext Default
    {
        get
        {
            if (Volatile.Read(ref s_default) is { } made) return made;
            ComputeContext context = new();
            if (Interlocked.CompareExchange(ref s_default, context, null) is not { } first) return context;
            context.Dispose();
            return first;
        }

        set
        {
            ArgumentNullException.ThrowIfNull(value);
            ObjectDisposedException.ThrowIf(value._disposed, value);
            Volatile.Write(ref s_default, value);
        }
    }

    /// <summary>The context in which this thread computes: the one entered last, else <see cref="Default"/>.</summary>
    public static ComputeContext Current => t_current ?? OfFlow();

    /// <summary>Threads that share the work of a call, the calling thread among them.</summary>
    public int Threads => _workers.Threads;

    /// <summary>The bytes held, by owner, and their limit.</summary>
    public MemoryBudget Memory { get; }

    /// <summary>Masks of dropout that were made here: one for each place and run that drops values.</summary>
    internal long DropoutMasks => Interlocked.Read(ref _dropoutMasks);

    internal TensorPool TensorPool { get; }

    internal ScratchPool Scratch { get; }

    /// <summary>Counts a mask, for whoever must know that an evaluation makes none.</summary>
    internal void CountDropoutMask() => Interlocked.Increment(ref _dropoutMasks);

    /// <summary>Makes this the current context of the calling thread until the result is disposed. Costs nothing worth counting.</summary>
    /// <example><code>using var _ = context.Enter();</code></example>
    /// <exception cref="ObjectDisposedException">The context was disposed.</exception>
    public ContextScope Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ContextScope scope = new(t_current);
        t_current = this;
        return scope;
    }

    /// <summary>Gives all memory that nobody uses back to the system: free blocks of tensors, scratch and pages of caches. Calls may run
    /// meanwhile.</summary>
    public void Trim()
    {
        TrimPools();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        NativeHeap.Trim();
    }

    /// <summary>Ends the threads and gives free memory back. Memory of models and tensors that live on is given back as they are
    /// disposed.</summary>
    public void Dispose()
    {
        _disposed = true;
        GC.SuppressFinalize(this);
        if (!_sharesWorkers) _workers.End();
        TensorPool.Close();
        TrimPools();
    }

    /// <summary>Runs <paramref name="work"/>'s parts 0 … <paramref name="parts"/> − 1 on the threads of the current context and returns
    /// when all are done.</summary>
    /// <exception cref="Exception">The first exception of a part, after the other parts have ended.</exception>
    internal static void Run<TWork>(TWork work, int parts)
        where TWork : struct, IWork
    {
        ArgumentOutOfRangeException.ThrowIfNegative(parts);
        if (WorkProfile.Active is { } profile) profile.Run(work, parts);
        else if (parts == 1) work.Part(0);
        else if (parts > 1) Current.RunParts(work, parts);
    }

    /// <summary>The same for two parts or more, past a profile that is open.</summary>
    internal static void RunUntimed<TWork>(TWork work, int parts)
        where TWork : struct, IWork => Current.RunParts(work, parts);

    /// <summary>A context with memory of its own and another's threads: each test has one, to find what it leaves behind.</summary>
    internal static ComputeContext WithThreadsOf(ComputeContext other, ComputeOptions? options = null)
        => new(options ?? new ComputeOptions(), other._workers);

    /// <summary>Makes this the context of this flow of execution, over awaits and in threads that it starts.</summary>
    internal IDisposable UseInFlow()
    {
        s_flows = true;
        ComputeContext? before = Flow.Value;
        Flow.Value = this;
        return new FlowUse(before);
    }

    /// <summary>Has <see cref="Trim"/> reach memory that others keep.</summary>
    internal void Register(ITrimmable keeper)
    {
        lock (_lock)
        {
            _trimmable.RemoveAll(reference => !reference.TryGetTarget(out _));
            _trimmable.Add(new WeakReference<ITrimmable>(keeper));
        }
    }

    internal static void Restore(ComputeContext? before) => t_current = before;

    private void RunParts<TWork>(TWork work, int parts)
        where TWork : struct, IWork => _workers.Run(this, work, parts);

    private static ComputeContext OfFlow() => s_flows && Flow.Value is { } context ? context : Default;

    private void TrimPools()
    {
        TensorPool.Trim();
        Scratch.Trim();
        WeakReference<ITrimmable>[] keepers;
        lock (_lock) keepers = [.. _trimmable];
        foreach (WeakReference<ITrimmable> reference in keepers)
            if (reference.TryGetTarget(out ITrimmable? keeper)) keeper.Trim();
    }

    /// <summary>Before a reservation is refused: what is kept for reuse, then tensors outside every scope that only the collector can
    /// find.</summary>
    private void Reclaim()
    {
        TrimPools();
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    private static int MachineThreads()
    {
        string? text = Environment.GetEnvironmentVariable("HEED_THREADS");
        if (string.IsNullOrWhiteSpace(text)) return Math.Clamp(Environment.ProcessorCount, 1, MaximumThreads);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int threads) && threads is >= 1 and <= MaximumThreads
            ? threads
            : throw new UsageException(
                $"The environment variable HEED_THREADS is '{Printable.Escape(text)}', not a whole number from 1 to "
                    + $"{MaximumThreads}; correct it or remove it.");
    }

    private sealed class FlowUse(ComputeContext? before) : IDisposable
    {
        public void Dispose() => Flow.Value = before;
    }
}
