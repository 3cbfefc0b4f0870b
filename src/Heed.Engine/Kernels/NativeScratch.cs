using System.Runtime.InteropServices;

namespace Heed.Engine.Kernels;

/// <summary>A thread's reusable native memory, aligned to cache lines: it grows to the largest need and is freed when its thread is gone.</summary>
internal sealed unsafe class NativeScratch
{
    /// <summary>Bytes of alignment: a cache line, which is also the widest vector.</summary>
    public const int Alignment = 64;

    private byte* _memory;
    private nuint _size;

    ~NativeScratch() => NativeMemory.AlignedFree(_memory);

    /// <summary>At least <paramref name="count"/> floats, their values undefined; valid until the next call.</summary>
    public float* Floats(nint count)
    {
        nuint bytes = checked((nuint)count * sizeof(float));
        if (bytes > _size)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = null;
            _size = 0;
            nuint size = (bytes + 0xFFFF) & ~(nuint)0xFFFF;
            _memory = (byte*)NativeMemory.AlignedAlloc(size, 4096);
            _size = size;
        }

        return (float*)_memory;
    }
}
