using Heed.Engine.Nn;

namespace Heed.Models.Custom;

/// <summary>BigBird's pattern: each block sees its neighbours, the first blocks, and some earlier ones by lot; the first blocks see
/// all.</summary>
/// <remarks>Zaheer et al., arXiv:2007.14062, §2. The lot of a block depends on its number alone, so that a text sees the same however long
/// it becomes.</remarks>
/// <param name="blockSize">Positions a block.</param>
/// <param name="window">Blocks to each side that a block sees.</param>
/// <param name="global">First blocks that see and are seen by all.</param>
/// <param name="random">Earlier blocks by lot; equal lots fall together.</param>
public sealed class BlockSparsity(int blockSize, int window, int global, int random) : IBlockSparsity
{
    /// <inheritdoc/>
    public int BlockSize { get; } = blockSize;

    /// <inheritdoc/>
    public bool[] Allowed(int blocks)
    {
        bool[] allowed = new bool[checked(blocks * blocks)];
        for (int q = 0; q < blocks; q++)
        {
            Span<bool> row = allowed.AsSpan(q * blocks, blocks);
            for (int k = 0; k < blocks; k++) row[k] = q < global || k < global || Math.Abs((long)q - k) <= window;
            for (int i = 0; i < Math.Min(random, q); i++) row[(int)(Mix(((ulong)q << 32) | (uint)i) % (ulong)q)] = true;
        }

        return allowed;
    }

    /// <summary>SplitMix64's last step.</summary>
    private static ulong Mix(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
