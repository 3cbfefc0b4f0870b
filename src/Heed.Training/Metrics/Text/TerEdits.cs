namespace Heed.Training.Metrics;

/// <summary>The edits between two texts of numbered words, shifts among them: tercom's greedy search.</summary>
internal sealed class TerEdits
{
    private const int LongestShift = 10, FurthestShift = 50, BeamWidth = 25, MostTargets = 1000;
    private const int Infinity = 1 << 29;
    private const byte Match = 0, Substitution = 1, HypothesisOnly = 2, ReferenceOnly = 3;

    private readonly int[] _reference;
    private readonly int _width;
    private readonly int[] _cost;
    private readonly byte[] _step;

    /// <summary>The words whose table stands: rows of a common start need not be computed again.</summary>
    private int[] _known = [];

    private TerEdits(int length, int[] reference)
    {
        _reference = reference;
        _width = reference.Length + 1;
        _cost = new int[(length + 1) * _width];
        _step = new byte[(length + 1) * _width];
        for (int j = 0; j < _width; j++)
        {
            _cost[j] = j;
            _step[j] = ReferenceOnly;
        }
    }

    /// <summary>Edits that turn one text into the other.</summary>
    public static int Count(int[] hypothesis, int[] reference)
    {
        if (reference.Length == 0) return hypothesis.Length;
        TerEdits edits = new(hypothesis.Length, reference);
        int shifts = 0, tried = 0;
        while (true)
        {
            (int gain, int[] words) = edits.BestShift(hypothesis, ref tried);
            if (tried >= MostTargets || gain <= 0) break;
            shifts++;
            hypothesis = words;
        }

        return shifts + edits.Distance(hypothesis);
    }

    /// <summary>The shift that lowers the distance most, with the words after it.</summary>
    private (int Gain, int[] Words) BestShift(int[] words, ref int tried)
    {
        int before = Distance(words);
        (int[] align, bool[] wrongReference, bool[] wrongWord) = Alignment(words.Length);
        (int Gain, int Length, int Start, int Target, int[] Words)? best = null;
        for (int s = 0; s < words.Length; s++)
        {
            for (int t = 0; t < _reference.Length; t++)
            {
                if (Math.Abs(s - t) > FurthestShift) continue;
                for (int n = 1; n <= LongestShift && s + n <= words.Length && t + n <= _reference.Length; n++)
                {
                    if (words[s + n - 1] != _reference[t + n - 1]) break;
                    if (!wrongWord.AsSpan(s, n).Contains(true) || !wrongReference.AsSpan(t, n).Contains(true)) continue;
                    if (s <= align[t] && align[t] < s + n) continue;
                    int last = -1;
                    for (int offset = -1; offset < n; offset++)
                    {
                        int target = t + offset == -1 ? 0 : align[t + offset] + 1;
                        if (target == last) continue;
                        last = target;
                        int[] shifted = Shift(words, s, n, target);
                        (int, int, int, int, int[]) now = (before - Distance(shifted), n, s, target, shifted);
                        if (best is not { } known || IsBetter(now, known)) best = now;
                        tried++;
                    }

                    if (tried >= MostTargets) return (best?.Gain ?? 0, best?.Words ?? words);
                }
            }
        }

        return best is { } found ? (found.Gain, found.Words) : (0, words);
    }

    /// <summary>
    /// Greatest gain, then longest, then earliest words, then earliest target. Of two with all that equal the words are equal
    /// too.
    /// </summary>
    private static bool IsBetter((int Gain, int Length, int Start, int Target, int[] Words) a,
        (int Gain, int Length, int Start, int Target, int[] Words) b)
        => (a.Gain, a.Length, -a.Start, -a.Target).CompareTo((b.Gain, b.Length, -b.Start, -b.Target)) > 0;

    private static int[] Shift(int[] words, int start, int length, int target)
    {
        int[] moved = words[start..(start + length)];
        if (target < start) return [.. words[..target], .. moved, .. words[target..start], .. words[(start + length)..]];
        int end = target > start + length ? target : Math.Min(words.Length, target + length);
        return [.. words[..start], .. words[(start + length)..end], .. moved, .. words[end..]];
    }

    /// <summary>Edit distance without shifts, within a beam around the diagonal.</summary>
    private int Distance(int[] words)
    {
        int same = 0;
        // The last row is filled further than it would be inside a longer text; all texts here have one length.
        while (same < words.Length && same < _known.Length && words[same] == _known[same]) same++;
        _known = words;
        double ratio = words.Length == 0 ? 1 : (double)_reference.Length / words.Length;
        int beam = BeamWidth < ratio / 2 ? (int)Math.Ceiling((ratio / 2) + BeamWidth) : BeamWidth;
        for (int i = same + 1; i <= words.Length; i++)
        {
            int diagonal = (int)Math.Floor(i * ratio);
            int from = Math.Max(0, diagonal - beam), to = i == words.Length ? _width : Math.Min(_width, diagonal + beam);
            Span<int> row = _cost.AsSpan(i * _width, _width);
            ReadOnlySpan<int> above = _cost.AsSpan((i - 1) * _width, _width);
            Span<byte> steps = _step.AsSpan(i * _width, _width);
            row.Fill(Infinity);
            for (int j = from; j < to; j++)
            {
                if (j == 0)
                {
                    row[0] = above[0] + 1;
                    steps[0] = HypothesisOnly;
                    continue;
                }

                bool equal = words[i - 1] == _reference[j - 1];
                Offer(above[j - 1] + (equal ? 0 : 1), equal ? Match : Substitution, ref row[j], ref steps[j]);
                Offer(above[j] + 1, HypothesisOnly, ref row[j], ref steps[j]);
                Offer(row[j - 1] + 1, ReferenceOnly, ref row[j], ref steps[j]);
            }
        }

        return _cost[(words.Length * _width) + _reference.Length];
    }

    private static void Offer(int cost, byte step, ref int best, ref byte taken)
    {
        if (cost >= best) return;
        best = cost;
        taken = step;
    }

    /// <summary>
    /// Along the path of the table that stands: for each reference word the last word at or before it, and the words that are not
    /// matched.
    /// </summary>
    private (int[] Align, bool[] WrongReference, bool[] WrongWord) Alignment(int length)
    {
        int[] align = new int[_reference.Length];
        bool[] wrongReference = new bool[_reference.Length], wrongWord = new bool[length];
        int i = length, j = _reference.Length;
        while (i > 0 || j > 0)
        {
            byte step = _step[(i * _width) + j];
            if (step != ReferenceOnly) i--;
            if (step != HypothesisOnly) j--;
            if (step != HypothesisOnly)
            {
                // A word of the reference alone stands after the words before it.
                align[j] = step == ReferenceOnly ? i - 1 : i;
                wrongReference[j] = step != Match;
            }

            if (step != ReferenceOnly) wrongWord[i] = step != Match;
        }

        return (align, wrongReference, wrongWord);
    }
}
