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
/// Unicode normalization that tells, for each character, how many of the old characters it took: UAX #15 with the alignments of the
/// reference.
/// </summary>
/// <remarks>The change of a character is 0 where it replaces one old character, 1 where it is new, −n where it takes n more.</remarks>
internal static class Normalization
{
    private const int HangulBase = 0xAC00, LBase = 0x1100, VBase = 0x1161, TBase = 0x11A7, LCount = 19, VCount = 21, TCount = 28;

    /// <summary>Normalizes in place.</summary>
    public static void Apply(NormalizedText text, NormalizationKind kind)
    {
        if (IsUnchanged(text.Span, kind)) return;
        CodePointChanges work = text.Changes;
        work.Clear();
        Decompose(text.Span, kind is NormalizationKind.Nfkc or NormalizationKind.Nfkd, work);
        if (kind is NormalizationKind.Nfc or NormalizationKind.Nfkc) Compose(work);
        work.WriteTo(text);
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

    private static void Decompose(ReadOnlySpan<char> text, bool compatible, CodePointChanges work)
    {
        List<int> parts = work.Decomposed;
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
                if (combining == 0) Sort(work, pending, work.Count);
                work.Add(parts[i], i == 0 ? 0 : 1, combining);
                if (combining == 0) pending = work.Count;
            }
        }

        Sort(work, pending, work.Count);
    }

    /// <summary>Sorts a run of marks by class, equal ones as they stood.</summary>
    private static void Sort(CodePointChanges work, int from, int to)
    {
        byte[] classes = work.Classes;
        bool sorted = true;
        for (int i = from + 1; i < to && sorted; i++) sorted = classes[i - 1] <= classes[i];
        if (sorted) return;
        (int Key, int Point, int Change)[] run = new (int, int, int)[to - from];
        long[] keys = new long[run.Length];
        for (int i = 0; i < run.Length; i++)
        {
            run[i] = (classes[from + i], work.Points[from + i], work.Changes[from + i]);
            keys[i] = ((long)classes[from + i] << 32) | (uint)i;
        }

        Array.Sort(keys, run);
        for (int i = 0; i < run.Length; i++)
            (classes[from + i], work.Points[from + i], work.Changes[from + i]) = ((byte)run[i].Key, run[i].Point, run[i].Change);
    }

    /// <summary>Composes in place: a composite takes the characters of both its parts.</summary>
    private static void Compose(CodePointChanges work)
    {
        (int[] points, int[] changes, byte[] classes) = (work.Points, work.Changes, work.Classes);
        int written = 0, starter = -1, lastClass = -1;
        for (int i = 0; i < work.Count; i++)
        {
            int c = points[i];
            byte combining = classes[i];
            bool blocked = lastClass >= 0 && lastClass >= combining;
            if (starter >= 0 && !blocked && TryCompose(points[starter], c, out int composite))
            {
                points[starter] = composite;
                changes[starter] += changes[i] - 1;
                continue;
            }

            (points[written], changes[written], classes[written]) = (c, changes[i], combining);
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

        work.Count = written;
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
