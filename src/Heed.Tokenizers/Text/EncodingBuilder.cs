namespace Heed.Tokenizers.Text;

/// <summary>An encoding under construction: what truncation, post-processing and padding work on.</summary>
internal sealed class EncodingBuilder
{
    private const int LargestKept = 1 << 16;

    public int[] Ids = [];
    public string[] Tokens = [];
    public int[] Starts = [];
    public int[] Ends = [];
    public int[] WordIds = [];
    public int[] TypeIds = [];
    public int[] Special = [];
    public int[] Attention = [];
    public int[] Sequences = [];

    public int Count { get; private set; }

    /// <summary>Windows that truncation cut off.</summary>
    public List<EncodingBuilder> Overflowing { get; private set; } = [];

    /// <summary>One bit for each text that takes part; 0 where nobody said: one text.</summary>
    public int SequenceBits { get; private set; }

    /// <summary>Empties the builder for another text; false where windows or a very long text make it better forgotten.</summary>
    public bool TryReset()
    {
        if (Overflowing.Count > 0 || Ids.Length > LargestKept) return false;
        Count = 0;
        SequenceBits = 0;
        return true;
    }

    public void EnsureRoom(int capacity)
    {
        if (capacity <= Ids.Length) return;
        capacity = Math.Max(capacity, Ids.Length * 2);
        Array.Resize(ref Ids, capacity);
        Array.Resize(ref Tokens, capacity);
        Array.Resize(ref Starts, capacity);
        Array.Resize(ref Ends, capacity);
        Array.Resize(ref WordIds, capacity);
        Array.Resize(ref TypeIds, capacity);
        Array.Resize(ref Special, capacity);
        Array.Resize(ref Attention, capacity);
        Array.Resize(ref Sequences, capacity);
    }

    public void Add(int id, string token, int start, int end, int wordId, int typeId, int special = 0, int attention = 1, int sequence = -1)
    {
        if (Count == Ids.Length) EnsureRoom(Math.Max(16, Count + 1));
        int at = Count++;
        Ids[at] = id;
        Tokens[at] = token;
        Starts[at] = start;
        Ends[at] = end;
        WordIds[at] = wordId;
        TypeIds[at] = typeId;
        Special[at] = special;
        Attention[at] = attention;
        Sequences[at] = sequence;
    }

    /// <summary>Makes all tokens those of one text.</summary>
    public void SetSequence(int sequence)
    {
        SequenceBits |= 1 << Math.Min(sequence, 30);
        Sequences.AsSpan(0, Count).Fill(sequence);
    }

    public void SetTypeIds(int typeId) => TypeIds.AsSpan(0, Count).Fill(typeId);

    /// <summary>Appends <paramref name="other"/>; every overflowing window of either side is combined with the other side and its windows.</summary>
    public void Append(EncodingBuilder other)
    {
        List<EncodingBuilder> combined = [];
        foreach (EncodingBuilder mine in Overflowing)
        {
            combined.Add(mine.Joined(other));
            foreach (EncodingBuilder theirs in other.Overflowing) combined.Add(mine.Joined(theirs));
        }

        foreach (EncodingBuilder theirs in other.Overflowing) combined.Add(Joined(theirs));
        AppendTokens(other);
        Overflowing = combined;
    }

    /// <summary>Cuts to at most <paramref name="maxLength"/> tokens; the rest becomes overflowing windows that repeat <paramref name="stride"/> tokens.</summary>
    /// <exception cref="ConfigException">The stride is not below the length.</exception>
    public void Truncate(int maxLength, int stride, Side direction)
    {
        if (maxLength >= Count) return;
        if (maxLength == 0)
        {
            EncodingBuilder all = Slice(0, Count);
            all.SequenceBits = SequenceBits;
            all.Overflowing = Overflowing;
            Count = 0;
            SequenceBits = 0;
            Overflowing = [all];
            return;
        }

        if (stride >= maxLength)
            throw new ConfigException($"$.truncation.stride: is {stride}, but only {maxLength} tokens are left for the text; a stride below that is needed: raise max_length or lower stride.");
        List<EncodingBuilder> windows = Windows(maxLength, maxLength - stride, direction);
        EncodingBuilder first = windows[0];
        (Ids, Tokens, Starts, Ends) = (first.Ids, first.Tokens, first.Starts, first.Ends);
        (WordIds, TypeIds, Special, Attention, Sequences) = (first.WordIds, first.TypeIds, first.Special, first.Attention, first.Sequences);
        Count = first.Count;
        SequenceBits = 0;
        Overflowing = windows[1..];
    }

