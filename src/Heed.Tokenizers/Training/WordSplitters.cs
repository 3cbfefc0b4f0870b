using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Training;

/// <summary>The words of a text under a normalizer and a pre-tokenizer, which are what a trainer counts.</summary>
internal static class WordSplitters
{
    /// <summary>Counts the words of all texts.</summary>
    public static List<WordCount> Count(
        INormalizer? normalizer, IPreTokenizer? preTokenizer, IEnumerable<string> texts, int threads, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        // Byte-level words are counted as they stand and spelled in byte characters afterwards: once a distinct word.
        if (normalizer is not null || preTokenizer is not ByteLevelPreTokenizer { UseRegex: true, AddPrefixSpace: false })
            return WordCounter.Count(texts, () => Pipeline(normalizer, preTokenizer), threads, progress, cancellationToken);
        List<WordCount> words = WordCounter.Count(texts, () => CountByteLevel, threads, progress, cancellationToken).ConvertAll(word => word with { Word = Spell(word.Word) });
        words.Sort(static (a, b) => string.CompareOrdinal(a.Word, b.Word));
        return words;
    }

    private static WordSplitter Pipeline(INormalizer? normalizer, IPreTokenizer? preTokenizer)
    {
        PreTokenizedText pieces = new();
        return (text, words) =>
        {
            pieces.Text.Reset(CodePoint.WithoutLoneSurrogates(text), 0);
            normalizer?.Normalize(pieces.Text);
            pieces.Reset(0, pieces.Text.Length);
            preTokenizer?.PreTokenize(pieces);
            for (int i = 0; i < pieces.Count; i++) words.Add(pieces[i]);
        };
    }

    private static void CountByteLevel(string text, WordTally words)
    {
        ReadOnlySpan<char> rest = CodePoint.WithoutLoneSurrogates(text);
        for (int at = 0; at < rest.Length;)
        {
            int end = KnownScanners.Gpt2(rest, at);
            words.Add(rest[at..end]);
            at = end;
        }
    }

    private static string Spell(string word)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(word);
        return string.Create(bytes.Length, bytes, static (characters, bytes) =>
        {
            for (int i = 0; i < characters.Length; i++) characters[i] = ByteLevelAlphabet.Characters[bytes[i]];
        });
    }
}
