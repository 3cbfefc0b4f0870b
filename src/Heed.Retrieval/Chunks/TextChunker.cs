namespace Heed.Retrieval;

/// <summary>
/// Cuts texts where their structure allows it: never across a heading, first between paragraphs and blocks of code, then between
/// sentences or lines, then between words. Parts are as long as the limit allows.
/// </summary>
public static class TextChunker
{
    /// <summary>The parts of a text, in its order. Blank text has none.</summary>
    /// <param name="text">The text.</param>
    /// <param name="form">How it is built.</param>
    /// <param name="maximumTokens">Longest part.</param>
    /// <param name="countTokens">Counts tokens; null: words.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maximumTokens"/> is below 1.</exception>
    public static IReadOnlyList<TextChunk> Cut(string text, DocumentForm form, int maximumTokens, Func<string, int>? countTokens = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumTokens, 1);
        Packing packing = new(text, maximumTokens, countTokens ?? (static part => WordSplitter.Words(part).Count()));
        List<(int Level, string Title)> path = [];
        TextBlock? bare = null;   // a heading that nothing has followed so far
        foreach (TextBlock block in TextBlock.Of(text, form))
        {
            if (block.Level == 0)
            {
                bare = null;
                packing.Add(block, string.Join(" › ", path.Select(p => p.Title)));
                continue;
            }

            packing.Close();
            if (bare is { } alone && alone.Level >= block.Level) packing.AddAlone(alone, "");
            path.RemoveAll(p => p.Level >= block.Level);
            path.Add((block.Level, text[block.Start..block.End].Trim('#', ' ', '\t')));
            bare = block;
        }

        packing.Close();
        if (bare is { } last) packing.AddAlone(last, "");
        return packing.Chunks;
    }

    private sealed class Packing(string text, int most, Func<string, int> count)
    {
        private int _start = -1, _end, _tokens;
        private string _heading = "";

        public List<TextChunk> Chunks { get; } = [];

        public void Add(TextBlock block, string heading)
        {
            int tokens = count(text[block.Start..block.End]);
            if (_start >= 0 && _tokens + tokens > most) Close();
            if (tokens <= most)
            {
                if (_start < 0) (_start, _heading) = (block.Start, heading);
                _end = block.End;
                _tokens += tokens;
                return;
            }

            Close();
            foreach ((int start, int end) in Pieces(block.IsCode ? TextBlock.Lines(text, block.Start, block.End)
                : TextBlock.Sentences(text, block.Start, block.End), words: false)) AddAlone(new TextBlock(start, end), heading);
        }

        public void AddAlone(TextBlock block, string heading)
        {
            (_start, _end, _heading) = (block.Start, block.End, heading);
            Close();
        }

        /// <summary>Ends the open part.</summary>
        public void Close()
        {
            if (_start >= 0)
            {
                int start = _start, end = _end;
                while (start < end && char.IsWhiteSpace(text[end - 1])) end--;
                while (start < end && text[start] is '\n' or '\r') start++;
                if (start < end) Chunks.Add(new TextChunk(start, end, _heading));
            }

            (_start, _tokens) = (-1, 0);
        }

        /// <summary>Units put together as far as the limit allows; one that is too long is taken apart by words, a word by
        /// halves.</summary>
        private IEnumerable<(int Start, int End)> Pieces(IEnumerable<(int Start, int End)> units, bool words)
        {
            int start = -1, end = 0, tokens = 0;
            foreach ((int from, int to) in units)
            {
                int more = count(text[from..to]);
                if (start >= 0 && tokens + more > most)
                {
                    yield return (start, end);
                    (start, tokens) = (-1, 0);
                }

                if (more <= most || to - from < 2)
                {
                    if (start < 0) start = from;
                    end = to;
                    tokens += more;
                    continue;
                }

                int half = from + ((to - from) / 2);
                if (char.IsLowSurrogate(text[half])) half = half - 1 > from ? half - 1 : half + 1;
                IEnumerable<(int Start, int End)> smaller = words ? [(from, half), (half, to)] : TextBlock.Words(text, from, to);
                if (half < to || !words)
                    foreach ((int Start, int End) piece in Pieces(smaller, words: true)) yield return piece;
                else yield return (from, to);
            }

            if (start >= 0) yield return (start, end);
        }
    }
}
