using System.Collections.Immutable;
using Heed.Tokenizers;

namespace Heed.Training.Objectives;

/// <summary>Which tokens belong to one word.</summary>
internal static class WordGroups
{
    /// <summary>
    /// The word of each token; −1 for special tokens. A word begins where a token does not start at the end of the one before: <c>don't</c>
    /// and a Chinese sentence are one word, and so is every text whose offsets hold the spaces, as GPT-2's.
    /// </summary>
    /// <param name="encoding">With offsets.</param>
    public static int[] Of(TokenEncoding encoding) => Of(encoding, null);

    /// <summary>
    /// True for tokens that begin a word; where offsets hold spaces, one with a space at its start or before it begins a word too.
    /// </summary>
    /// <param name="encoding">With offsets, without special tokens.</param>
    /// <param name="text">The text that was encoded.</param>
    public static bool[] Begins(TokenEncoding encoding, string text)
    {
        int[] words = Of(encoding, text);
        bool[] begins = new bool[words.Length];
        for (int t = 0; t < begins.Length; t++) begins[t] = t == 0 || words[t] != words[t - 1];
        return begins;
    }

    private static int[] Of(TokenEncoding encoding, string? text)
    {
        ImmutableArray<int> special = encoding.SpecialTokensMask;
        int[] words = new int[encoding.Count];
        int word = 0;
        for (int t = 0; t < words.Length; t++)
        {
            int start = encoding.Starts[t];
            bool begins = t == 0 || words[t - 1] < 0 || start != encoding.Ends[t - 1]
                || (text is not null && (IsSpace(text, start) || IsSpace(text, start - 1)));
            words[t] = special[t] != 0 ? -1 : begins ? ++word : word;
        }

        return words;
    }

    private static bool IsSpace(string text, int at) => (uint)at < (uint)text.Length && char.IsWhiteSpace(text[at]);
}
