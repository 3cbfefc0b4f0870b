namespace Heed.Tokenizers.Text;

/// <summary>
/// A stretch of text that knows, for each UTF-16 unit, which range of the original text it came from.
/// </summary>
/// <remarks>
/// Rewriting goes through <see cref="BeginRewrite"/>, then <see cref="Copy"/> and <see cref="Emit(char, int)"/> in order, then
/// <see cref="EndRewrite"/>.
/// While every unit still stands where it stood (the usual case) no alignment is stored at all.
/// Both halves of a surrogate pair carry the range of the whole character. Instances are reused.
/// </remarks>
internal sealed class NormalizedText
{
    private char[] _chars = new char[256];
    private int[] _starts = [];
    private int[] _ends = [];
    private bool _identity = true;
    private char[] _outChars = new char[256];
    private int[] _outStarts = [];
    private int[] _outEnds = [];
    private int _outLength;
    private bool _outIdentity;
    private long _limit;

    public NormalizedText()
    {
    }

    public NormalizedText(string text) => Reset(text, 0);

    /// <summary>The file whose steps rewrite the text, for errors.</summary>
    public string Source { get => Changes.Source; set => Changes.Source = value; }

    /// <summary>Number of UTF-16 units.</summary>
    public int Length { get; private set; }

    /// <summary>Where the stretch begins in the original text.</summary>
    public int Origin { get; private set; }

    /// <summary>The text as it is now.</summary>
    public ReadOnlySpan<char> Span => _chars.AsSpan(0, Length);

    /// <summary>Working list of whoever looks for matches in the text, kept for the next text.</summary>
    public List<(int Start, int End)> Matches { get; } = [];

    /// <summary>Working memory of normalizers that rewrite by <see cref="Rewrite"/>, kept for the next text.</summary>
    public CodePointChanges Changes { get; } = new();

    /// <summary>Units written since <see cref="BeginRewrite"/>.</summary>
    public int Written => _outLength;

    /// <summary>Whether unit i still comes from original unit <see cref="Origin"/> + i.</summary>
    public bool IsIdentity => _identity;

    /// <summary>Starts anew with a stretch of original text that begins at <paramref name="origin"/>.</summary>
    public void Reset(ReadOnlySpan<char> text, int origin)
    {
        if (_chars.Length < text.Length) _chars = new char[Math.Max(text.Length, _chars.Length * 2)];
        text.CopyTo(_chars);
        Length = text.Length;
        Origin = origin;
        _identity = true;
        _limit = Changes.Limit = GrowthLimit.Of(text.Length);
    }

    /// <summary>Starts anew with units <c>[start, end)</c> of another text, alignments included.</summary>
    public void Reset(NormalizedText other, int start, int end)
    {
        int origin = start < other.Length ? other.OriginalStart(start) : other.Origin;
        Reset(other.Span[start..end], origin);
        _limit = Changes.Limit = other._limit;
        if (other._identity) return;
        _identity = false;
        if (_starts.Length < _chars.Length)
        {
            _starts = new int[_chars.Length];
            _ends = new int[_chars.Length];
        }

        other._starts.AsSpan(start, end - start).CopyTo(_starts);
        other._ends.AsSpan(start, end - start).CopyTo(_ends);
    }

    /// <summary>Start in the original text of the character at <paramref name="unit"/>.</summary>
    public int OriginalStart(int unit)
        => !_identity ? _starts[unit] : Origin + unit - (IsSecondHalf(unit) ? 1 : 0);

    /// <summary>End in the original text of the character at <paramref name="unit"/>.</summary>
    public int OriginalEnd(int unit)
        => !_identity ? _ends[unit] : Origin + unit + (IsFirstHalf(unit) ? 2 : 1);

    public void BeginRewrite()
    {
        _outLength = 0;
        _outIdentity = _identity;
        if (_outChars.Length < Length) _outChars = new char[Math.Max(Length, _outChars.Length * 2)];
    }

