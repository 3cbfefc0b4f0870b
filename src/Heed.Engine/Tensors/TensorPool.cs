using System.Numerics;

namespace Heed.Engine.Tensors;

/// <summary>
/// Hands out blocks for tensors and takes them back, so that a training step or a decode step allocates nothing once the first
/// has run. Blocks are kept by size class (eight classes a power of two: at most 12.5 % is lost).
/// </summary>
public sealed class TensorPool
{
    private static readonly AsyncLocal<TensorPool?> Local = new();
    private readonly Dictionary<int, Stack<TensorStorage>> _free = [];
    private readonly Lock _lock = new();
    private long _liveBlocks;
    private long _liveBytes;
    private long _pooledBytes;
    private long _peakBytes;
    private long _allocations;

    /// <summary>The pool of the whole process.</summary>
    public static TensorPool Shared { get; } = new();

    /// <summary>The pool that new tensors of this flow of execution use: <see cref="Shared"/> unless <see cref="Use"/> says otherwise.</summary>
    public static TensorPool Current => Local.Value ?? Shared;

    /// <summary>Blocks handed out and not returned.</summary>
    public long LiveBlocks => Interlocked.Read(ref _liveBlocks);

    /// <summary>Bytes handed out and not returned.</summary>
    public long LiveBytes => Interlocked.Read(ref _liveBytes);

    /// <summary>Bytes returned and kept for reuse.</summary>
    public long PooledBytes => Interlocked.Read(ref _pooledBytes);

    /// <summary>Largest number of bytes that were held at once, live and pooled.</summary>
    public long PeakBytes => Interlocked.Read(ref _peakBytes);

    /// <summary>Blocks that had to be allocated because none was free; constant in a steady state.</summary>
    public long Allocations => Interlocked.Read(ref _allocations);

    /// <summary>Makes this pool <see cref="Current"/> until the result is disposed. Tests use a pool each to find leaks.</summary>
    public IDisposable Use()
    {
        TensorPool? previous = Local.Value;
        Local.Value = this;
        return new Restore(previous);
    }

    /// <summary>Gives the blocks that are not in use back to the garbage collector.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            _free.Clear();
            Interlocked.Exchange(ref _pooledBytes, 0);
        }
    }

    internal TensorStorage Rent(int count)
    {
        int capacity = SizeClass(count);
        TensorStorage? storage = null;
        lock (_lock)
        {
            if (_free.TryGetValue(capacity, out Stack<TensorStorage>? stack) && stack.TryPop(out storage))
                Interlocked.Add(ref _pooledBytes, -(long)capacity * sizeof(float));
        }

        if (storage is null)
        {
            storage = new TensorStorage(this, capacity);
            Interlocked.Increment(ref _allocations);
        }

        Interlocked.Increment(ref _liveBlocks);
        long held = Interlocked.Add(ref _liveBytes, (long)capacity * sizeof(float)) + PooledBytes;
        long peak;
        while (held > (peak = PeakBytes) && Interlocked.CompareExchange(ref _peakBytes, held, peak) != peak)
        {
        }

        storage.Retain();
        return storage;
    }

    internal void Return(TensorStorage storage)
    {
        Interlocked.Decrement(ref _liveBlocks);
        Interlocked.Add(ref _liveBytes, -(long)storage.Capacity * sizeof(float));
        lock (_lock)
        {
            if (!_free.TryGetValue(storage.Capacity, out Stack<TensorStorage>? stack)) _free[storage.Capacity] = stack = new Stack<TensorStorage>();
            stack.Push(storage);
            Interlocked.Add(ref _pooledBytes, (long)storage.Capacity * sizeof(float));
        }
    }

    /// <summary>The smallest class of at least <paramref name="count"/> floats: multiples of an eighth of a power of two.</summary>
    private static int SizeClass(int count)
    {
        if (count <= 64) return 64;
        int step = Math.Max(16, (int)(BitOperations.RoundUpToPowerOf2((uint)count) / 16));
        return (int)Math.Min(((long)count + step - 1) / step * step, Array.MaxLength - 16);
    }

    private sealed class Restore(TensorPool? previous) : IDisposable
    {
        public void Dispose() => Local.Value = previous;
    }
}
