namespace Heed.Tokenizers.Text;

/// <summary>Text cut into pieces: ranges of one <see cref="NormalizedText"/>, in order, never empty.</summary>
internal sealed class PreTokenizedText
{
    private (int Start, int End)[] _pieces = new (int, int)[32];
    private (int Start, int End)[] _next = new (int, int)[32];
    private int _nextCount;

    public PreTokenizedText()
    {
    }

    /// <summary>The whole of <paramref name="text"/> as one piece, normalized: what trainers count words from.</summary>
    public PreTokenizedText(string text, INormalizer? normalizer = null)
    {
        Text.Reset(text, 0);
        normalizer?.Normalize(Text);
        Reset(0, Text.Length);
    }

    /// <summary>The text that the pieces lie in.</summary>
    public NormalizedText Text { get; } = new();

    /// <summary>Working list of <see cref="PreTokenizers.Splitting"/>, kept for the next text.</summary>
    public List<(int Start, int End, bool Match)> Parts { get; } = [];

    /// <summary>Number of pieces.</summary>
    public int Count { get; private set; }

    /// <summary>The pieces as <c>[start, end)</c> in <see cref="Text"/>.</summary>
    public ReadOnlySpan<(int Start, int End)> Pieces => _pieces.AsSpan(0, Count);

    /// <summary>The text of a piece.</summary>
    public ReadOnlySpan<char> this[int piece] => Text.Span[_pieces[piece].Start.._pieces[piece].End];

    /// <summary>Makes one piece of <c>[start, end)</c>, or none where that is empty.</summary>
    public void Reset(int start, int end)
    {
        Count = 0;
        if (start == end) return;
        _pieces[0] = (start, end);
        Count = 1;
    }

    /// <summary>Begins a new list of pieces, filled by <see cref="Add"/> and taken by <see cref="EndCut"/>.</summary>
    public void BeginCut() => _nextCount = 0;

    /// <summary>Adds a piece to the new list; empty ones are left out.</summary>
    public void Add(int start, int end)
    {
        if (start == end) return;
        if (_nextCount == _next.Length) Array.Resize(ref _next, _next.Length * 2);
        _next[_nextCount++] = (start, end);
    }

    public void EndCut()
    {
        (_pieces, _next) = (_next, _pieces);
        Count = _nextCount;
    }
}
