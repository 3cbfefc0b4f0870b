using System.Runtime.CompilerServices;

namespace Heed.Tokenizers.Models;

/// <summary>Pairs of ids to the rank and the result of their merge: open addressing, 16 bytes a slot.</summary>
internal sealed class MergeTable
{
    private const ulong Free = ulong.MaxValue;
    private readonly ulong[] _keys;
    private readonly long[] _values;   // rank << 32 | result
    private readonly int _shift;

    public MergeTable(int count)
    {
        int size = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, count * 2L));
        _keys = new ulong[size];
        _values = new long[size];
        Array.Fill(_keys, Free);
        _shift = 64 - System.Numerics.BitOperations.Log2((uint)size);
    }

    /// <summary>Sets a merge; a pair that comes again takes the later rank, as in Hugging Face.</summary>
    public void Set(int left, int right, int rank, int result)
    {
        int slot = SlotOf(Key(left, right));
        _keys[slot] = Key(left, right);
        _values[slot] = ((long)rank << 32) | (uint)result;
    }

    /// <summary>Rank &lt;&lt; 32 | result of merging two ids, or <see cref="long.MaxValue"/> where they do not merge.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Find(int left, int right)
    {
        ulong key = Key(left, right);
        int slot = (int)((key * 0x9E3779B97F4A7C15UL) >> _shift);
        while (true)
        {
            ulong found = _keys[slot];
            if (found == key) return _values[slot];
            if (found == Free) return long.MaxValue;
            slot = (slot + 1) & (_keys.Length - 1);
        }
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private int SlotOf(ulong key)
    {
        int slot = (int)((key * 0x9E3779B97F4A7C15UL) >> _shift);
        while (_keys[slot] != key && _keys[slot] != Free) slot = (slot + 1) & (_keys.Length - 1);
        return slot;
    }
}
