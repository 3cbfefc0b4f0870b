using System.Globalization;

namespace Heed.Training.Metrics;

/// <summary>Settings of <see cref="Chrf"/>; the defaults are chrF2.</summary>
public sealed record ChrfOptions
{
    /// <summary><c>char_order</c>: longest character n-gram.</summary>
    public int CharacterOrder { get; init; } = 6;

    /// <summary><c>word_order</c>: longest word n-gram; 0 without words, 2 is chrF++.</summary>
    public int WordOrder { get; init; }

    /// <summary><c>beta</c>: weight of recall.</summary>
    public int Beta { get; init; } = 2;

    /// <summary><c>lowercase</c>: compare in lower case.</summary>
    public bool Lowercase { get; init; }

    /// <summary><c>whitespace</c>: white space counts among the characters.</summary>
    public bool Whitespace { get; init; }

    /// <summary>chrF2++.</summary>
    public static ChrfOptions PlusPlus { get; } = new() { WordOrder = 2 };
}

/// <summary>What <see cref="Chrf"/> found.</summary>
/// <param name="Score">chrF, 0 to 100.</param>
/// <param name="Name"><c>chrF2</c>, <c>chrF2++</c>: β, and a plus for each word order.</param>
/// <param name="Signature">Settings in sacreBLEU's form: <c>nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no</c>.</param>
public sealed record ChrfScore(double Score, string Name, string Signature);

/// <summary>chrF and chrF++ of a corpus: F-score over character and word n-grams, code points as characters.</summary>
/// <remarks>Popović 2015, 2017; as sacreBLEU computes it, orders that a text is too short for left out.</remarks>
public static class Chrf
{
    /// <summary>chrF of a corpus.</summary>
    /// <param name="predicted">One text per segment.</param>
    /// <param name="references">Streams: <c>references[j][i]</c> is the j-th reference of segment i; null is left out.</param>
    /// <param name="options">Settings; chrF2 if null.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a segment has no reference.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An order is below 0 or β below 1.</exception>
    public static ChrfScore Corpus(IReadOnlyList<string> predicted, IReadOnlyList<IReadOnlyList<string?>> references,
        ChrfOptions? options = null)
    {
        options ??= new ChrfOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.CharacterOrder, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.WordOrder);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Beta, 1);
        string[][] segments = ReferenceStreams.BySegment(predicted, references);
        Statistics sum = new(options.CharacterOrder + options.WordOrder);
        for (int i = 0; i < segments.Length; i++)
        {
            Dictionary<string, int>[] hypothesis = Count(predicted[i], options);
            Statistics? best = null;
            double highest = -1;
            foreach (string reference in segments[i])
            {
                Statistics now = Statistics.Of(hypothesis, Count(reference, options));
                double score = now.Score(options.Beta);
                if (score <= highest) continue;
                (best, highest) = (now, score);
            }

            sum.Add(best!);
        }

        string name = string.Create(CultureInfo.InvariantCulture, $"chrF{options.Beta}{new string('+', options.WordOrder)}");
        string signature = string.Create(CultureInfo.InvariantCulture,
            $"nrefs:{ReferenceStreams.Count(segments)}|case:{(options.Lowercase ? "lc" : "mixed")}|eff:yes|nc:{options.CharacterOrder}|nw:{options.WordOrder}|space:{(options.Whitespace ? "yes" : "no")}");
        return new ChrfScore(sum.Score(options.Beta), name, signature);
    }

    /// <summary>The n-grams of a text: of characters, then of words.</summary>
    private static Dictionary<string, int>[] Count(string text, ChrfOptions options)
    {
        if (options.Lowercase) text = ReferenceText.ToLower(text);
        List<string> words = ReferenceText.Split(text);
        string characters = options.Whitespace ? text : string.Concat(words);
        List<int> starts = [];
        for (int i = 0; i < characters.Length; i++)
            if (i == 0 || !char.IsLowSurrogate(characters[i]) || !char.IsHighSurrogate(characters[i - 1])) starts.Add(i);
        starts.Add(characters.Length);
        Dictionary<string, int>[] counts = new Dictionary<string, int>[options.CharacterOrder + options.WordOrder];
        for (int n = 1; n <= options.CharacterOrder; n++) counts[n - 1] = NGrams.OfCharacters(characters, starts, n);
        if (options.WordOrder == 0) return counts;
        List<string> cut = [.. words.SelectMany(CutPunctuation)];
        for (int n = 1; n <= options.WordOrder; n++) counts[options.CharacterOrder + n - 1] = NGrams.OfWords(cut, n);
        return counts;
    }

    /// <summary>Cuts punctuation off the end of a word, or else off its start.</summary>
    private static string[] CutPunctuation(string word)
    {
        if (word.Length == 1 || (word.Length == 2 && char.IsSurrogatePair(word[0], word[1]))) return [word];
        if (ReferenceText.IsAsciiPunctuation(word[^1])) return [word[..^1], word[^1..]];
        return ReferenceText.IsAsciiPunctuation(word[0]) ? [word[..1], word[1..]] : [word];
    }

    /// <summary>For each order: predicted n-grams, n-grams of the reference, matches.</summary>
    private sealed class Statistics(int orders)
    {
        private readonly long[] _predicted = new long[orders], _reference = new long[orders], _matches = new long[orders];

        public static Statistics Of(Dictionary<string, int>[] hypothesis, Dictionary<string, int>[] reference)
        {
            Statistics found = new(hypothesis.Length);
            for (int n = 0; n < hypothesis.Length; n++)
            {
                found._predicted[n] = reference[n].Count == 0 ? 0 : hypothesis[n].Values.Sum();
                found._reference[n] = reference[n].Values.Sum();
                found._matches[n] = NGrams.Matches(hypothesis[n], reference[n]);
            }

            return found;
        }

        public void Add(Statistics other)
        {
            for (int n = 0; n < _predicted.Length; n++)
            {
                _predicted[n] += other._predicted[n];
                _reference[n] += other._reference[n];
                _matches[n] += other._matches[n];
            }
        }

        public double Score(int beta)
        {
            double precision = 0, recall = 0, weight = (double)beta * beta;
            int effective = 0;
            for (int n = 0; n < _predicted.Length; n++)
            {
                if (_predicted[n] == 0 || _reference[n] == 0) continue;
                precision += (double)_matches[n] / _predicted[n];
                recall += (double)_matches[n] / _reference[n];
                effective++;
            }

            if (precision + recall == 0) return 0;
            precision /= effective;
            recall /= effective;
            return 100 * (1 + weight) * precision * recall / ((weight * precision) + recall);
        }
    }
}
