using System.Globalization;

namespace Heed.Training.Metrics;

/// <summary>How <see cref="Bleu"/> splits texts into tokens, by sacreBLEU's names.</summary>
public enum BleuTokenizer
{
    /// <summary><c>13a</c>: mteval-v13a, the form that published scores use.</summary>
    Mteval13a,

    /// <summary><c>intl</c>: mteval-v14's rules by Unicode categories.</summary>
    International,

    /// <summary><c>zh</c>: each Chinese character by itself.</summary>
    Chinese,

    /// <summary><c>char</c>: each character by itself.</summary>
    Character,

    /// <summary><c>none</c>: the texts are tokens between white space already.</summary>
    None,
}

/// <summary>What <see cref="Bleu"/> does about orders without a match, by sacreBLEU's names.</summary>
public enum BleuSmoothing
{
    /// <summary><c>exp</c>: the z-th order without a match counts 1/2^z.</summary>
    Exponential,

    /// <summary><c>floor</c>: an order without a match counts a small value.</summary>
    Floor,

    /// <summary><c>add-k</c>: k is added to counts and totals of orders above 1.</summary>
    AddK,

    /// <summary><c>none</c>: such an order makes the score 0.</summary>
    None,
}

/// <summary>Settings of <see cref="Bleu"/>; the defaults are sacreBLEU's for a corpus.</summary>
public sealed record BleuOptions
{
    /// <summary><c>tokenize</c>.</summary>
    public BleuTokenizer Tokenizer { get; init; }

    /// <summary><c>lowercase</c>: compare in lower case.</summary>
    public bool Lowercase { get; init; }

    /// <summary><c>smooth_method</c>.</summary>
    public BleuSmoothing Smoothing { get; init; }

    /// <summary><c>smooth_value</c>: the floor (0.1 if null) or k (1 if null).</summary>
    public double? SmoothingValue { get; init; }

    /// <summary><c>effective_order</c>: average over the orders that the texts are long enough for; for single sentences.</summary>
    public bool EffectiveOrder { get; init; }

    /// <summary>The defaults for single sentences: with <see cref="EffectiveOrder"/>.</summary>
    public static BleuOptions ForSentences { get; } = new() { EffectiveOrder = true };
}

/// <summary>What <see cref="Bleu"/> found.</summary>
public sealed record BleuScore
{
    /// <summary>BLEU, 0 to 100.</summary>
    public required double Score { get; init; }

    /// <summary>Precision of each order 1 to 4, 0 to 100.</summary>
    public required IReadOnlyList<double> Precisions { get; init; }

    /// <summary>Factor for texts that are shorter than their references, 0 to 1.</summary>
    public required double BrevityPenalty { get; init; }

    /// <summary>Matched n-grams of each order, with k added under add-k smoothing.</summary>
    public required IReadOnlyList<double> Counts { get; init; }

    /// <summary>Predicted n-grams of each order, with k added under add-k smoothing.</summary>
    public required IReadOnlyList<double> Totals { get; init; }

    /// <summary>Predicted tokens.</summary>
    public required long PredictedLength { get; init; }

    /// <summary>Tokens of the references nearest in length.</summary>
    public required long ReferenceLength { get; init; }

    /// <summary>
    /// Settings in sacreBLEU's form, to be printed beside the score:
    /// <c>nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp</c>.
    /// </summary>
    public required string Signature { get; init; }
}

/// <summary>BLEU of a corpus: modified n-gram precision with a brevity penalty.</summary>
/// <remarks>Papineni et al. 2002; tokenization, smoothing and signature of sacreBLEU (Post 2018). The mean of sentences' BLEU is another
/// number.</remarks>
public static class Bleu
{
    /// <summary>BLEU of a corpus.</summary>
    /// <param name="predicted">One text per segment.</param>
    /// <param name="references">Streams: <c>references[j][i]</c> is the j-th reference of segment i; null is left out.</param>
    /// <param name="options">Settings; sacreBLEU's defaults if null.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a segment has no reference.</exception>
    public static BleuScore Corpus(IReadOnlyList<string> predicted, IReadOnlyList<IReadOnlyList<string?>> references,
        BleuOptions? options = null)
        => new BleuCorpus(predicted, references, options ?? new BleuOptions()).Score();

