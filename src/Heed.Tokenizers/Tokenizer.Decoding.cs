using System.Runtime.InteropServices;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers;

public sealed partial class Tokenizer
{
    /// <summary>Turns ids back into text; ids outside the vocabulary are left out.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <exception cref="ConfigException">The decoder cannot work on these tokens.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        List<string> tokens = new(ids.Length);
        foreach (int id in ids)
        {
            string? token = _added.DecodedTokenOf(id);
            if (token is not null && !(skipSpecialTokens && _added.IsSpecial(token))) tokens.Add(token);
        }

        return Parts.Decoder is null ? string.Join(' ', tokens) : string.Concat(Parts.Decoder.Decode(tokens));
    }

    /// <summary>Starts decoding ids as they come, one after the other.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public DecodeStream CreateDecodeStream(bool skipSpecialTokens = true) => new(this, skipSpecialTokens);
}

/// <summary>
/// Decodes ids as they come and gives text as soon as it is certain: never half a character, and never text that a later id would change.
/// </summary>
/// <remarks>Not safe for several threads at once. The chunks together with <see cref="Flush"/> are the text of all ids.</remarks>
public sealed class DecodeStream
{
    private const string Replacement = "\uFFFD";

    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly List<int> _ids = [];
    private string _prefix = "";
    private int _prefixCount;

    internal DecodeStream(Tokenizer tokenizer, bool skipSpecialTokens) => (_tokenizer, _skipSpecialTokens) = (tokenizer, skipSpecialTokens);

    /// <summary>Takes the next id and returns the text that became certain, or null where there is none yet.</summary>
    /// <exception cref="ConfigException">The tokenizer's decoder changes text that it gave before.</exception>
    public string? Step(int id)
    {
        if (_prefix.Length == 0 && _ids.Count > 0)
        {
            string known = Decoded();
            if (!known.EndsWith(Replacement, StringComparison.Ordinal)) (_prefix, _prefixCount) = (known, _ids.Count);
        }

        _ids.Add(id);
        string text = Decoded();
        // The reference compares lengths in bytes of UTF-8.
        if (text.EndsWith(Replacement, StringComparison.Ordinal) || System.Text.Encoding.UTF8.GetByteCount(text) <= System.Text.Encoding.UTF8.GetByteCount(_prefix)) return null;
        if (!text.StartsWith(_prefix, StringComparison.Ordinal))
            throw new ConfigException("The decoder changed text that was already given out; such a decoder cannot stream. Decode all ids at once instead.");
        string chunk = text[_prefix.Length..];
        int kept = _ids.Count - _prefixCount;
        _ids.RemoveRange(0, _prefixCount);
        _prefix = Decoded();
        _prefixCount = kept;
        return chunk;
    }

    /// <summary>The text of the ids that have not become certain, e.g. the bytes of an unfinished character as U+FFFD; null where there is none.</summary>
    public string? Flush()
    {
        if (_ids.Count == 0) return null;
        string text = Decoded();
        string prefix = _prefix.Length == 0 && _prefixCount == 0 ? "" : _prefix;
        _ids.Clear();
        (_prefix, _prefixCount) = ("", 0);
        return text.Length > prefix.Length && text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : null;
    }

    private string Decoded() => _tokenizer.Decode(CollectionsMarshal.AsSpan(_ids), _skipSpecialTokens);
}