    /// <summary>Writes units <c>[at, at + count)</c> of the old text unchanged.</summary>
    public void Copy(int at, int count)
    {
        if (count == 0) return;
        if (_outIdentity && at != _outLength) StoreAlignments();
        int to = _outLength;
        Reserve(count);
        _chars.AsSpan(at, count).CopyTo(_outChars.AsSpan(to));
        if (_outIdentity) return;
        if (_identity)
        {
            Span<int> starts = _outStarts.AsSpan(to, count), ends = _outEnds.AsSpan(to, count);
            bool plain = !CodePoint.HasSurrogate(_chars.AsSpan(at, count));
            for (int i = 0; i < starts.Length; i++)
            {
                starts[i] = plain ? Origin + at + i : OriginalStart(at + i);
                ends[i] = plain ? Origin + at + i + 1 : OriginalEnd(at + i);
            }
        }
        else
        {
            _starts.AsSpan(at, count).CopyTo(_outStarts.AsSpan(to));
            _ends.AsSpan(at, count).CopyTo(_outEnds.AsSpan(to));
        }
    }

    /// <summary>Writes one unit that comes from where old unit <paramref name="from"/> came from; −1: from the very start, with no
    /// width.</summary>
    public void Emit(char unit, int from)
    {
        bool inPlace = from == _outLength && _outIdentity && !char.IsSurrogate(_chars[from]) && !char.IsSurrogate(unit);
        if (_outIdentity && !inPlace) StoreAlignments();
        int to = _outLength;
        Reserve(1);
        _outChars[to] = unit;
        if (!_outIdentity) Align(to, from);
    }

    /// <summary>Writes a code point that comes from where old unit <paramref name="from"/> came from.</summary>
    public void Emit(int codePoint, int from)
    {
        if (codePoint < 0x10000)
        {
            Emit((char)codePoint, from);
            return;
        }

        bool inPlace = from == _outLength && _outIdentity && IsFirstHalf(from);
        if (_outIdentity && !inPlace) StoreAlignments();
        int to = _outLength;
        Reserve(2);
        _outChars[to] = (char)(0xD800 + ((codePoint - 0x10000) >> 10));
        _outChars[to + 1] = (char)(0xDC00 + ((codePoint - 0x10000) & 0x3FF));
        if (_outIdentity) return;
        Align(to, from);
        Align(to + 1, from);
    }

    /// <summary>Writes text whose every unit comes from where old unit <paramref name="from"/> came from; −1 as in
    /// <see cref="Emit(char, int)"/>.</summary>
    public void Emit(ReadOnlySpan<char> text, int from)
    {
        if (text.IsEmpty) return;
        if (_outIdentity) StoreAlignments();
        int to = _outLength;
        Reserve(text.Length);
        text.CopyTo(_outChars.AsSpan(to));
        (int start, int end) = from < 0 ? (Origin, Origin) : (OriginalStart(from), OriginalEnd(from));
        _outStarts.AsSpan(to, text.Length).Fill(start);
        _outEnds.AsSpan(to, text.Length).Fill(end);
    }

    /// <summary>Writes a code point that comes from old units <c>[from, to)</c>; of no width where they are none.</summary>
    public void EmitRange(int codePoint, int from, int to)
    {
        int width = from < Length && IsFirstHalf(from) ? 2 : 1;
        if (_outIdentity && from == _outLength && to == from + width && (codePoint >= 0x10000) == (width == 2))
        {
            Emit(codePoint, from);
            return;
        }

        if (_outIdentity) StoreAlignments();
        int at = _outLength, units = codePoint >= 0x10000 ? 2 : 1;
        Reserve(units);
        if (units == 1) _outChars[at] = (char)codePoint;
        else (_outChars[at], _outChars[at + 1]) = ((char)(0xD800 + ((codePoint - 0x10000) >> 10)), (char)(0xDC00 + ((codePoint - 0x10000) & 0x3FF)));
        int end = to > 0 ? OriginalEnd(to - 1) : Length > 0 ? OriginalStart(0) : Origin;
        int start = from < to ? OriginalStart(from) : from < Length ? OriginalStart(from) : end;
        if (from >= to) end = start;
        _outStarts.AsSpan(at, units).Fill(start);
        _outEnds.AsSpan(at, units).Fill(end);
    }

    /// <summary>Makes what was written the text.</summary>
    /// <exception cref="BudgetException">It is longer than the original text allows, see <see cref="GrowthLimit"/>.</exception>
    public void EndRewrite()
    {
        if (_outLength > _limit) throw GrowthLimit.Passed(Source, _limit);
        (_chars, _outChars) = (_outChars, _chars);
        (_starts, _outStarts) = (_outStarts, _starts);
        (_ends, _outEnds) = (_outEnds, _ends);
        (Length, _identity) = (_outLength, _outIdentity);
    }

