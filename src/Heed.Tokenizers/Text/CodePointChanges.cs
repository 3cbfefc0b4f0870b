namespace Heed.Tokenizers.Text;

/// <summary>
/// Code points under construction, each with its change: 0 where it replaces one old character, 1 where it is new, −n where it takes n
/// more; and its combining class where a normalization form is made.
/// </summary>
internal sealed class CodePointChanges
{
    public int[] Points = new int[64];
    public int[] Changes = new int[64];
    public byte[] Classes = new byte[64];

    public int Count { get; set; }

    /// <summary>Most code points that may come together.</summary>
    public long Limit { get; set; } = long.MaxValue;

    /// <summary>The file whose steps rewrite the text, for errors.</summary>
    public string Source { get; set; } = "tokenizer";

    /// <summary>Full decomposition of the character at hand.</summary>
    public List<int> Decomposed { get; } = [];

    public void Clear() => Count = 0;

    public void Add(int point, int change, byte combining = 0)
    {
        int at = Count;
        if (at == Points.Length)
        {
            if (at >= Limit) throw GrowthLimit.Passed(Source, Limit);
            Array.Resize(ref Points, at * 2);
            Array.Resize(ref Changes, at * 2);
            Array.Resize(ref Classes, at * 2);
        }

        (Points[at], Changes[at], Classes[at]) = (point, change, combining);
        Count = at + 1;
    }

    /// <summary>Makes these code points the text.</summary>
    public void WriteTo(NormalizedText text) => text.Rewrite(Points.AsSpan(0, Count), Changes.AsSpan(0, Count));
}
