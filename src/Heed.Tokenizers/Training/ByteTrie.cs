using System.Numerics;

namespace Heed.Tokenizers.Training;

/// <summary>
/// A trie over UTF-8 bytes: every known prefix of a text in one walk. The edges lie in one open-addressed hash table, so that it
/// grows with the bytes put in and values can be changed afterwards without building it again.
/// </summary>
internal sealed class ByteTrie
{
    public const int Root = 0;
    private long[] _keys;            // (node + 1) << 8 | byte, 0 where empty
    private int[] _targets;
    private int[] _values;           // by node; −1 where no key ends
    private int _edges;
    private int _shift;

    public ByteTrie(int expectedNodes = 256)
    {
        int bits = Math.Max(8, BitOperations.Log2((uint)Math.Clamp(expectedNodes, 1, 1 << 28)) + 2);
        (_keys, _targets, _shift) = (new long[1 << bits], new int[1 << bits], 64 - bits);
        _values = new int[1 << (bits - 1)];
        _values.AsSpan().Fill(-1);
    }

    /// <summary>Nodes, the root included.</summary>
    public int Nodes => _edges + 1;

    /// <summary>Puts a key in, or changes its value; returns its node.</summary>
    public int Set(ReadOnlySpan<byte> key, int value)
    {
        int node = Root;
        foreach (byte b in key) node = StepOrAdd(node, b);
        _values[node] = value;
        return node;
    }

    /// <summary>The node reached from <paramref name="node"/> by <paramref name="b"/>, or −1.</summary>
    public int Step(int node, byte b)
    {
        long key = ((long)(node + 1) << 8) | b;
        for (int slot = Slot(key); ; slot = (slot + 1) & (_keys.Length - 1))
        {
            long found = _keys[slot];
            if (found == key) return _targets[slot];
            if (found == 0) return -1;
        }
    }

    /// <summary>The value of the key that ends at <paramref name="node"/>, or −1.</summary>
    public int Value(int node) => _values[node];

    /// <summary>Changes the value at a node; −1 takes its key out.</summary>
    public void SetValue(int node, int value) => _values[node] = value;

    /// <summary>The value of exactly this key, or −1.</summary>
    public int Find(ReadOnlySpan<byte> key)
    {
        int node = Root;
        foreach (byte b in key)
        {
            node = Step(node, b);
            if (node < 0) return -1;
        }

        return _values[node];
    }

    /// <summary>The length in bytes of the longest key that <paramref name="text"/> starts with, or 0.</summary>
    public int LongestPrefix(ReadOnlySpan<byte> text)
    {
        int node = Root, longest = 0;
        for (int i = 0; i < text.Length; i++)
        {
            node = Step(node, text[i]);
            if (node < 0) break;
            if (_values[node] >= 0) longest = i + 1;
        }

        return longest;
    }

    private int StepOrAdd(int node, byte b)
    {
        long key = ((long)(node + 1) << 8) | b;
        int slot = Slot(key);
        for (; _keys[slot] != 0; slot = (slot + 1) & (_keys.Length - 1))
            if (_keys[slot] == key) return _targets[slot];
        int added = ++_edges;
        (_keys[slot], _targets[slot]) = (key, added);
        if (added >= _values.Length)
        {
            int old = _values.Length;
            Array.Resize(ref _values, old * 2);
            _values.AsSpan(old).Fill(-1);
        }

        if (_edges > _keys.Length / 2) Grow();
        return added;
    }

    private void Grow()
    {
        (long[] keys, int[] targets) = (_keys, _targets);
        (_keys, _targets, _shift) = (new long[keys.Length * 2], new int[keys.Length * 2], _shift - 1);
        for (int i = 0; i < keys.Length; i++)
        {
            if (keys[i] == 0) continue;
            int slot = Slot(keys[i]);
            while (_keys[slot] != 0) slot = (slot + 1) & (_keys.Length - 1);
            (_keys[slot], _targets[slot]) = (keys[i], targets[i]);
        }
    }

    private int Slot(long key) => (int)((ulong)(key * unchecked((long)0x9E3779B97F4A7C15UL)) >> _shift);
}
