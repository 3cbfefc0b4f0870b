using System.Text;

namespace Heed.Tokenizers.Decoders;

/// <summary>Replacements that several decoders make.</summary>
internal static class TextReplacement
{
    /// <summary>Replaces every <paramref name="part"/>; an empty one stands between all characters and at both ends, as in Rust.</summary>
    public static string ReplaceAll(string text, string part, string replacement)
    {
        if (part.Length > 0) return text.Replace(part, replacement, StringComparison.Ordinal);
        StringBuilder made = new(replacement);
        foreach (Rune rune in text.EnumerateRunes()) made.Append(rune.ToString()).Append(replacement);
        return made.ToString();
    }

    /// <summary>Length of all tokens together, in UTF-16 units.</summary>
    public static long Length(List<string> tokens)
    {
        long length = 0;
        foreach (string token in tokens) length += token.Length;
        return length;
    }

    /// <summary>What transformers does with a decoded text; without the contraction of "do not" that the WordPiece decoder has.</summary>
    public static string CleanUpText(string text) => text
        .Replace(" .", ".", StringComparison.Ordinal).Replace(" ?", "?", StringComparison.Ordinal).Replace(" !", "!", StringComparison.Ordinal)
        .Replace(" ,", ",", StringComparison.Ordinal).Replace(" ' ", "'", StringComparison.Ordinal).Replace(" n't", "n't", StringComparison.Ordinal)
        .Replace(" 'm", "'m", StringComparison.Ordinal).Replace(" 's", "'s", StringComparison.Ordinal)
        .Replace(" 've", "'ve", StringComparison.Ordinal).Replace(" 're", "'re", StringComparison.Ordinal);

    /// <summary>Takes out blanks that English writes without.</summary>
    public static string CleanUp(string text) => !text.Contains(' ', StringComparison.Ordinal) ? text : text
        .Replace(" .", ".", StringComparison.Ordinal).Replace(" ?", "?", StringComparison.Ordinal).Replace(" !", "!", StringComparison.Ordinal)
        .Replace(" ,", ",", StringComparison.Ordinal).Replace(" ' ", "'", StringComparison.Ordinal).Replace(" n't", "n't", StringComparison.Ordinal)
        .Replace(" 'm", "'m", StringComparison.Ordinal).Replace(" do not", " don't", StringComparison.Ordinal).Replace(" 's", "'s", StringComparison.Ordinal)
        .Replace(" 've", "'ve", StringComparison.Ordinal).Replace(" 're", "'re", StringComparison.Ordinal);
}
