using Heed.Engine.Nn;

namespace Heed.Generation.Inference;

/// <summary>
/// Keeps the keys and values of texts that were read, for texts that begin alike: another answer to the same prompt, the next turn of a
/// chat. Pages are shared, not copied; the least recently used text goes first.
/// </summary>
/// <remarks>
/// A text is shared up to the first id that differs. Layers with a window or with sums (linear attention) can go back only to where they
/// still know enough; such a text is shared from there on or not at all.
/// </remarks>
internal sealed class PrefixCache(long maximumBytes) : IDisposable
{
    private const int MaximumTexts = 64;

    private readonly LinkedList<Entry> _entries = [];   // most recently used first
    private long _bytes;

    /// <summary>Number of texts kept.</summary>
    public int Count => _entries.Count;

    /// <summary>True if texts are kept at all.</summary>
    public bool IsEnabled => maximumBytes > 0;

    /// <param name="ids">The ids of a text.</param>
    /// <param name="regime"><see cref="Decoding.Decoder.Regime"/> of its length.</param>
    /// <summary>A sequence that has read the longest known beginning of the ids, at most all but the last: its scores are wanted. Null if
    /// nothing is known.</summary>
    public KeyValueSequence? Find(ReadOnlySpan<int> ids, int regime)
    {
        LinkedListNode<Entry>? best = null;
        int length = 0;
        for (LinkedListNode<Entry>? node = _entries.First; node is not null; node = node.Next)
        {
            int common = Math.Min(ids.CommonPrefixLength(node.Value.Ids), ids.Length - 1);
            if (common <= length || node.Value.Regime != regime || !node.Value.Sequence.CanTruncate(common)) continue;
            (best, length) = (node, common);
        }

        if (best is null) return null;
        _entries.Remove(best);
        _entries.AddFirst(best);
        KeyValueSequence sequence = best.Value.Sequence.Fork();
        sequence.Truncate(length);
        return sequence;
    }

    /// <summary>Keeps a text.</summary>
    /// <param name="ids">What the sequence has read.</param>
    /// <param name="sequence">Keys and values; the cache owns it from now on.</param>
    /// <param name="regime"><see cref="Decoding.Decoder.Regime"/> of the length at which it was read.</param>
    public void Keep(int[] ids, KeyValueSequence sequence, int regime)
    {
        Entry entry = new(ids, sequence, sequence.PageBytes, regime);
        if (entry.Bytes > maximumBytes || ids.Length == 0)
        {
            sequence.Dispose();
            return;
        }

        for (LinkedListNode<Entry>? node = _entries.First; node is not null;)
        {
            LinkedListNode<Entry>? next = node.Next;
            ReadOnlySpan<int> known = node.Value.Ids;
            if (node.Value.Regime == regime && known.Length <= ids.Length && known.SequenceEqual(ids.AsSpan(0, known.Length))
                && sequence.CanTruncate(known.Length))
                Remove(node);
            node = next;
        }

        _entries.AddFirst(entry);
        _bytes += entry.Bytes;
        while (_bytes > maximumBytes || _entries.Count > MaximumTexts) Remove(_entries.Last!);
    }

    /// <summary>Drops the less recently used half.</summary>
    /// <returns>False if there was nothing to drop.</returns>
    public bool DropHalf()
    {
        if (_entries.Count == 0) return false;
        for (int drop = (_entries.Count + 1) / 2; drop > 0; drop--) Remove(_entries.Last!);
        return true;
    }

    /// <summary>Drops all.</summary>
    public void Dispose()
    {
        while (_entries.Last is { } last) Remove(last);
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _entries.Remove(node);
        _bytes -= node.Value.Bytes;
        node.Value.Sequence.Dispose();
    }

    private sealed record Entry(int[] Ids, KeyValueSequence Sequence, long Bytes, int Regime);
}
