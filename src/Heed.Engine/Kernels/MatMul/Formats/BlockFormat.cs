namespace Heed.Engine.Kernels;

/// <summary>
/// A format of GGUF's blocks. A panel is [K/length] blocks, each the blocks of its outputs rearranged so that vectors over outputs read
/// them: the same bytes, in another order. The scalar definition of the values is the block's own (<c>Q4Block.Scalar</c>, …).
/// </summary>
/// <param name="name">The word of <c>--dtype</c>.</param>
/// <param name="length">Values of a block.</param>
/// <param name="bytes">Bytes of a block.</param>
/// <param name="group">Values that share a scale; whole groups fill a block.</param>
internal abstract unsafe class BlockFormat(string name, int length, int bytes, int group) : WeightFormat(name, length, bytes)
{
    /// <summary>Values along K that share a scale.</summary>
    public int Group => group;

    /// <summary>Rounds a whole block of finite values as a file holds them.</summary>
    protected abstract void Round(ReadOnlySpan<float> values, Span<byte> block);

    /// <summary>The block of which every value reads as NaN.</summary>
    protected abstract void Poison(Span<byte> block);

    /// <summary>The definition: the values of a file's block.</summary>
    protected abstract void Scalar(ReadOnlySpan<byte> block, Span<float> values);

    /// <summary>Rearranges one output's block into a panel's.</summary>
    protected abstract void Place(ReadOnlySpan<byte> block, byte* panel, int lane, int column);

    /// <summary>Undoes <see cref="Place"/>.</summary>
    protected abstract void Take(byte* panel, int lane, int column, Span<byte> block);

    /// <summary>The values of some inputs of one group: target[i·lane + j], from input <paramref name="first"/> of the block on. The lane
    /// is a multiple of 8.</summary>
    protected abstract void ReadGroup(byte* panel, int lane, int first, int count, float* target);

    internal override void ReadPanel(byte* panel, int lane, nint k0, nint count, float* target)
    {
        for (nint k = k0, end = k0 + count; k < end;)
        {
            int inputs = (int)Math.Min(group - (k % group), end - k);
            ReadGroup(Block(panel, lane, k), lane, (int)(k % BlockLength), inputs, target);
            k += inputs;
            target += (nint)inputs * lane;
        }
    }

    internal override void ReadColumn(byte* panel, int lane, int column, nint K, float* target)
    {
        Span<byte> block = stackalloc byte[BlockBytes];
        Span<float> values = stackalloc float[BlockLength];
        for (nint k = 0; k < K; k += BlockLength)
        {
            Take(Block(panel, lane, k), lane, column, block);
            Scalar(block, values);
            int count = (int)Math.Min(BlockLength, K - k);
            values[..count].CopyTo(new Span<float>(target + k, count));
        }
    }

    internal override void WriteColumns(float* source, int rows, nint K, byte* panel, int lane, int column)
    {
        for (nint k = 0; k < K; k += BlockLength)
            for (int j = 0; j < rows; j++) Write(source + (j * K) + k, 1, (int)Math.Min(BlockLength, K - k), Block(panel, lane, k), lane, column + j);
    }

    internal override void WriteBlock(float* source, nint stride, nint k0, int count, int width, byte* panel, int lane)
    {
        for (int j = 0; j < width; j++) Write(source + j, stride, count, Block(panel, lane, k0), lane, j);
    }

    internal override void CopyColumns(byte* source, int rows, nint K, byte* panel, int lane, int column)
    {
        nint blocks = (K + BlockLength - 1) / BlockLength;
        for (nint b = 0; b < blocks; b++)
        {
            for (int j = 0; j < rows; j++)
                Place(new ReadOnlySpan<byte>(source + (((j * blocks) + b) * BlockBytes), BlockBytes), panel + (b * lane * BlockBytes), lane, column + j);
        }
    }

    internal override void Widen(byte* source, float* target, nint count)
    {
        Span<float> values = stackalloc float[BlockLength];
        for (nint i = 0; i < count; i += BlockLength, source += BlockBytes)
        {
            Scalar(new ReadOnlySpan<byte>(source, BlockBytes), values);
            int part = (int)Math.Min(BlockLength, count - i);
            values[..part].CopyTo(new Span<float>(target + i, part));
        }
    }

    // A block with a value that is NaN or infinite reads as NaN everywhere, so that the fault shows wherever one of its values is used.
    private void Write(float* source, nint stride, int count, byte* panel, int lane, int column)
    {
        Span<float> values = stackalloc float[BlockLength];
        Span<byte> block = stackalloc byte[BlockBytes];
        bool finite = true;
        for (int i = 0; i < count; i++)
        {
            values[i] = source[i * stride];
            finite &= float.IsFinite(values[i]);
        }

        values[count..].Clear();
        block.Clear();
        if (finite) Round(values, block);
        else Poison(block);
        Place(block, panel, lane, column);
    }

    private byte* Block(byte* panel, int lane, nint k) => panel + (k / BlockLength * lane * BlockBytes);
}
