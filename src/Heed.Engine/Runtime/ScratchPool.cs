using System.Numerics;
using System.Runtime.InteropServices;

namespace Heed.Engine.Runtime;

/// <summary>Native working memory of the kernels, kept by size class and reused: nothing is allocated in a steady state, and no managed
/// object ever. Safe for concurrent use.</summary>
internal sealed unsafe class ScratchPool(MemoryBudget memory)
{
    private const int Classes = 4 * 64;                                     // four a power of two: at most a quarter is lost
    private const int CacheLine = 64;
    private const int Page = 4096;
    private readonly Lock _gate = new();
    private readonly nint[] _free = new nint[Classes];                     // heads of lists that run through the free blocks themselves
    private long _used;
    private long _peak;

    /// <summary>Frees the free blocks of a context that nobody disposed; those in use are lost with their users.</summary>
    ~ScratchPool() => Trim();

    /// <summary>Bytes rented and not returned.</summary>
    public long UsedBytes => Interlocked.Read(ref _used);

    /// <summary>Largest <see cref="UsedBytes"/> since <see cref="ResetPeak"/>.</summary>
    public long PeakBytes => Interlocked.Read(ref _peak);

    /// <summary>A block of at least <paramref name="floats"/> floats, aligned to cache lines, of undefined content.</summary>
    /// <exception cref="BudgetException">The context's memory is used up.</exception>
    public float* Rent(long floats)
    {
        (int index, long bytes) = ClassOf(floats);
        lock (_gate)
        {
            nint head = _free[index];
            if (head != 0)
            {
                Count(bytes);
                _free[index] = *(nint*)head;
                return (float*)head;
            }
        }

        memory.Reserve(MemoryOwner.Scratch, bytes);
        void* block;
        try
        {
            block = NativeMemory.AlignedAlloc((nuint)bytes, bytes < 16 * Page ? (nuint)CacheLine : Page);
        }
        catch (OutOfMemoryException)
        {
            memory.Release(MemoryOwner.Scratch, bytes);
            throw new BudgetException($"scratch: {Printable.Bytes(bytes)} could not be allocated; use shorter texts or fewer at once.");
        }

        lock (_gate) Count(bytes);
        return (float*)block;
    }

    /// <summary>Takes back a block that was rented with the same <paramref name="floats"/>.</summary>
    public void Return(float* block, long floats)
    {
        (int index, long bytes) = ClassOf(floats);
        lock (_gate)
        {
            _used -= bytes;
            *(nint*)block = _free[index];
            _free[index] = (nint)block;
        }
    }

    /// <summary>Gives the free blocks back to the system.</summary>
    public void Trim()
    {
        long freed = 0;
        lock (_gate)
        {
            for (int i = 0; i < Classes; i++)
            {
                for (; _free[i] != 0; freed += BytesOf(i))
                {
                    nint block = _free[i];
                    _free[i] = *(nint*)block;
                    NativeMemory.AlignedFree((void*)block);
                }
            }
        }

        if (freed > 0) memory.Release(MemoryOwner.Scratch, freed);
    }

    /// <summary>Starts <see cref="PeakBytes"/> anew.</summary>
    public void ResetPeak()
    {
        lock (_gate) _peak = _used;
    }

    private void Count(long bytes)
    {
        _used += bytes;
        _peak = Math.Max(_peak, _used);
    }

    private static (int Index, long Bytes) ClassOf(long floats)
    {
        long bytes = Math.Max(256, checked(floats * sizeof(float)));
        int power = BitOperations.Log2((ulong)(bytes - 1));                 // 2^power ≤ bytes − 1 < 2^(power + 1)
        long step = 1L << (power - 2);
        long quarters = (bytes - (1L << power) + step - 1) / step;          // 1 … 4 above 2^power
        return ((power * 4) + (int)quarters, (1L << power) + (quarters * step));
    }

    // Class 4p + 4 is the same size as class 4(p + 1) + 0: quarters run from 1 to 4, so the first has only one number.
    private static long BytesOf(int index)
    {
        int power = (index - 1) / 4;
        return (1L << power) + ((index - (power * 4)) * (1L << (power - 2)));
    }
}
