using Heed.Engine.Kernels;

namespace Heed.Training.Data;

/// <summary>
/// The order in which blocks are read: a permutation of its own for each epoch, computed rather than stored, so that training resumes in
/// the middle of an epoch from two numbers.
/// </summary>
/// <remarks>A Feistel network over the smallest even number of bits that holds the count, walked until the value is inside (Black and Rogaway, CT-RSA 2002, §3).</remarks>
/// <param name="count">Number of blocks.</param>
/// <param name="seed">The run's seed.</param>
internal sealed class BlockOrder(int count, ulong seed)
{
    private const int Rounds = 6;
    private readonly int _halfBits = HalfBits(count);

    /// <summary>The block that is read at a position of the whole run.</summary>
    /// <param name="position">0, 1, 2, …; epochs follow one another.</param>
    public int this[long position]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(position);
            CounterRandom random = new(seed, 0xB10C_0DE5 + (ulong)(position / count));
            uint x = (uint)(position % count);
            do
            {
                x = Permute(x, random);
            }
            while (x >= (uint)count);

            return (int)x;
        }
    }

    private uint Permute(uint x, CounterRandom random)
    {
        uint mask = (1u << _halfBits) - 1;
        uint left = x >> _halfBits, right = x & mask;
        for (uint round = 0; round < Rounds; round++)
        {
            uint mixed = random.Block(((ulong)round << 32) | right).A & mask;
            (left, right) = (right, left ^ mixed);
        }

        return (left << _halfBits) | right;
    }

    private static int HalfBits(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        int half = 1;
        while (1L << (2 * half) < count) half++;
        return half;
    }
}
