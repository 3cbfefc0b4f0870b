using Heed.Models;

namespace Heed.Training.Data;

/// <summary>A stream of ids cut into blocks of equal length: documents packed end to end, nothing padded.</summary>
internal sealed class TokenBlocks
{
    private readonly int[] _ids;

    /// <summary>Cuts a stream into blocks.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="length">T, tokens that a model reads a block; the block holds one more, the last target.</param>
    /// <param name="name">Which part of the data this is, for the error.</param>
    /// <exception cref="InputException">The stream is shorter than one block.</exception>
    public TokenBlocks(int[] ids, int length, string name)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        if (ids.Length < length + 1)
            throw new InputException($"data: the {name} part has {ids.Length} tokens, fewer than one block of {length} + 1. Give more text or a shorter block ('block_length').");
        _ids = ids;
        Length = length;
        Count = (ids.Length - 1) / length;
    }

    /// <summary>T.</summary>
    public int Length { get; }

    /// <summary>Number of blocks.</summary>
    public int Count { get; }

    /// <summary>A batch of blocks as a causal model takes it: ids [B, T], and under each the id that follows it.</summary>
    /// <param name="blocks">Which blocks.</param>
    public ModelInputs Batch(ReadOnlySpan<int> blocks)
    {
        int B = blocks.Length, T = Length;
        int[] inputs = new int[B * T], labels = new int[B * T];
        for (int b = 0; b < B; b++)
        {
            int start = blocks[b] * T;
            _ids.AsSpan(start, T).CopyTo(inputs.AsSpan(b * T));
            _ids.AsSpan(start + 1, T).CopyTo(labels.AsSpan(b * T));
        }

        return new ModelInputs { InputIds = new TokenGrid(B, T, inputs), Labels = new TokenGrid(B, T, labels), LabelsAreShifted = true };
    }
}