    /// <summary>BLEU of one text.</summary>
    /// <param name="predicted">The text.</param>
    /// <param name="references">Its references.</param>
    /// <param name="options">Settings; <see cref="BleuOptions.ForSentences"/> if null.</param>
    public static BleuScore Sentence(string predicted, IReadOnlyList<string> references, BleuOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(references);
        return new BleuCorpus([predicted], [.. references.Select(r => new[] { r })], options ?? BleuOptions.ForSentences).Score();
    }

    /// <summary>A text's tokens under the settings.</summary>
    internal static List<string> Tokenize(string text, BleuOptions options)
    {
        if (options.Lowercase) text = ReferenceText.ToLower(text);
        text = ReferenceText.TrimEnd(text);
        return options.Tokenizer switch
        {
            BleuTokenizer.Mteval13a => new TextRules($" {TextRules.Unescape(text.Replace("<skipped>", "", StringComparison.Ordinal)
                .Replace("-\n", "", StringComparison.Ordinal).Replace('\n', ' '))} ").Western().Split(),
            BleuTokenizer.International => new TextRules(text).SplitBefore(c => !TextRules.IsNumber(c), TextRules.IsPunctuation)
                .SplitAfter(TextRules.IsPunctuation, c => !TextRules.IsNumber(c)).Isolate(TextRules.IsSymbol).Split(),
            BleuTokenizer.Chinese => new TextRules(ReferenceText.Trim(text)).Isolate(IsChinese).Western().Split(),
            BleuTokenizer.Character => new TextRules(text).Isolate(_ => true).Split(),
            BleuTokenizer.None => ReferenceText.Split(text),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.Tokenizer, "is no tokenizer."),
        };
    }

    /// <summary>The signature's part that the options decide.</summary>
    internal static string Signature(BleuOptions options, string references)
    {
        string tokenizer = options.Tokenizer switch
        {
            BleuTokenizer.International => "intl",
            BleuTokenizer.Chinese => "zh",
            BleuTokenizer.Character => "char",
            BleuTokenizer.None => "none",
            _ => "13a",
        };
        string smoothing = options.Smoothing switch
        {
            BleuSmoothing.Floor => string.Create(CultureInfo.InvariantCulture, $"floor[{options.SmoothingValue ?? DefaultFloor:0.00}]"),
            BleuSmoothing.AddK => string.Create(CultureInfo.InvariantCulture, $"add-k[{options.SmoothingValue ?? 1:0.00}]"),
            BleuSmoothing.None => "none",
            _ => "exp",
        };
        return $"nrefs:{references}|case:{(options.Lowercase ? "lc" : "mixed")}|eff:{(options.EffectiveOrder ? "yes" : "no")}|tok:{tokenizer}|smooth:{smoothing}";
    }

    /// <summary>The default floor.</summary>
    internal const double DefaultFloor = 0.1;

    /// <summary>The ranges of sacreBLEU's <c>zh</c>, its two slips (2001–2A6D, 2F81–2FA1, meant for Extension B) included.</summary>
    private static bool IsChinese(int c)
        => c is >= 0x3400 and <= 0x4DB5 or >= 0x4E00 and <= 0x9FBB or >= 0xF900 and <= 0xFA2D or >= 0xFA30 and <= 0xFA6A
            or >= 0xFA70 and <= 0xFAD9 or >= 0x2001 and <= 0x2A6D or >= 0x2F81 and <= 0x2FA1 or >= 0xFF00 and <= 0xFFEF
            or >= 0x2E80 and <= 0x2EFF or >= 0x3000 and <= 0x303F or >= 0x31C0 and <= 0x31EF or >= 0x2F00 and <= 0x2FDF
            or >= 0x2FF0 and <= 0x2FFF or >= 0x3100 and <= 0x312F or >= 0x31A0 and <= 0x31BF or >= 0xFE10 and <= 0xFE1F
            or >= 0xFE30 and <= 0xFE4F or >= 0x2600 and <= 0x27BF or >= 0x3200 and <= 0x33FF;
}
