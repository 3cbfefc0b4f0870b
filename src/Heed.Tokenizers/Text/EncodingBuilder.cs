namespace Heed.Tokenizers.Text;

/// <summary>An encoding under construction: what truncation, post-processing and padding work on.</summary>
/// <remarks>Ids, places and words are kept for each token; what neighbours share is kept once a <see cref="TokenRun"/>.</remarks>
internal sealed class EncodingBuilder
{
    private const int LargestKept = 1 << 16;

    public int[] Ids = [];
    public int[] Starts = [];
    public int[] Ends = [];
    public int[] WordIds = [];

    private TokenRun[] _runs = [];
    private int _runCount;

    public EncodingBuilder(ITokenModel? model = null) => Model = model;

    /// <summary>The vocabulary that names tokens whose run has no text.</summary>
    public ITokenModel? Model { get; private set; }

    public int Count { get; private set; }

    /// <summary>The text that places count in; null where there is none, or words.</summary>
    public string? Source { get; set; }

    /// <summary>The words within which places count; null where there are none.</summary>
    public IReadOnlyList<string>? SourceWords { get; set; }

    /// <summary>Windows that truncation cut off.</summary>
    public List<EncodingBuilder> Overflowing { get; private set; } = [];

    /// <summary>One bit for each text that takes part; 0 where nobody said: one text.</summary>
    public int SequenceBits { get; private set; }

    /// <summary>The runs of all tokens, in order.</summary>
    public ReadOnlySpan<TokenRun> Runs => _runs.AsSpan(0, _runCount);

    /// <summary>Empties the builder for another text; false where windows or a very long text make it better forgotten.</summary>
    public bool TryReset()
    {
        if (Overflowing.Count > 0 || Ids.Length > LargestKept) return false;
        Count = 0;
        _runs.AsSpan(0, _runCount).Clear();   // texts of one encoding are not kept for the next
        _runCount = 0;
        SequenceBits = 0;
        Source = null;
        return true;
    }

    public void EnsureRoom(int capacity)
    {
        if (capacity <= Ids.Length) return;
        capacity = Math.Max(Math.Max(16, capacity), Ids.Length * 2);
        Array.Resize(ref Ids, capacity);
        Array.Resize(ref Starts, capacity);
        Array.Resize(ref Ends, capacity);
        Array.Resize(ref WordIds, capacity);
    }

    /// <summary>Adds one token.</summary>
    public void Add(int id, int start, int end, int wordId, in TokenRun like)
    {
        int at = Reserve(1, like);
        Ids[at] = id;
        Starts[at] = start;
        Ends[at] = end;
        WordIds[at] = wordId;
    }

    /// <summary>Counts <paramref name="more"/> tokens in and returns the index of the first; the caller fills in ids, places and
    /// words.</summary>
    public int Reserve(int more, in TokenRun like)
    {
        int at = Count;
        if (more == 0) return at;
        EnsureRoom(at + more);
        Count = at + more;
        if (_runCount > 0 && _runs[_runCount - 1].IsLike(like)) _runs[_runCount - 1] = like with { Count = _runs[_runCount - 1].Count + more };
        else AddRun(like with { Count = more });
        return at;
    }

    /// <summary>Makes all tokens those of one text.</summary>
    public void SetSequence(int sequence)
    {
        SequenceBits |= 1 << Math.Min(sequence, 30);
        foreach (ref TokenRun run in _runs.AsSpan(0, _runCount)) run = run with { Sequence = sequence };
    }

    public void SetTypeIds(int typeId)
    {
        foreach (ref TokenRun run in _runs.AsSpan(0, _runCount)) run = run with { TypeId = typeId };
    }

    /// <summary>Appends <paramref name="other"/>; every overflowing window of either side is combined with the other side and its
    /// windows.</summary>
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

    /// <summary>Appends the tokens of <paramref name="other"/>, without windows, as ordinary ones of one text.</summary>
    public void AppendAsText(EncodingBuilder other, int sequence)
    {
        SequenceBits |= 1 << Math.Min(sequence, 30);
        CopyTokens(other);
        foreach (TokenRun run in other.Runs) AddRun(run with { Special = 0, Attention = 1, Sequence = sequence });
    }

