using System.Numerics;
using System.Runtime.InteropServices;

namespace Heed.Engine.Kernels;

/// <summary>Native working memory of the attention kernels, kept by size class and reused: nothing is allocated in a steady state, and no managed object ever.</summary>
internal static unsafe class AttentionScratch
{
    private const int Classes = 4 * 64;                                     // four a power of two: at most a quarter is lost
    private static readonly Lock Gate = new();
    private static readonly nint[] Free = new nint[Classes];               // heads of lists that run through the free blocks themselves
    private static long _held;
    private static long _used;
    private static long _peak;

    /// <summary>Bytes rented and not returned.</summary>
    public static long UsedBytes => Interlocked.Read(ref _used);

    /// <summary>Bytes taken from the system, rented or free.</summary>
    public static long HeldBytes => Interlocked.Read(ref _held);

    /// <summary>Largest <see cref="UsedBytes"/> since <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => Interlocked.Read(ref _peak);

    /// <summary>A block of at least <paramref name="floats"/> floats, 64-byte aligned, of undefined content.</summary>
    public static float* Rent(long floats)
    {
        (int index, long bytes) = ClassOf(floats);
        lock (Gate)
        {
            _used += bytes;
            _peak = Math.Max(_peak, _used);
            nint head = Free[index];
            if (head != 0)
            {
                Free[index] = *(nint*)head;
                return (float*)head;
            }

            _held += bytes;
        }

        return (float*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
    }

    /// <summary>Takes back a block that was rented with the same <paramref name="floats"/>.</summary>
    public static void Return(float* block, long floats)
    {
        (int index, long bytes) = ClassOf(floats);
        lock (Gate)
        {
            _used -= bytes;
            *(nint*)block = Free[index];
            Free[index] = (nint)block;
        }
    }

    /// <summary>Gives the free blocks back to the system.</summary>
    public static void Trim()
    {
        lock (Gate)
        {
            for (int i = 0; i < Classes; i++)
            {
                while (Free[i] != 0)
                {
                    nint block = Free[i];
                    Free[i] = *(nint*)block;
                    NativeMemory.AlignedFree((void*)block);
                }
            }

            _held = _used;
        }
    }

    /// <summary>Starts <see cref="PeakBytes"/> anew.</summary>
    public static void ResetPeak()
    {
        lock (Gate) _peak = _used;
    }

    private static (int Index, long Bytes) ClassOf(long floats)
    {
        long bytes = Math.Max(256, checked(floats * sizeof(float)));
        int power = BitOperations.Log2((ulong)(bytes - 1));                 // 2^power ≤ bytes − 1 < 2^(power + 1)
        long step = 1L << (power - 2);
        long quarters = (bytes - (1L << power) + step - 1) / step;          // 0 … 4 above 2^power
        return ((power * 4) + (int)quarters, (1L << power) + (quarters * step));
    }
}
