using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Unicode;

/// <summary>A Unicode normalization form.</summary>
internal enum NormalizationKind
{
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

/// <summary>
/// Unicode normalization that tells, for each character, how many of the old characters it took: UAX #15 with the alignments of the reference.
/// </summary>
/// <remarks>The change of a character is 0 where it replaces one old character, 1 where it is new, −n where it takes n more.</remarks>
internal sealed class Normalization
{
    private const int HangulBase = 0xAC00, LBase = 0x1100, VBase = 0x1161, TBase = 0x11A7, LCount = 19, VCount = 21, TCount = 28;

    private int[] _points = new int[64];
    private int[] _changes = new int[64];
    private byte[] _classes = new byte[64];
    private int _count;

    /// <summary>Normalizes in place.</summary>
    public static void Apply(NormalizedText text, NormalizationKind kind)
    {
        if (IsUnchanged(text.Span, kind)) return;
        Normalization work = new();
        work.Decompose(text.Span, kind is NormalizationKind.Nfkc or NormalizationKind.Nfkd);
        if (kind is NormalizationKind.Nfc or NormalizationKind.Nfkc) work.Compose();
        text.Rewrite(work._points.AsSpan(0, work._count), work._changes.AsSpan(0, work._count));
    }

    /// <summary>Appends the full decomposition of one code point.</summary>
    public static void Decompose(int codePoint, bool compatible, List<int> to)
    {
        if (IsHangul(codePoint))
        {
            int index = codePoint - HangulBase;
            to.Add(LBase + (index / (VCount * TCount)));
            to.Add(VBase + (index % (VCount * TCount) / TCount));
            if (index % TCount != 0) to.Add(TBase + (index % TCount));
        }
        else if ((compatible && UnicodeData.Compatible.TryGetValue(codePoint, out int[]? found)) || UnicodeData.Canonical.TryGetValue(codePoint, out found))
        {
            to.AddRange(found);
        }
        else
        {
            to.Add(codePoint);
        }
    }

    /// <summary>Whether every character stands for itself: below the first one that the form changes or that combines.</summary>
    private static bool IsUnchanged(ReadOnlySpan<char> text, NormalizationKind kind)
    {
        char limit = kind switch { NormalizationKind.Nfc => '\u02FF', NormalizationKind.Nfd => '\u00BF', _ => '\u009F' };
        return text.IndexOfAnyExceptInRange('\0', limit) < 0;
    }

    private static bool IsHangul(int c) => (uint)(c - HangulBase) < LCount * VCount * TCount;

    private void Decompose(ReadOnlySpan<char> text, bool compatible)
    {
        List<int> parts = [];
        int pending = 0;   // where the run of marks that still has to be sorted begins
        for (int at = 0; at < text.Length;)
        {
            int c = CodePoint.At(text, at, out int units);
            at += units;
            parts.Clear();
            Decompose(c, compatible, parts);
            for (int i = 0; i < parts.Count; i++)
            {
                byte combining = (byte)UnicodeData.Combining[parts[i]];
                if (combining == 0) Sort(pending, _count);
                Add(parts[i], i == 0 ? 0 : 1, combining);
                if (combining == 0) pending = _count;
            }
        }

        Sort(pending, _count);
    }

    private void Add(int point, int change, byte combining)
    {
        if (_count == _points.Length)
        {
            Array.Resize(ref _points, _count * 2);
            Array.Resize(ref _changes, _count * 2);
            Array.Resize(ref _classes, _count * 2);
        }

        (_points[_count], _changes[_count], _classes[_count]) = (point, change, combining);
        _count++;
    }

    /// <summary>Sorts a run of marks by class, equal ones as they stood.</summary>
    private void Sort(int from, int to)
    {
        bool sorted = true;
        for (int i = from + 1; i < to && sorted; i++) sorted = _classes[i - 1] <= _classes[i];
        if (sorted) return;
        (int Key, int Point, int Change)[] run = new (int, int, int)[to - from];
        long[] keys = new long[run.Length];
        for (int i = 0; i < run.Length; i++)
        {
            run[i] = (_classes[from + i], _points[from + i], _changes[from + i]);
            keys[i] = ((long)_classes[from + i] << 32) | (uint)i;
        }

        Array.Sort(keys, run);
        for (int i = 0; i < run.Length; i++)
            (_classes[from + i], _points[from + i], _changes[from + i]) = ((byte)run[i].Key, run[i].Point, run[i].Change);
    }

    /// <summary>Composes in place: a composite takes the characters of both its parts.</summary>
    private void Compose()
    {
        int written = 0, starter = -1, lastClass = -1;
        for (int i = 0; i < _count; i++)
        {
            int c = _points[i];
            byte combining = _classes[i];
            bool blocked = lastClass >= 0 && lastClass >= combining;
            if (starter >= 0 && !blocked && TryCompose(_points[starter], c, out int composite))
            {
                _points[starter] = composite;
                _changes[starter] += _changes[i] - 1;
                continue;
            }

            (_points[written], _changes[written], _classes[written]) = (c, _changes[i], combining);
            if (combining == 0)
            {
                starter = written;
                lastClass = -1;
            }
            else if (starter >= 0)
            {
                lastClass = combining;
            }

            written++;
        }

        _count = written;
    }

    private static bool TryCompose(int first, int second, out int composite)
    {
        if ((uint)(first - LBase) < LCount && (uint)(second - VBase) < VCount)
        {
            composite = HangulBase + ((((first - LBase) * VCount) + (second - VBase)) * TCount);
            return true;
        }

        if (IsHangul(first) && (first - HangulBase) % TCount == 0 && second > TBase && second < TBase + TCount)
        {
            composite = first + (second - TBase);
            return true;
        }

        return UnicodeData.Compositions.TryGetValue((first, second), out composite);
    }
}
