namespace Heed.Retrieval;

/// <summary>The forms of BM25: how rare words count, and how repeated ones do.</summary>
public enum Bm25Form
{
    /// <summary>ln(1 + (n − df + ½) ÷ (df + ½)) · f ÷ (f + k1·norm): Lucene's, without the factor k1 + 1.</summary>
    Lucene,

    /// <summary>The same with ln max(1, (n − df + ½) ÷ (df + ½)): a word in half of the documents counts nothing.</summary>
    Robertson,

    /// <summary>ln(n ÷ df) · f·(k1 + 1) ÷ (f + k1·norm).</summary>
    Atire,

    /// <summary>ln((n + 1) ÷ df) · (f·(k1 + 1) ÷ (f + k1·norm) + δ). Every document gets something.</summary>
    Plus,

    /// <summary>ln((n + 1) ÷ (df + ½)) · (k1 + 1)(c + δ) ÷ (k1 + c + δ), c = f ÷ norm. Every document gets something.</summary>
    L,
}

/// <summary>How BM25 counts.  norm = 1 − b + b·length ÷ mean length.</summary>
/// <remarks>Robertson et al. 1994; Trotman et al. 2012 (ATIRE); Lv and Zhai 2011 (BM25+, BM25L). Defined as the goldens of
/// <c>goldens/retrieval</c> define them.</remarks>
public sealed record Bm25Options
{
    /// <summary>The form.</summary>
    public Bm25Form Form { get; init; }

    /// <summary>How soon further occurrences of a word count less, 0 or more.</summary>
    public double K1 { get; init; } = 1.2;

    /// <summary>How much long documents are marked down, from 0 to 1.</summary>
    public double B { get; init; } = 0.75;

    /// <summary>δ of <see cref="Bm25Form.Plus"/> and <see cref="Bm25Form.L"/>, 0 or more.</summary>
    public double Delta { get; init; } = 0.5;

    /// <summary>These options, checked.</summary>
    /// <exception cref="ConfigException">A number is out of its range.</exception>
    internal Bm25Options Validated()
    {
        Check("k1", K1, double.MaxValue);
        Check("b", B, 1);
        Check("delta", Delta, double.MaxValue);
        return this;
    }

    private static void Check(string name, double value, double most)
    {
        if (!(value >= 0 && value <= most))
            throw new ConfigException(FormattableString.Invariant($"{name}: is {value}; a number of at least 0")
                + (most == 1 ? " and at most 1" : "") + " was expected.");
    }

    /// <summary>What a word's rarity counts.</summary>
    /// <param name="documents">n.</param>
    /// <param name="withWord">Documents that hold the word, 1 or more.</param>
    internal double Rarity(int documents, int withWord)
    {
        double n = documents, df = withWord;
        return Form switch
        {
            Bm25Form.Lucene => Math.Log(1 + ((n - df + 0.5) / (df + 0.5))),
            Bm25Form.Robertson => Math.Log(Math.Max(1, (n - df + 0.5) / (df + 0.5))),
            Bm25Form.Atire => Math.Log(n / df),
            Bm25Form.Plus => Math.Log((n + 1) / df),
            Bm25Form.L => Math.Log((n + 1) / (df + 0.5)),
            _ => throw new InvalidOperationException($"{Form} is no form of BM25."),
        };
    }

    /// <summary>What a word's occurrences in a document count, before its rarity.</summary>
    /// <param name="occurrences">f, 0 or more.</param>
    /// <param name="length">Words of the document.</param>
    /// <param name="mean">Mean length of the documents.</param>
    internal double Saturation(int occurrences, int length, double mean)
    {
        double f = occurrences, norm = 1 - B + (B * Ratio(length, mean));
        switch (Form)
        {
            case Bm25Form.Lucene or Bm25Form.Robertson: return Ratio(f, f + (K1 * norm));
            case Bm25Form.Atire: return Ratio(f * (K1 + 1), f + (K1 * norm));
            case Bm25Form.Plus: return Ratio(f * (K1 + 1), f + (K1 * norm)) + Delta;
            default:
                double c = Ratio(f, norm);
                return Ratio((K1 + 1) * (c + Delta), K1 + c + Delta);
        }
    }

    /// <summary>Whether a document without the word gets something for it.</summary>
    internal bool CountsAbsence => Form is Bm25Form.Plus or Bm25Form.L;

    /// <summary>a ÷ b, where nothing by nothing is nothing.</summary>
    private static double Ratio(double a, double b) => a == 0 ? 0 : a / b;
}
