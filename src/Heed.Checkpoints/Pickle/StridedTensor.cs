namespace Heed.Checkpoints;

/// <summary>
/// A tensor that looks at a storage with strides of its own (a transpose, a slice, a repeated row). The first read gathers it row-major;
/// the result is kept as long as memory is not wanted elsewhere.
/// </summary>
internal sealed class StridedTensor(string name, DType dtype, long[] shape, long[] strides, ModelFile file, long offset)
    : GatheredTensor(name, dtype, shape)
{
    /// <summary>Whether row-major order is the storage's order, so that no gathering is needed.</summary>
    public static bool IsContiguous(ReadOnlySpan<long> shape, ReadOnlySpan<long> strides)
    {
        long expected = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            if (shape[i] == 0) return true;
            if (shape[i] != 1 && strides[i] != expected) return false;
            expected *= shape[i];
        }

        return true;
    }

    protected override byte[] Gather()
    {
        int width = DType.Bits() / 8;
        long last = 0;
        for (int i = 0; i < Sizes.Length; i++) last += (Sizes[i] - 1) * strides[i];
        if ((last + 1) * width > Array.MaxLength || ByteLength > Array.MaxLength)
            throw new BudgetException($"{file.Path}: tensor '{Name}' is a strided view of {Printable.Bytes(ByteLength)}, more than one array holds; save it with .contiguous().");
        byte[] source = new byte[(last + 1) * width];
        file.Read(offset, source);
        byte[] target = new byte[ByteLength];
        long[] index = new long[Sizes.Length];
        long from = 0;
        for (int to = 0; to < target.Length; to += width)
        {
            source.AsSpan((int)(from * width), width).CopyTo(target.AsSpan(to));
            for (int d = Sizes.Length - 1; d >= 0; d--)
            {
                from += strides[d];
                if (++index[d] < Shape[d]) break;
                from -= Shape[d] * strides[d];
                index[d] = 0;
            }
        }

        return target;
    }
}
