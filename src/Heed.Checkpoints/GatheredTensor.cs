namespace Heed.Checkpoints;

/// <summary>A tensor whose bytes must be brought into order as a whole. The first read gathers them; the result is kept as long as memory
/// is not wanted elsewhere.</summary>
internal abstract class GatheredTensor(string name, DType dtype, long[] shape) : RawTensor(name, dtype, shape)
{
    private readonly Lock _gate = new();
    private WeakReference<byte[]>? _gathered;

    /// <summary>All bytes, row-major.</summary>
    protected abstract byte[] Gather();

    protected override void ReadCore(long start, Span<byte> destination)
    {
        byte[]? all;
        lock (_gate)
        {
            if (_gathered is null || !_gathered.TryGetTarget(out all))
            {
                all = Gather();
                _gathered = new(all);
            }
        }

        all.AsSpan((int)start, destination.Length).CopyTo(destination);
    }
}
