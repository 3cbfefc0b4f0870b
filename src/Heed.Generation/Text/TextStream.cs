using System.Text;
using Heed.Tokenizers;

namespace Heed.Generation.Text;

/// <summary>Turns ids into text as they come: whole characters only, and nothing of a stop string or of what follows it, even if it spans
/// tokens.</summary>
/// <remarks>
/// Stop strings are looked for in prompt and new ids, decoded with their special tokens; a match must reach into the newest id. What is
/// returned has no special tokens. Text that may be the beginning of a stop string is held back until it is certain.
/// </remarks>
internal sealed class TextStream
{
    private readonly Tokenizer _tokenizer;
    private readonly IReadOnlyList<string> _stops;
    private readonly int _longestStop;
    private readonly DecodeStream _visible;
    private readonly DecodeStream? _full;                                  // with special tokens; null if there is nothing to look for
    private readonly List<(long Full, long Visible)> _marks = [];          // lengths of both texts after each id, as far back as text is held
    private readonly StringBuilder _ready = new();
    private string _held = "";                                             // visible text that is not certain
    private string _tail = "";                                             // the end of the full text
    private long _fullLength;
    private long _visibleLength;

    /// <summary>A stream after a prompt.</summary>
    /// <param name="tokenizer">Decodes.</param>
    /// <param name="prompt">Ids before the new ones: they decide whether the text begins with a space, and a stop string may begin in them.
    /// Empty if the text stands alone.</param>
    /// <param name="stops">Texts that end the stream.</param>
    public TextStream(Tokenizer tokenizer, ReadOnlySpan<int> prompt, IReadOnlyList<string>? stops = null)
    {
        _tokenizer = tokenizer;
        _stops = stops ?? [];
        foreach (string stop in _stops) _longestStop = Math.Max(_longestStop, stop.Length);
        _visible = tokenizer.CreateDecodeStream();
        foreach (int id in prompt) _visible.Step(id);
        if (_stops.Count == 0) return;
        _full = tokenizer.CreateDecodeStream(skipSpecialTokens: false);
        foreach (int id in prompt) Remember(_full.Step(id));
        _marks.Add((_fullLength, 0));
    }

    private TextStream(TextStream other)
    {
        (_tokenizer, _stops, _longestStop) = (other._tokenizer, other._stops, other._longestStop);
        (_visible, _full) = (other._visible.Clone(), other._full?.Clone());
        _marks.AddRange(other._marks);
        _ready.Append(other._ready);
        (_held, _tail, _fullLength, _visibleLength, Stop) = (other._held, other._tail, other._fullLength, other._visibleLength, other.Stop);
    }

    /// <summary>The stop string that came, or null.</summary>
    public string? Stop { get; private set; }

    /// <summary>A second stream that has seen the same ids: another continuation of a beam.</summary>
    public TextStream Clone() => new(this);

    /// <summary>Adds an id.</summary>
    /// <returns>False once a stop string came: further ids are not wanted.</returns>
    public bool Add(int id)
    {
        if (Stop is not null) return false;
        if (_full is null)
        {
            _ready.Append(_visible.Step(id));
            return true;
        }

        string? visible = _visible.Step(id), full = _full.Step(id);
        Append(full, visible, _tokenizer.AddedTokens.TryGetValue(id, out AddedToken? added) && added.Special ? added.Content.Length : 0);
        return Stop is null;
    }

    /// <summary>Reports that no more ids come: what was held back becomes text.</summary>
    public void Finish()
    {
        if (Stop is not null) return;
        string? visible = _visible.Flush();
        if (_full is null)
        {
            _ready.Append(visible);
            return;
        }

        Append(_full.Flush(), visible, 0);
        if (Stop is not null) return;
        _ready.Append(_held);
        _held = "";
    }

    /// <summary>Takes the text that became certain since the last call; empty if there is none.</summary>
    public string Take()
    {
        string text = _ready.ToString();
        _ready.Clear();
        return text;
    }

    private void Append(string? full, string? visible, int special)
    {
        long before = _fullLength;
        Remember(full);
        _held += visible;
        _visibleLength += visible?.Length ?? 0;
        // A special token is seen in the full text alone, at the end of what it closes.
        if (special > 0 && full?.Length > special) _marks.Add((_fullLength - special, _visibleLength));
        _marks.Add((_fullLength, _visibleLength));
        if (Find(before) is { } at)
        {
            if (_visible.Flush() is { } rest)
            {
                _held += rest;
                _visibleLength += rest.Length;
                if (special > 0 && full?.Length > special) _marks[^2] = (_marks[^2].Full, _visibleLength);
                _marks[^1] = (_fullLength, _visibleLength);
            }

            Release(at);
            _held = "";
            return;
        }

        Release(_fullLength - Beginning());
        if (_tail.Length > 2 * _longestStop) _tail = _tail[^_longestStop..];
    }

    private void Remember(string? full)
    {
        if (full is null) return;
        _tail += full;
        _fullLength += full.Length;
        if (_marks.Count == 0 && _tail.Length > 2 * _longestStop) _tail = _tail[^_longestStop..];
    }

    /// <summary>The place in the full text of the first stop string that ends after <paramref name="before"/>; of several there the
    /// longest.</summary>
    private long? Find(long before)
    {
        long start = _fullLength - _tail.Length;
        int found = -1;
        foreach (string stop in _stops)
        {
            int from = (int)Math.Max(0, before - start - stop.Length + 1);
            int at = from > _tail.Length ? -1 : _tail.IndexOf(stop, from, StringComparison.Ordinal);
            if (at < 0 || (found >= 0 && (at > found || (at == found && stop.Length <= Stop!.Length)))) continue;
            found = at;
            Stop = stop;
        }

        return found < 0 ? null : start + found;
    }

    /// <summary>Makes the visible text before a place of the full text certain.</summary>
    private void Release(long place)
    {
        int last = _marks.FindLastIndex(m => m.Full <= place);
        long visible = 0;
        if (last >= 0)
        {
            visible = _marks[last].Visible;
            // Within an id both texts are aligned at its end: they differ at most in a blank at its beginning.
            if (last + 1 < _marks.Count) visible = Math.Max(visible, _marks[last + 1].Visible - (_marks[last + 1].Full - place));
            _marks.RemoveRange(0, last);
        }

        int count = (int)(visible - (_visibleLength - _held.Length));
        if (count <= 0) return;
        _ready.Append(_held, 0, count);
        _held = _held[count..];
    }

    /// <summary>Length of the longest end of the full text with which a stop string begins.</summary>
    private int Beginning()
    {
        int longest = 0;
        foreach (string stop in _stops)
        {
            for (int length = Math.Min(stop.Length - 1, _tail.Length); length > longest; length--)
            {
                if (!_tail.AsSpan(_tail.Length - length).SequenceEqual(stop.AsSpan(0, length))) continue;
                longest = length;
                break;
            }
        }

        return longest;
    }
}
