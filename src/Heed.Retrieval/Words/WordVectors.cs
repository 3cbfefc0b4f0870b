using System.Diagnostics.CodeAnalysis;

namespace Heed.Retrieval;

/// <summary>
/// Static word vectors: one vector a word, whatever stands around it. Reads and writes the files of word2vec, GloVe and fastText, and
/// answers which words are near. Any number of threads may use one.
/// </summary>
/// <remarks>Cosines are computed in double precision from the float32 values.</remarks>
/// <example><code>
/// WordVectors vectors = WordVectors.Read("glove.6B.100d.txt");
/// foreach (WordScore near in vectors.Analogy("man", "king", "woman", top: 3)) Console.WriteLine($"{near.Word} {near.Score:0.000}");
/// </code></example>
public sealed class WordVectors
{
    private readonly string[] _words;
    private readonly float[] _values;
    private readonly Dictionary<string, int> _rows;
    private readonly string _name;
    private double[]? _norms;

    private WordVectors(string name, string[] words, float[] values, int width, Dictionary<string, int> rows)
    {
        _name = name;
        _words = words;
        _values = values;
        _rows = rows;
        Width = width;
    }

    /// <summary>Takes words and their vectors as they are.</summary>
    /// <param name="words">V different words.</param>
    /// <param name="values">[V, D] in row-major order; kept, not copied.</param>
    /// <exception cref="ArgumentException">A word comes twice, there is none, or the numbers are not rows of one length.</exception>
    public static WordVectors Create(IReadOnlyList<string> words, float[] values)
    {
        ArgumentNullException.ThrowIfNull(words);
        ArgumentNullException.ThrowIfNull(values);
        if (words.Count == 0 || values.Length == 0 || values.Length % words.Count != 0)
            throw new ArgumentException($"{words.Count} words have {values.Length} numbers; as many for each word were expected.",
                nameof(values));
        Dictionary<string, int> rows = new(words.Count, StringComparer.Ordinal);
        for (int i = 0; i < words.Count; i++)
            if (!rows.TryAdd(words[i], i)) throw new ArgumentException($"'{Printable.Shorten(words[i])}' comes twice.", nameof(words));
        return new WordVectors("the vectors", [.. words], values, values.Length / words.Count, rows);
    }

    /// <summary>Reads a file of word2vec (text or binary, of word2vec.c or gensim), GloVe or fastText (<c>.vec</c>); its form is found
    /// by its content.</summary>
    /// <param name="path">The file. Where a word comes twice, its first vector stays.</param>
    /// <param name="progress">Receives the part read, 0 to 1; may be null.</param>
    /// <param name="cancellationToken">Looked at now and then.</param>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A line is not a word and its numbers, or the file does not hold what its first line
    /// announces.</exception>
    public static WordVectors Read(string path, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        WordTable table = WordVectorReader.Read(path, progress, cancellationToken);
        return new WordVectors(path, [.. table.Words], table.Values, table.Width, table.Rows);
    }

    /// <summary>Writes a file; on any failure the old file stays.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">Its form.</param>
    /// <exception cref="InputException">A word cannot be told from its numbers in this form.</exception>
    /// <exception cref="StorageException">The file cannot be written.</exception>
    public void Write(string path, WordVectorFormat format)
    {
        ArgumentNullException.ThrowIfNull(path);
        WordVectorWriter.Write(path, this, format);
    }

    /// <summary>The words, in the file's order.</summary>
    public IReadOnlyList<string> Words => _words;

    /// <summary>Numbers of a vector, D.</summary>
    public int Width { get; }

    /// <summary>Whether a word has a vector; words are compared character by character.</summary>
    public bool Contains(string word) => _rows.ContainsKey(word);

    /// <summary>The vector of a word.  [D].</summary>
    /// <exception cref="InputException">The word has none.</exception>
    public ReadOnlySpan<float> this[string word] => Row(IndexOf(word));