    /// <summary>Keeps the characters that <paramref name="keep"/> wants.</summary>
    public void Filter(Func<int, bool> keep)
    {
        BeginRewrite();
        int run = 0;
        for (int at = 0; at < Length;)
        {
            int c = CodePoint.At(Span, at, out int units);
            if (!keep(c))
            {
                Copy(run, at - run);
                run = at + units;
            }

            at += units;
        }

        Copy(run, Length - run);
        EndRewrite();
    }

    /// <summary>Replaces each character by one other.</summary>
    public void Map(Func<int, int> map)
    {
        BeginRewrite();
        for (int at = 0; at < Length;)
        {
            Emit(map(CodePoint.At(Span, at, out int units)), at);
            at += units;
        }

        EndRewrite();
    }

    /// <summary>Writes <c>map[unit]</c> for units from <paramref name="at"/> on, until one is mapped to U+0000 or U+FFFF; returns where
    /// that was.</summary>
    public int EmitMapped(int at, char[] map)
    {
        int start = at;
        if (_outIdentity && at != _outLength) StoreAlignments();
        int to = _outLength;
        if (_outChars.Length < to + Length - at) Array.Resize(ref _outChars, Math.Max(to + Length - at, _outChars.Length * 2));
        char[] from = _chars, output = _outChars;
        for (; at < Length; at++)
        {
            char c = map[from[at]];
            if (c is '\0' or '\uFFFF') break;
            output[to + at - start] = c;
        }

        _outLength += at - start;
        if (_outIdentity) return at;
        EnsureAlignments();
        for (int i = start; i < at; i++, to++) (_outStarts[to], _outEnds[to]) = (OriginalStart(i), OriginalEnd(i));
        return at;
    }

    /// <summary>Replaces the text by code points, each with its change: 0 takes one old character's place, 1 is new, −n takes the place of
    /// n more.</summary>
    public void Rewrite(ReadOnlySpan<int> points, ReadOnlySpan<int> changes)
    {
        BeginRewrite();
        int at = 0, last = -1;
        for (int i = 0; i < points.Length; i++)
        {
            if (changes[i] > 0)
            {
                Emit(points[i], last);
                continue;
            }

            Emit(points[i], Math.Min(at, Length - 1));
            for (int taken = 1 - changes[i]; taken > 0 && at < Length; taken--)
            {
                last = at;
                at += IsFirstHalf(at) ? 2 : 1;
            }
        }

        EndRewrite();
    }

    public override string ToString() => new(Span);

    private bool IsFirstHalf(int unit) => char.IsHighSurrogate(_chars[unit]) && unit + 1 < Length && char.IsLowSurrogate(_chars[unit + 1]);

    private bool IsSecondHalf(int unit) => char.IsLowSurrogate(_chars[unit]) && unit > 0 && char.IsHighSurrogate(_chars[unit - 1]);

    private void Align(int to, int from)
    {
        (_outStarts[to], _outEnds[to]) = from < 0 ? (Origin, Origin) : (OriginalStart(from), OriginalEnd(from));
    }

    /// <summary>The text written so far stops being in place: its alignments are stored from here on.</summary>
    private void StoreAlignments()
    {
        _outIdentity = false;
        EnsureAlignments();
        for (int i = 0; i < _outLength; i++)
        {
            _outStarts[i] = OriginalStart(i);
            _outEnds[i] = OriginalEnd(i);
        }
    }

    private void Reserve(int count)
    {
        int length = _outLength + count;
        if ((uint)length > (uint)_outChars.Length) Grow(count);
        _outLength = length;
        if (!_outIdentity) EnsureAlignments();
    }

    private void Grow(int count)
    {
        long length = (long)_outLength + count;
        if (length > _limit) throw GrowthLimit.Passed(Source, _limit);
        Array.Resize(ref _outChars, (int)Math.Min(Array.MaxLength, Math.Max(length, _outChars.Length * 2L)));
    }

    private void EnsureAlignments()
    {
        if (_outStarts.Length >= _outChars.Length) return;
        Array.Resize(ref _outStarts, _outChars.Length);
        Array.Resize(ref _outEnds, _outChars.Length);
    }
}
