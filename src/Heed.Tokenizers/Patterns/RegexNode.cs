using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Patterns;

/// <summary>A regular expression as a tree.</summary>
internal abstract record RegexNode
{
    public sealed record Empty : RegexNode;

    public sealed record Set(RegexSet Characters) : RegexNode;

    public sealed record Sequence(IReadOnlyList<RegexNode> Parts) : RegexNode;

    public sealed record Choice(IReadOnlyList<RegexNode> Options) : RegexNode;

    /// <summary><paramref name="Maximum"/> −1: any number.</summary>
    public sealed record Repeat(RegexNode Part, int Minimum, int Maximum, bool Greedy) : RegexNode;

    /// <summary>Takes the first way its part matches and never another.</summary>
    public sealed record Atomic(RegexNode Part) : RegexNode;

    public sealed record Look(RegexNode Part, bool Behind, bool Negative) : RegexNode;

    public sealed record Anchor(RegexAnchor Kind) : RegexNode;
}

/// <summary>Places that an expression can ask for.</summary>
internal enum RegexAnchor
{
    TextStart,
    TextEnd,
    TextEndOrLastLine,
    LineStart,
    LineEnd,
    WordBoundary,
    NoWordBoundary,
}

/// <summary>A set of code points; ASCII by table, the rest by test.</summary>
internal sealed class RegexSet
{
    private readonly Func<int, bool> _test;
    private readonly UInt128 _ascii;

    public RegexSet(Func<int, bool> test)
    {
        _test = test;
        for (int c = 0; c < 128; c++)
            if (test(c)) _ascii |= UInt128.One << c;
    }

    public bool Contains(int c) => c < 128 ? (_ascii >> c & 1) != 0 : _test(c);

    public RegexSet Inverted() => new(c => !Contains(c));

    /// <summary>The set closed under simple case folding.</summary>
    public RegexSet IgnoringCase() => new(c =>
    {
        if (Contains(c)) return true;
        int folded = Fold(c);
        if (folded != c && Contains(folded)) return true;
        foreach (int other in Unfold(folded))
            if (Contains(other)) return true;
        return false;
    });

    /// <summary>Simple case folding: the lower case, but for the characters whose folding is another.</summary>
    private static int Fold(int c) => UnicodeData.Folds.TryGetValue(c, out int folded) ? folded : UnicodeData.Lower.GetValueOrDefault(c, c);

    private static int[] Unfold(int folded) => CaseVariants.Value.GetValueOrDefault(folded, []);

    private static readonly Lazy<Dictionary<int, int[]>> CaseVariants = new(() => UnicodeData.Lower.Keys.Union(UnicodeData.Folds.Keys)
        .GroupBy(Fold).ToDictionary(group => group.Key, group => group.ToArray()));
}

/// <summary>An expression that cannot be read.</summary>
/// <param name="reason">What is wrong, without the file.</param>
internal sealed class RegexSyntaxException(string reason) : FormatException(reason);
