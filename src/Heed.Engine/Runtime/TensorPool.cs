using System.Numerics;

namespace Heed.Engine.Runtime;

/// <summary>
/// Hands out blocks for tensors and takes them back, so that a training step or a decode step allocates nothing once the first
/// has run. Blocks are kept by size class (eight classes a power of two: at most 12.5 % is lost).
/// </summary>
internal sealed class TensorPool(MemoryBudget memory)
{
    private readonly Dictionary<int, Stack<TensorStorage>> _free = [];
    private readonly Lock _lock = new();
    private bool _closed;
    private long _liveBlocks;
    private long _liveBytes;
    private long _allocations;
    private long _lostBlocks;

    /// <summary>Blocks handed out and not returned.</summary>
    public long LiveBlocks => Interlocked.Read(ref _liveBlocks);

    /// <summary>Bytes handed out and not returned.</summary>
    public long LiveBytes => Interlocked.Read(ref _liveBytes);

    /// <summary>Blocks that had to be allocated because none was free; constant in a steady state.</summary>
    public long Allocations => Interlocked.Read(ref _allocations);

    /// <summary>Blocks that nobody returned and the garbage collector found.</summary>
    public long LostBlocks => Interlocked.Read(ref _lostBlocks);

    /// <summary>Gives the blocks that are not in use back to the garbage collector.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            foreach (Stack<TensorStorage> stack in _free.Values)
                foreach (TensorStorage storage in stack) memory.Release(MemoryOwner.Tensors, storage.Bytes);
            _free.Clear();
        }
    }

    /// <summary>Keeps no block any more: what is returned from here on is not used again.</summary>
    public void Close()
    {
        lock (_lock) _closed = true;
        Trim();
    }

    /// <exception cref="BudgetException">The context's memory is used up.</exception>
    internal TensorStorage Rent(int count)
    {
        int capacity = SizeClass(count);
        TensorStorage? storage = null;
        lock (_lock)
        {
            if (_free.TryGetValue(capacity, out Stack<TensorStorage>? stack)) stack.TryPop(out storage);
        }

        storage ??= Allocate(capacity);
        Interlocked.Increment(ref _liveBlocks);
        Interlocked.Add(ref _liveBytes, storage.Bytes);
        storage.Retain();
        return storage;
    }

    internal void Return(TensorStorage storage)
    {
        Interlocked.Decrement(ref _liveBlocks);
        Interlocked.Add(ref _liveBytes, -storage.Bytes);
        lock (_lock)
        {
            if (!_closed)
            {
                if (!_free.TryGetValue(storage.Capacity, out Stack<TensorStorage>? stack)) _free[storage.Capacity] = stack = new Stack<TensorStorage>();
                stack.Push(storage);
                return;
            }
        }

        memory.Release(MemoryOwner.Tensors, storage.Bytes);
    }

    /// <summary>Uncounts a live block that the garbage collector found.</summary>
    internal void Forget(TensorStorage storage)
    {
        Interlocked.Increment(ref _lostBlocks);
        Interlocked.Decrement(ref _liveBlocks);
        Interlocked.Add(ref _liveBytes, -storage.Bytes);
        memory.Release(MemoryOwner.Tensors, storage.Bytes);
    }

    private TensorStorage Allocate(int capacity)
    {
        long bytes = (long)capacity * sizeof(float);
        memory.Reserve(MemoryOwner.Tensors, bytes);
        try
        {
            TensorStorage storage = new(this, capacity);
            Interlocked.Increment(ref _allocations);
            return storage;
        }
        catch (OutOfMemoryException e)
        {
            memory.Release(MemoryOwner.Tensors, bytes);
            throw new BudgetException($"tensors: {Printable.Bytes(bytes)} could not be allocated ({e.Message}); use shorter texts or fewer at once, or a smaller model.");
        }
    }

    /// <summary>The smallest class of at least <paramref name="count"/> floats: multiples of an eighth of a power of two.</summary>
    private static int SizeClass(int count)
    {
        if (count <= 64) return 64;
        int step = Math.Max(16, (int)(BitOperations.RoundUpToPowerOf2((uint)count) / 16));
        return (int)Math.Min(((long)count + step - 1) / step * step, Array.MaxLength - 16);
    }
}