    /// <summary>The vector of the word at a place of <see cref="Words"/>.  [D].</summary>
    public ReadOnlySpan<float> Row(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _words.Length);
        return _values.AsSpan(index * Width, Width);
    }

    /// <summary>The cosine of two words; 0 for a vector of zeros.</summary>
    /// <exception cref="InputException">A word has no vector.</exception>
    public double Similarity(string first, string second)
    {
        int a = IndexOf(first), b = IndexOf(second);
        double norm = Norm(a) * Norm(b), sum = 0;
        ReadOnlySpan<float> u = Row(a), v = Row(b);
        for (int d = 0; d < u.Length; d++) sum += (double)u[d] * v[d];
        return norm > 0 ? sum / norm : 0;
    }

    /// <summary>The words nearest to the mean of some words, others taken off: unit vectors are added and subtracted, and the cosine with
    /// the result decides.</summary>
    /// <param name="positive">Words to be near to.</param>
    /// <param name="negative">Words to be far from; null: none.</param>
    /// <param name="top">Up to how many.</param>
    /// <param name="includeGiven">True: the words asked for may be answers too. Published analogies leave them out; with them the
    /// answer is often one of the three.</param>
    /// <returns>Nearest first; of equal cosines the earlier word.</returns>
    /// <exception cref="InputException">A word has no vector.</exception>
    public IReadOnlyList<WordScore> MostSimilar(
        IReadOnlyList<string> positive, IReadOnlyList<string>? negative = null, int top = 10, bool includeGiven = false)
    {
        ArgumentNullException.ThrowIfNull(positive);
        negative ??= [];
        if (positive.Count + negative.Count == 0) throw new ArgumentException("At least one word was expected.", nameof(positive));
        int[] plus = [.. positive.Select(IndexOf)], minus = [.. negative.Select(IndexOf)];
        double[] target = new double[Width];
        foreach (int row in plus) AddUnit(target, row, 1);
        foreach (int row in minus) AddUnit(target, row, -1);
        return Best(Cosines(target), top, includeGiven ? [] : [.. plus, .. minus]);
    }

    /// <summary>"a is to b as c is to …": the words nearest to b − a + c of unit vectors (3CosAdd), the three left out.</summary>
    /// <param name="a">A word, such as <c>man</c>.</param>
    /// <param name="b">What belongs to it, such as <c>king</c>.</param>
    /// <param name="c">A word like a, such as <c>woman</c>.</param>
    /// <param name="top">Up to how many.</param>
    /// <returns>Nearest first; of equal cosines the earlier word.</returns>
    /// <exception cref="InputException">A word has no vector.</exception>
    /// <remarks>Mikolov et al. 2013, Linguistic Regularities.</remarks>
    public IReadOnlyList<WordScore> Analogy(string a, string b, string c, int top = 10) => MostSimilar([b, c], [a], top);

    /// <summary>The same question answered by products (3CosMul): (1 + cos b)/2 · (1 + cos c)/2 ÷ ((1 + cos a)/2 + 1e-6).</summary>
    /// <inheritdoc cref="Analogy" path="/param"/>
    /// <inheritdoc cref="Analogy" path="/exception"/>
    /// <returns>Greatest first; of equal scores the earlier word.</returns>
    /// <remarks>Levy and Goldberg 2014.</remarks>
    public IReadOnlyList<WordScore> AnalogyByProduct(string a, string b, string c, int top = 10)
    {
        int[] rows = [IndexOf(a), IndexOf(b), IndexOf(c)];
        double[] near = Cosines(Unit(rows[0])), scores = Cosines(Unit(rows[1])), third = Cosines(Unit(rows[2]));
        for (int i = 0; i < scores.Length; i++)
            scores[i] = (1 + scores[i]) / 2 * ((1 + third[i]) / 2) / (((1 + near[i]) / 2) + 1e-6);
        return Best(scores, top, rows);
    }

    /// <summary>The word that goes least with the others: the least cosine with the mean of the unit vectors.</summary>
    /// <param name="words">At least one word.</param>
    /// <returns>Each word with its cosine with the mean, the least first; of equal ones the earlier.</returns>
    /// <exception cref="InputException">A word has no vector.</exception>
    public IReadOnlyList<WordScore> DoesntMatch(IReadOnlyList<string> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        if (words.Count == 0) throw new ArgumentException("At least one word was expected.", nameof(words));
        int[] rows = [.. words.Select(IndexOf)];
        double[] mean = new double[Width];
        foreach (int row in rows) AddUnit(mean, row, 1);
        double norm = NormOf(mean);
        return [.. rows.Select((row, i) => new WordScore(words[i], Cosine(mean, norm, row))).OrderBy(s => s.Score)];
    }

    private int IndexOf(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        if (_rows.TryGetValue(word, out int row)) return row;
        string? near = Known(word.ToLowerInvariant()) ?? Known(word.ToUpperInvariant())
            ?? (word.Length > 0 ? Known(char.ToUpperInvariant(word[0]) + word[1..]) : null);
        throw new InputException($"{_name}: has no vector for '{Printable.Shorten(word)}' among its {_words.Length} words. "
            + (near is null ? "Words are compared character by character; ask for another." : $"It has '{near}'."));
    }

    private string? Known(string word) => _rows.ContainsKey(word) ? word : null;

    private double[] Unit(int row)
    {
        double[] unit = new double[Width];
        AddUnit(unit, row, 1);
        return unit;
    }

    private void AddUnit(double[] target, int row, int sign)
    {
        double norm = Norm(row);
        if (norm == 0) return;
        ReadOnlySpan<float> vector = Row(row);
        for (int d = 0; d < target.Length; d++) target[d] += sign * (vector[d] / norm);
    }

    private double[] Cosines(double[] target)
    {
        double norm = NormOf(target);
        double[] cosines = new double[_words.Length];
        for (int i = 0; i < cosines.Length; i++) cosines[i] = Cosine(target, norm, i);
        return cosines;
    }

    private double Cosine(double[] target, double norm, int row)
    {
        double both = norm * Norm(row), sum = 0;
        if (both == 0) return 0;
        ReadOnlySpan<float> vector = Row(row);
        for (int d = 0; d < target.Length; d++) sum += target[d] * vector[d];
        return sum / both;
    }

    private double Norm(int row) => (_norms ?? Norms())[row];

    /// <summary>The length of each vector, computed once; two threads may both compute it, to the same numbers.</summary>
    [MemberNotNull(nameof(_norms))]
    private double[] Norms()
    {
        double[] norms = new double[_words.Length];
        for (int i = 0; i < norms.Length; i++)
        {
            double square = 0;
            foreach (float v in Row(i)) square += (double)v * v;
            norms[i] = Math.Sqrt(square);
        }

        return _norms = norms;
    }

    private static double NormOf(double[] vector)
    {
        double square = 0;
        foreach (double v in vector) square += v * v;
        return Math.Sqrt(square);
    }

    private WordScore[] Best(double[] scores, int top, int[] without)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(top);
        // The worst of what is kept comes out first: the least score, of equal ones the later word.
        PriorityQueue<int, (double Score, int Index)> kept = new(Comparer<(double Score, int Index)>.Create((x, y)
            => x.Score != y.Score ? x.Score.CompareTo(y.Score) : y.Index.CompareTo(x.Index)));
        for (int i = 0; i < scores.Length; i++)
        {
            if (Array.IndexOf(without, i) >= 0) continue;
            if (kept.Count < top) kept.Enqueue(i, (scores[i], i));
            else if (top > 0) kept.EnqueueDequeue(i, (scores[i], i));
        }

        WordScore[] best = new WordScore[kept.Count];
        for (int n = best.Length - 1; n >= 0; n--)
        {
            int row = kept.Dequeue();
            best[n] = new WordScore(_words[row], scores[row]);
        }

        return best;
    }
}
