namespace Heed.Training.Data;

/// <summary>Makes texts that can be split into a training and a held-out part: few long texts are cut into passages, and neither part is
/// left empty.</summary>
internal static class TextSplit
{
    /// <summary>From this number on, documents are taken whole.</summary>
    public const int ManyDocuments = 64;

    private const int ShortestPassage = 500, LongestPassage = 16_000, Passages = 400;

    /// <summary>Documents as they are where there are many; else long ones cut at line ends into passages, about <c>400</c> in all. Joined
    /// they are the same text.</summary>
    public static List<TextDocument> Passaged(List<TextDocument> documents)
    {
        if (documents.Count >= ManyDocuments) return documents;
        long total = documents.Sum(d => (long)d.Text.Length);
        int length = (int)Math.Clamp(total / Passages, ShortestPassage, LongestPassage);
        List<TextDocument> passages = [];
        foreach (TextDocument document in documents)
        {
            int start = 0;
            while (start < document.Text.Length)
            {
                int end = End(document.Text, start, length);
                passages.Add(new TextDocument(document.Source, document.Text[start..end]));
                start = end;
            }
        }

        return passages;
    }

    /// <summary>The part held out, moved just as far as needed for both parts to hold a document; 0 stays 0.</summary>
    public static double Part(List<TextDocument> documents, double wanted)
    {
        if (wanted <= 0 || documents.Count == 0) return 0;
        double lowest = double.MaxValue, highest = 0;
        foreach (TextDocument document in documents)
        {
            lowest = Math.Min(lowest, document.Place);
            highest = Math.Max(highest, document.Place);
        }

        // All places equal: one text, perhaps repeated. It is learned from.
        if (lowest == highest) return 0;
        return Math.Min(Math.Max(wanted, Math.BitIncrement(lowest)), highest);
    }

    /// <summary>After the last line end in the passage; after the last blank where there is none; never inside a surrogate pair.</summary>
    private static int End(string text, int start, int length)
    {
        if (text.Length - start <= length * 3 / 2) return text.Length;
        ReadOnlySpan<char> passage = text.AsSpan(start, length);
        int cut = passage.LastIndexOf('\n') + 1;
        if (cut == 0) cut = passage.LastIndexOf(' ') + 1;
        if (cut == 0) cut = char.IsHighSurrogate(passage[^1]) ? length + 1 : length;
        return start + cut;
    }
}