    /// <summary>Lengthens this and its overflowing windows to <paramref name="length"/> tokens.</summary>
    public void Pad(int length, PaddingOptions padding)
    {
        foreach (EncodingBuilder window in Overflowing) window.Pad(length, padding);
        int missing = length - Count;
        if (missing <= 0) return;
        if (padding.Direction == Side.Right)
        {
            EnsureRoom(length);
            for (int i = 0; i < missing; i++) Add(padding.Id, padding.Token, 0, 0, -1, padding.TypeId, 1, 0);
            return;
        }

        EncodingBuilder padded = new();
        padded.EnsureRoom(length);
        for (int i = 0; i < missing; i++) padded.Add(padding.Id, padding.Token, 0, 0, -1, padding.TypeId, 1, 0);
        padded.AppendTokens(this);
        (Ids, Tokens, Starts, Ends) = (padded.Ids, padded.Tokens, padded.Starts, padded.Ends);
        (WordIds, TypeIds, Special, Attention, Sequences) = (padded.WordIds, padded.TypeIds, padded.Special, padded.Attention, padded.Sequences);
        Count = padded.Count;
    }

    public Encoding ToEncoding()
    {
        int n = Count;
        return new Encoding
        {
            Ids = Ids[..n],
            Tokens = Tokens[..n],
            Starts = Starts[..n],
            Ends = Ends[..n],
            WordIds = WordIds[..n],
            TypeIds = TypeIds[..n],
            SpecialTokensMask = Special[..n],
            AttentionMask = Attention[..n],
            SequenceIds = Sequences[..n],
            SequenceCount = Math.Max(1, System.Numerics.BitOperations.PopCount((uint)SequenceBits)),
            Overflowing = Overflowing.Count == 0 ? [] : [.. Overflowing.Select(window => window.ToEncoding())],
        };
    }

    /// <summary>A copy with arrays of its own, windows included.</summary>
    public EncodingBuilder Copy()
    {
        EncodingBuilder copy = Slice(0, Count);
        copy.SequenceBits = SequenceBits;
        copy.Overflowing = [.. Overflowing.Select(window => window.Copy())];
        return copy;
    }

    private EncodingBuilder Joined(EncodingBuilder other)
    {
        EncodingBuilder joined = Slice(0, Count);
        joined.SequenceBits = SequenceBits;
        joined.AppendTokens(other);
        return joined;
    }

    private void AppendTokens(EncodingBuilder other)
    {
        int at = Count;
        EnsureRoom(at + other.Count);
        SequenceBits |= other.SequenceBits;
        Array.Copy(other.Ids, 0, Ids, at, other.Count);
        Array.Copy(other.Tokens, 0, Tokens, at, other.Count);
        Array.Copy(other.Starts, 0, Starts, at, other.Count);
        Array.Copy(other.Ends, 0, Ends, at, other.Count);
        Array.Copy(other.WordIds, 0, WordIds, at, other.Count);
        Array.Copy(other.TypeIds, 0, TypeIds, at, other.Count);
        Array.Copy(other.Special, 0, Special, at, other.Count);
        Array.Copy(other.Attention, 0, Attention, at, other.Count);
        Array.Copy(other.Sequences, 0, Sequences, at, other.Count);
        Count = at + other.Count;
    }

    private EncodingBuilder Slice(int start, int end) => new()
    {
        Ids = Ids[start..end],
        Tokens = Tokens[start..end],
        Starts = Starts[start..end],
        Ends = Ends[start..end],
        WordIds = WordIds[start..end],
        TypeIds = TypeIds[start..end],
        Special = Special[start..end],
        Attention = Attention[start..end],
        Sequences = Sequences[start..end],
        Count = end - start,
    };

    private List<EncodingBuilder> Windows(int length, int step, Side direction)
    {
        List<EncodingBuilder> windows = [];
        if (direction == Side.Right)
        {
            for (int start = 0, stop = 0; stop < Count; start += step)
            {
                stop = Math.Min(start + length, Count);
                windows.Add(Slice(start, stop));
            }
        }
        else
        {
            for (int stop = Count, start = Count; start > 0; stop -= step)
            {
                start = Math.Max(0, stop - length);
                windows.Add(Slice(start, stop));
            }
        }

        return windows;
    }
}
