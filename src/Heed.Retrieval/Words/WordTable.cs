namespace Heed.Retrieval;

/// <summary>Words and vectors while they are read: the first of two equal words stays.</summary>
/// <param name="path">The file, for errors.</param>
/// <param name="width">Numbers of a vector.</param>
/// <param name="expected">Words for which room is made at once; more may come.</param>
internal sealed class WordTable(string path, int width, int expected)
{
    private float[] _values = new float[Math.Min((long)Math.Max(1, expected) * width, Array.MaxLength)];

    public int Width => width;

    public List<string> Words { get; } = new(expected);

    /// <summary>Places of the words.</summary>
    public Dictionary<string, int> Rows { get; } = new(expected, StringComparer.Ordinal);

    /// <summary>[V, D], cut to what was read.</summary>
    public float[] Values
    {
        get
        {
            if (_values.Length != Words.Count * width) Array.Resize(ref _values, Words.Count * width);
            return _values;
        }
    }

    /// <summary>Room for the next word's vector, good until the next call.</summary>
    /// <exception cref="InvalidFileException">The vectors are more than an array holds.</exception>
    public Span<float> Next()
    {
        long start = (long)Words.Count * width;
        if (start + width > Array.MaxLength) throw new InvalidFileException(path, $"word {Words.Count + 1}", $"is one too many: "
            + $"{Array.MaxLength:N0} numbers are the most that is held. Keep the first words of the file");
        if (start + width > _values.Length) Array.Resize(ref _values,
            (int)Math.Min(Array.MaxLength, Math.Max(2L * _values.Length, start + width)));
        return _values.AsSpan((int)start, width);
    }

    /// <summary>Keeps what was written into <see cref="Next"/>, unless the word is there already.</summary>
    public void Add(string word)
    {
        if (Rows.TryAdd(word, Words.Count)) Words.Add(word);
    }
}
