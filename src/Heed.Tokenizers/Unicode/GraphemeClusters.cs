using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Unicode;

/// <summary>Extended grapheme clusters of Unicode 16.0, UAX #29.</summary>
internal static class GraphemeClusters
{
    private const int Cr = 1, Lf = 2, Control = 3, Extend = 4, Zwj = 5, Regional = 6, Prepend = 7, SpacingMark = 8, L = 9, V = 10, T = 11, Lv = 12, Lvt = 13;
    private const int BreakMask = 15, Pictographic = 16, Linker = 32, Consonant = 64, InExtend = 128;

    /// <summary>End of the cluster that begins at <paramref name="at"/>.</summary>
    public static int End(ReadOnlySpan<char> text, int at)
    {
        int before = UnicodeData.Clusters[CodePoint.At(text, at, out int units)];
        int end = at + units;
        bool pictographic = (before & Pictographic) != 0;   // \p{ExtPict} Extend*
        bool pictographicJoined = false;                    // … ZWJ
        bool consonant = (before & Consonant) != 0, linked = false;
        int regionals = (before & BreakMask) == Regional ? 1 : 0;
        while (end < text.Length)
        {
            int after = UnicodeData.Clusters[CodePoint.At(text, end, out units)];
            int left = before & BreakMask, right = after & BreakMask;
            bool conjunct = consonant && linked && (after & Consonant) != 0;
            if (Breaks(left, right, pictographicJoined && (after & Pictographic) != 0, conjunct, regionals)) return end;
            pictographicJoined = pictographic && right == Zwj;
            pictographic = (after & Pictographic) != 0 || (pictographic && right == Extend);
            if ((after & Consonant) != 0) (consonant, linked) = (true, false);
            else if (consonant && (after & Linker) != 0) linked = true;
            else if ((after & InExtend) == 0) consonant = false;
            regionals = right == Regional ? regionals + 1 : 0;
            before = after;
            end += units;
        }

        return end;
    }

    private static bool Breaks(int left, int right, bool emoji, bool conjunct, int regionals)
    {
        if (left == Cr && right == Lf) return false;                                            // GB3
        if (left is Cr or Lf or Control || right is Cr or Lf or Control) return true;           // GB4, GB5
        if (left == L && (right is L or V or Lv or Lvt)) return false;                          // GB6
        if ((left is Lv or V) && (right is V or T)) return false;                               // GB7
        if ((left is Lvt or T) && right == T) return false;                                     // GB8
        if (right is Extend or Zwj or SpacingMark || left == Prepend) return false;             // GB9, GB9a, GB9b
        if (conjunct || emoji) return false;                                                    // GB9c, GB11
        return !(left == Regional && right == Regional && regionals % 2 == 1);                  // GB12, GB13
    }
}
