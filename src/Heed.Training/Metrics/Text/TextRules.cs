using System.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Training.Metrics;

/// <summary>
/// The replacements that the tokenizers of BLEU and TER consist of, over code points as a regular expression's <c>sub</c> makes
/// them.
/// </summary>
internal sealed class TextRules
{
    private List<int> _points;

    public TextRules(string text) => _points = ReferenceText.CodePoints(text);

    /// <summary>The result, split at white space.</summary>
    public List<string> Split() => ReferenceText.Split(ToString());

    /// <inheritdoc/>
    public override string ToString()
    {
        StringBuilder text = new(_points.Count + 8);
        foreach (int c in _points) ReferenceText.Append(text, c);
        return text.ToString();
    }

    /// <summary>A blank before and after each character of a class.</summary>
    public TextRules Isolate(Func<int, bool> isMember)
    {
        List<int> to = new(_points.Count + 16);
        foreach (int c in _points)
        {
            bool member = isMember(c);
            if (member) to.Add(' ');
            to.Add(c);
            if (member) to.Add(' ');
        }

        return Take(to);
    }

    /// <summary><c>(first)(second)</c> → <c>$1 $2 </c>.</summary>
    public TextRules SplitBefore(Func<int, bool> first, Func<int, bool> second) => Pairs(first, second, before: false);

    /// <summary><c>(first)(second)</c> → <c> $1 $2</c>.</summary>
    public TextRules SplitAfter(Func<int, bool> first, Func<int, bool> second) => Pairs(first, second, before: true);

    /// <summary>Symbols, then periods and commas unless between digits, then a hyphen after a digit: the rules of mteval-v13a.</summary>
    public TextRules Western() => Isolate(IsSplitSymbol).Numbers();

    /// <summary>Periods and commas unless between digits, then a hyphen after a digit.</summary>
    public TextRules Numbers() => SplitBefore(c => !IsDigit(c), IsPoint).SplitAfter(IsPoint, c => !IsDigit(c)).SplitBefore(IsDigit,
        c => c == '-');

    /// <summary>ASCII punctuation and symbols but <c>' , - .</c>, and the blank.</summary>
    public static bool IsSplitSymbol(int c)
        => c is >= '{' and <= '~' or >= '[' and <= '`' or >= ' ' and <= '&' or >= '(' and <= '+' or >= ':' and <= '@' or '/';

    /// <summary>N: any number.</summary>
    public static bool IsNumber(int c) => CharacterClasses.IsNumber(c);

    /// <summary>P: any punctuation.</summary>
    public static bool IsPunctuation(int c) => CharacterClasses.Category(c) is >= 12 and <= 18;

    /// <summary>S: any symbol.</summary>
    public static bool IsSymbol(int c) => CharacterClasses.Category(c) is >= 19 and <= 22;

    /// <summary>The entities that mteval unescapes, in its order.</summary>
    public static string Unescape(string text) => text.Contains('&', StringComparison.Ordinal)
        ? text.Replace("&quot;", "\"", StringComparison.Ordinal).Replace("&amp;", "&", StringComparison.Ordinal)
            .Replace("&lt;", "<", StringComparison.Ordinal).Replace("&gt;", ">", StringComparison.Ordinal)
        : text;

    private static bool IsDigit(int c) => c is >= '0' and <= '9';

    private static bool IsPoint(int c) => c is '.' or ',';

    private TextRules Pairs(Func<int, bool> first, Func<int, bool> second, bool before)
    {
        List<int> to = new(_points.Count + 16);
        int i = 0;
        while (i < _points.Count)
        {
            if (i + 1 == _points.Count || !first(_points[i]) || !second(_points[i + 1]))
            {
                to.Add(_points[i++]);
                continue;
            }

            if (before) to.Add(' ');
            to.Add(_points[i]);
            to.Add(' ');
            to.Add(_points[i + 1]);
            if (!before) to.Add(' ');
            i += 2;
        }

        return Take(to);
    }

    private TextRules Take(List<int> points)
    {
        _points = points;
        return this;
    }
}