    /// <summary>Cuts to at most <paramref name="maxLength"/> tokens; the rest becomes overflowing windows that repeat
    /// <paramref name="stride"/> tokens.</summary>
    /// <exception cref="ConfigException">The stride is not below the length.</exception>
    /// <param name="maxLength">Most tokens kept.</param>
    /// <param name="stride">Tokens that each window repeats.</param>
    /// <param name="direction">The side that is cut off.</param>
    /// <param name="place">Where the truncation was set, for errors.</param>
    public void Truncate(int maxLength, int stride, Side direction, string place)
    {
        if (maxLength >= Count) return;
        if (maxLength == 0)
        {
            EncodingBuilder all = Slice(0, Count);
            all.SequenceBits = SequenceBits;
            all.Overflowing = Overflowing;
            Count = 0;
            _runCount = 0;
            SequenceBits = 0;
            Overflowing = [all];
            return;
        }

        if (stride >= maxLength)
            throw new ConfigException($"{place}: the stride is {stride}, but only {maxLength} tokens are left for the text; a stride below that is needed: raise the maximum length or lower the stride.");
        List<EncodingBuilder> windows = Windows(maxLength, maxLength - stride, direction);
        TakeTokens(windows[0]);
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
            AddPadding(missing, padding);
            return;
        }

        EncodingBuilder padded = new(Model);
        padded.EnsureRoom(length);
        padded.AddPadding(missing, padding);
        padded.AppendTokens(this);
        TakeTokens(padded);
    }

    public TokenEncoding ToEncoding() => new(this);

    /// <summary>What the places of token <paramref name="index"/> count in; empty where that is not known.</summary>
    public ReadOnlySpan<char> SourceOf(int index)
    {
        if (SourceWords is not { } words) return Source;
        int word = WordIds[index];
        return word >= 0 ? words[word] : "";
    }

    private void AddPadding(int count, PaddingOptions padding)
    {
        int at = Reserve(count, new TokenRun(0, padding.TypeId, 1, 0, -1, padding.Token));
        Ids.AsSpan(at, count).Fill(padding.Id);
        Starts.AsSpan(at, count).Clear();
        Ends.AsSpan(at, count).Clear();
        WordIds.AsSpan(at, count).Fill(-1);
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
        SequenceBits |= other.SequenceBits;
        CopyTokens(other);
        foreach (ref readonly TokenRun run in other.Runs) AddRun(run);
    }

    private void CopyTokens(EncodingBuilder other)
    {
        Model ??= other.Model;
        int at = Count;
        EnsureRoom(at + other.Count);
        Array.Copy(other.Ids, 0, Ids, at, other.Count);
        Array.Copy(other.Starts, 0, Starts, at, other.Count);
        Array.Copy(other.Ends, 0, Ends, at, other.Count);
        Array.Copy(other.WordIds, 0, WordIds, at, other.Count);
        Count = at + other.Count;
    }

    private void TakeTokens(EncodingBuilder other)
    {
        (Ids, Starts, Ends, WordIds) = (other.Ids, other.Starts, other.Ends, other.WordIds);
        (_runs, _runCount) = (other._runs, other._runCount);
        Count = other.Count;
    }

    private EncodingBuilder Slice(int start, int end)
    {
        EncodingBuilder slice = new(Model)
        {
            Ids = Ids[start..end],
            Starts = Starts[start..end],
            Ends = Ends[start..end],
            WordIds = WordIds[start..end],
            Count = end - start,
            Source = Source,
            SourceWords = SourceWords,
        };
        int at = 0;
        foreach (TokenRun run in Runs)
        {
            int kept = Math.Min(at + run.Count, end) - Math.Max(at, start);
            if (kept > 0) slice.AddRun(run with { Count = kept });
            at += run.Count;
        }

        return slice;
    }

    private void AddRun(in TokenRun run)
    {
        if (_runCount == _runs.Length) Array.Resize(ref _runs, Math.Max(4, _runCount * 2));
        _runs[_runCount++] = run;
    }

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
