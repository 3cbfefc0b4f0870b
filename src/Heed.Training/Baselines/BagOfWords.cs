using System.Text.RegularExpressions;
using Heed.Training.Finetuning;

namespace Heed.Training.Baselines;

/// <summary>
/// A text as the weights of its words and pairs of neighbouring words, and a logistic regression over them: what text classification was
/// before networks, and what a network has to beat. Words are two or more letters or digits, lower case; a weight is
/// count · (ln((1 + N) ÷ (1 + N_w)) + 1), and a text's weights have length 1, as scikit-learn's <c>TfidfVectorizer</c> makes them with
/// <c>ngram_range=(1, 2)</c>.
/// </summary>
internal sealed partial class BagOfWords
{
    private readonly Dictionary<string, int> _columns;
    private readonly float[] _rarity;
    private readonly LogisticHead _head;

    private BagOfWords(Dictionary<string, int> columns, float[] rarity, LogisticHead head)
        => (_columns, _rarity, _head) = (columns, rarity, head);

    /// <summary>Words and pairs that it knows.</summary>
    public int Words => _rarity.Length;

    /// <summary>Learns from labelled texts.</summary>
    /// <param name="texts">The texts; one has a word at least.</param>
    /// <param name="labels">As many: 0 … classes − 1.</param>
    /// <param name="classes">2 or more.</param>
    /// <param name="strength">C: how much the examples count against small weights.</param>
    /// <exception cref="InputException">No text has a word.</exception>
    public static BagOfWords Fit(IReadOnlyList<string> texts, IReadOnlyList<int> labels, int classes, double strength)
    {
        string[][] words = [.. texts.Select(t => WordsOf(t).ToArray())];
        string[] known = [.. words.SelectMany(w => w).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (known.Length == 0) throw new InputException("The texts have no word of two or more letters; a bag of words has nothing to "
            + "learn from.");
        Dictionary<string, int> columns = known.Select((w, i) => (w, i)).ToDictionary(p => p.w, p => p.i, StringComparer.Ordinal);
        int[] texted = new int[known.Length];
        foreach (string[] text in words)
            foreach (string word in text.Distinct(StringComparer.Ordinal)) texted[columns[word]]++;
        float[] rarity = Array.ConvertAll(texted, n => (float)(Math.Log((1.0 + texts.Count) / (1 + n)) + 1));
        float[] table = new float[texts.Count * known.Length];
        for (int i = 0; i < words.Length; i++) Weigh(words[i], columns, rarity, table.AsSpan(i * known.Length, known.Length));
        return new BagOfWords(columns, rarity, LogisticHead.Fit(table, known.Length, labels, classes, strength));
    }

    /// <summary>The likeliest class of a text.</summary>
    public int Predict(string text)
    {
        float[] weights = new float[_rarity.Length];
        Weigh(WordsOf(text), _columns, _rarity, weights);
        double[] probabilities = _head.Probabilities(weights);
        return Array.IndexOf(probabilities, probabilities.Max());
    }

    private static void Weigh(IEnumerable<string> words, Dictionary<string, int> columns, float[] rarity, Span<float> row)
    {
        foreach (string word in words)
            if (columns.TryGetValue(word, out int column)) row[column]++;
        double square = 0;
        for (int i = 0; i < row.Length; i++)
        {
            row[i] *= rarity[i];
            square += (double)row[i] * row[i];
        }

        if (square == 0) return;   // a text of unknown words: the intercepts decide
        float factor = (float)(1 / Math.Sqrt(square));
        foreach (ref float value in row) value *= factor;
    }

    /// <summary>The words of a text, and each with the one after it.</summary>
    internal static IEnumerable<string> WordsOf(string text)
    {
        string[] words = [.. WordPattern().Matches(text.ToLowerInvariant()).Select(m => m.Value)];
        return [.. words, .. words.Zip(words.Skip(1), (a, b) => $"{a} {b}")];
    }

    [GeneratedRegex(@"\b\w\w+\b", RegexOptions.CultureInvariant)]
    private static partial Regex WordPattern();
}
