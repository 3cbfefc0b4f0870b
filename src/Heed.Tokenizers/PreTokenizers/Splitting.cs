using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.PreTokenizers;

/// <summary>What becomes of the delimiters that a text is cut at; <c>the-final--countdown</c> cut at <c>-</c>:</summary>
internal enum SplitBehavior
{
    /// <summary>the, final, countdown.</summary>
    Removed,

    /// <summary>the, -, final, -, -, countdown.</summary>
    Isolated,

    /// <summary>the-, final-, -, countdown.</summary>
    MergedWithPrevious,

    /// <summary>the, -final, -, -countdown.</summary>
    MergedWithNext,

    /// <summary>the, -, final, --, countdown.</summary>
    Contiguous,
}

/// <summary>Cuts pieces at matches.</summary>
internal static class Splitting
{
    /// <summary>Cuts every piece at the matches that <paramref name="find"/> gives, in units of the piece.</summary>
    /// <param name="text">The pieces.</param>
    /// <param name="find">Adds the matches of a piece, in order, to a list.</param>
    /// <param name="behavior">What becomes of the matches.</param>
    /// <param name="invert">Take what lies between the matches for the matches.</param>
    public static void Cut(PreTokenizedText text, FindMatches find, SplitBehavior behavior, bool invert)
    {
        List<(int Start, int End)> matches = text.Text.Matches;
        List<(int Start, int End, bool Match)> parts = text.Parts;
        text.BeginCut();
        for (int i = 0; i < text.Count; i++)
        {
            matches.Clear();
            parts.Clear();
            (int start, int end) = text.Pieces[i];
            find(text[i], matches);
            Cover(matches, end - start, invert, parts);
            Add(text, start, parts, behavior);
        }

        text.EndCut();
    }

    /// <summary>Cuts every piece at single characters.</summary>
    public static void Cut(PreTokenizedText text, Func<int, bool> isMatch, SplitBehavior behavior)
        => Cut(text, (piece, matches) =>
        {
            for (int at = 0; at < piece.Length;)
            {
                int c = CodePoint.At(piece, at, out int units);
                if (isMatch(c)) matches.Add((at, at + units));
                at += units;
            }
        }, behavior, invert: false);

    /// <summary>Matches and what lies between them, from end to end.</summary>
    private static void Cover(List<(int Start, int End)> matches, int length, bool invert, List<(int Start, int End, bool Match)> parts)
    {
        int done = 0;
        foreach ((int start, int end) in matches)
        {
            if (done != start) parts.Add((done, start, invert));
            parts.Add((start, end, !invert));
            done = end;
        }

        if (done != length) parts.Add((done, length, invert));
    }

    private static void Add(PreTokenizedText text, int origin, List<(int Start, int End, bool Match)> parts, SplitBehavior behavior)
    {
        switch (behavior)
        {
            case SplitBehavior.Isolated:
                foreach ((int start, int end, _) in parts) text.Add(origin + start, origin + end);
                break;
            case SplitBehavior.Removed:
                foreach ((int start, int end, bool match) in parts)
                    if (!match) text.Add(origin + start, origin + end);
                break;
            case SplitBehavior.Contiguous:
                for (int i = 0; i < parts.Count;)
                {
                    int next = i + 1;
                    while (next < parts.Count && parts[next].Match == parts[i].Match) next++;
                    text.Add(origin + parts[i].Start, origin + parts[next - 1].End);
                    i = next;
                }

                break;
            case SplitBehavior.MergedWithPrevious:
                for (int i = 0; i < parts.Count;)
                {
                    // A part takes one match after it, unless it is a match itself.
                    bool takes = !parts[i].Match && i + 1 < parts.Count && parts[i + 1].Match;
                    text.Add(origin + parts[i].Start, origin + parts[takes ? i + 1 : i].End);
                    i += takes ? 2 : 1;
                }

                break;
            case SplitBehavior.MergedWithNext:
                for (int i = 0; i < parts.Count;)
                {
                    bool takes = parts[i].Match && i + 1 < parts.Count && !parts[i + 1].Match;
                    text.Add(origin + parts[i].Start, origin + parts[takes ? i + 1 : i].End);
                    i += takes ? 2 : 1;
                }

                break;
        }
    }
}

/// <summary>Adds the matches in a piece, from left to right, in units of the piece.</summary>
internal delegate void FindMatches(ReadOnlySpan<char> piece, List<(int Start, int End)> matches);
