using System.Globalization;

namespace Heed.Training.Metrics;

/// <summary>Settings of <see cref="Ter"/>; the defaults are sacreBLEU's.</summary>
public sealed record TerOptions
{
    /// <summary><c>normalized</c>: split punctuation off words.</summary>
    public bool Normalized { get; init; }

    /// <summary><c>no_punct</c>: delete punctuation.</summary>
    public bool NoPunctuation { get; init; }

    /// <summary><c>asian_support</c>: the two settings above also treat Chinese and Japanese characters.</summary>
    public bool AsianSupport { get; init; }

    /// <summary><c>case_sensitive</c>: compare in the texts' own case.</summary>
    public bool CaseSensitive { get; init; }
}

/// <summary>What <see cref="Ter"/> found.</summary>
/// <param name="Score">Edits per 100 reference words; more than 100 is possible.</param>
/// <param name="Edits">Insertions, deletions, substitutions and shifts.</param>
/// <param name="ReferenceLength">Words of the references, the mean over a segment's references.</param>
/// <param name="Signature">Settings in sacreBLEU's form: <c>nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no</c>.</param>
public sealed record TerScore(double Score, long Edits, double ReferenceLength, string Signature);

/// <summary>Translation edit rate of a corpus: edits, shifts of whole phrases among them, per reference word.</summary>
/// <remarks>Snover et al. 2006; the search for shifts is tercom's, as sacreBLEU repeats it.</remarks>
public static class Ter
{
    /// <summary>TER of a corpus.</summary>
    /// <param name="predicted">One text per segment.</param>
    /// <param name="references">Streams: <c>references[j][i]</c> is the j-th reference of segment i; null is left out.</param>
    /// <param name="options">Settings; sacreBLEU's defaults if null.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a segment has no reference.</exception>
    public static TerScore Corpus(IReadOnlyList<string> predicted, IReadOnlyList<IReadOnlyList<string?>> references,
        TerOptions? options = null)
    {
        options ??= new TerOptions();
        string[][] segments = ReferenceStreams.BySegment(predicted, references);
        long edits = 0;
        double length = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            Dictionary<string, int> ids = new(StringComparer.Ordinal);
            int[] hypothesis = Words(predicted[i], options, ids);
            int[][] others = [.. segments[i].Select(r => Words(r, options, ids))];
            edits += others.Min(r => TerEdits.Count(hypothesis, r));
            length += others.Average(r => r.Length);
        }

        string signature = string.Create(CultureInfo.InvariantCulture,
            $"nrefs:{ReferenceStreams.Count(segments)}|case:{(options.CaseSensitive ? "mixed" : "lc")}|tok:tercom|norm:{Word(options.Normalized)}|punct:{Word(!options.NoPunctuation)}|asian:{Word(options.AsianSupport)}");
        return new TerScore(length > 0 ? 100 * edits / length : edits > 0 ? 100 : 0, edits, length, signature);
    }

    private static string Word(bool value) => value ? "yes" : "no";

    /// <summary>A text's words as numbers, equal for equal words.</summary>
    private static int[] Words(string text, TerOptions options, Dictionary<string, int> ids)
    {
        List<string> words = Tokenize(text, options);
        int[] numbers = new int[words.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            if (!ids.TryGetValue(words[i], out int id)) ids.Add(words[i], id = ids.Count);
            numbers[i] = id;
        }

        return numbers;
    }

    private static List<string> Tokenize(string text, TerOptions options)
    {
        text = ReferenceText.TrimEnd(text);
        if (!options.CaseSensitive) text = ReferenceText.ToLower(text);
        if (options.Normalized)
        {
            text = TextRules.Unescape(text.Replace("\n-", "", StringComparison.Ordinal).Replace('\n', ' '));
            text = new TextRules($" {text} ").Isolate(TextRules.IsSplitSymbol).ToString().Replace("'s ", " 's ", StringComparison.Ordinal);
            if (text.EndsWith("'s", StringComparison.Ordinal)) text = text[..^2] + " 's";
            TextRules rules = new TextRules(text).Numbers();
            text = (options.AsianSupport ? rules.Isolate(c => IsAsian(c) || IsAsianPunctuation(c)) : rules).ToString();
        }

        if (options.NoPunctuation) text = string.Concat(text.Where(c => !IsPunctuation(c)
            && !(options.AsianSupport && IsAsianPunctuation(c))));
        return ReferenceText.Split(text);
    }

    private static bool IsPunctuation(char c) => c is '.' or ',' or '?' or ':' or ';' or '!' or '"' or '(' or ')';

    private static bool IsAsian(int c)
        => c is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x31C0 and <= 0x31EF or >= 0x2E80 and <= 0x2EFF
            or >= 0x3300 and <= 0x33FF or >= 0xF900 and <= 0xFAFF or >= 0xFE30 and <= 0xFE4F or >= 0x3200 and <= 0x3F22;

    private static bool IsAsianPunctuation(int c)
        => c is 0x3001 or 0x3002 or >= 0x3008 and <= 0x3011 or >= 0x3014 and <= 0x301F or >= 0xFF61 and <= 0xFF65 or 0x30FB
            or 0xFF0E or 0xFF0C or 0xFF1F or 0xFF1A or 0xFF1B or 0xFF01 or 0xFF02 or 0xFF08 or 0xFF09;
}
