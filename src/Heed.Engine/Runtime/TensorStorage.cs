using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Heed.Engine.Runtime;

/// <summary>
/// A 64-byte-aligned block of floats, shared by a tensor and its views. The block lies in the pinned heap: a span over it keeps
/// it alive, so no mistake in ownership can read freed memory; returning it to the pool is what makes reuse fast.
/// </summary>
internal sealed class TensorStorage
{
    private const int Alignment = 64;
    private readonly float[] _block;
    private readonly int _first;
    private int _references;

    internal TensorStorage(TensorPool pool, int capacity)
    {
        Pool = pool;
        Capacity = capacity;
        _block = GC.AllocateUninitializedArray<float>(capacity + (Alignment / sizeof(float)) - 1, pinned: true);
        nint address = Marshal.UnsafeAddrOfPinnedArrayElement(_block, 0);
        _first = (int)(((Alignment - (address & (Alignment - 1))) & (Alignment - 1)) / sizeof(float));
    }

    /// <summary>The garbage collector found a tensor that nobody disposed: its bytes are free again.</summary>
    ~TensorStorage()
    {
        if (_references > 0) Pool.Forget(this);
    }

    internal TensorPool Pool { get; }

    internal int Capacity { get; }

    internal long Bytes => (long)Capacity * sizeof(float);

    internal int References => _references;

    internal Span<float> Span(int offset, int count) => _block.AsSpan(_first + offset, count);

    internal ref float At(int offset) => ref _block[_first + offset];

    internal void Retain() => Interlocked.Increment(ref _references);

    internal void Release()
    {
        int left = Interlocked.Decrement(ref _references);
        if (left == 0) Pool.Return(this);
        else if (left < 0) throw new InvalidOperationException("A tensor's block was released twice.");
    }
}
