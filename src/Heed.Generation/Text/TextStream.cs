using System.Text;
using Heed.Tokenizers;

namespace Heed.Generation.Text;

/// <summary>Turns ids into text as they come: whole characters only, and nothing of a stop string or of what follows it, even where it spans tokens.</summary>
/// <remarks>Text that may be the beginning of a stop string is held back until it is certain. Not safe for several threads at once.</remarks>
public sealed class TextStream
{
    private readonly DecodeStream _decoder;
    private readonly IReadOnlyList<string> _stops;
    private readonly StringBuilder _held = new();
    private readonly StringBuilder _ready = new();

    /// <summary>A stream behind a prompt.</summary>
    /// <param name="tokenizer">Decodes.</param>
    /// <param name="prompt">Ids in front of the new ones: they decide whether the text begins with a space. Empty where the text stands alone.</param>
    /// <param name="stops">Texts that end the stream.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <exception cref="InputException">A stop string is empty.</exception>
    public TextStream(Tokenizer tokenizer, ReadOnlySpan<int> prompt, IReadOnlyList<string>? stops = null, bool skipSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _stops = stops ?? [];
        foreach (string stop in _stops)
            if (string.IsNullOrEmpty(stop)) throw new InputException("stop: a stop string is empty; give at least one character.");
        _decoder = tokenizer.CreateDecodeStream(skipSpecialTokens);
        foreach (int id in prompt) _decoder.Step(id);
    }

    /// <summary>The stop string that came, or null.</summary>
    public string? Stop { get; private set; }

    /// <summary>Adds an id.</summary>
    /// <returns>False once a stop string came: further ids are not wanted.</returns>
    public bool Add(int id)
    {
        if (Stop is not null) return false;
        if (_decoder.Step(id) is { } text) Append(text, last: false);
        return Stop is null;
    }

    /// <summary>Says that no more ids come: what was held back becomes text.</summary>
    public void Finish()
    {
        if (Stop is null) Append(_decoder.Flush() ?? "", last: true);
    }

    /// <summary>Takes the text that became certain since the last call; empty where there is none.</summary>
    public string Take()
    {
        string text = _ready.ToString();
        _ready.Clear();
        return text;
    }

    private void Append(string text, bool last)
    {
        _held.Append(text);
        string held = _held.ToString();
        int end = -1;
        foreach (string stop in _stops)
        {
            int at = held.IndexOf(stop, StringComparison.Ordinal);
            if (at < 0 || (end >= 0 && (at > end || (at == end && stop.Length <= Stop!.Length)))) continue;
            end = at;
            Stop = stop;
        }

        int certain = Stop is not null ? end : last ? held.Length : held.Length - Beginning(held);
        _ready.Append(held, 0, certain);
        _held.Clear();
        if (Stop is null) _held.Append(held, certain, held.Length - certain);
    }

    /// <summary>Length of the longest end of the text with which a stop string begins.</summary>
    private int Beginning(string text)
    {
        int longest = 0;
        foreach (string stop in _stops)
        {
            for (int length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (!text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length))) continue;
                longest = length;
                break;
            }
        }

        return longest;
    }
}
