using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers;

/// <summary>
/// Decodes ids as they come and returns text as soon as it is certain: never half a character, and never text that a later id would change.
/// </summary>
/// <remarks>
/// For any ids the chunks together with <see cref="Flush"/> are <see cref="Tokenizer.Decode(ReadOnlySpan{int}, bool)"/> of all ids. A run
/// of byte tokens (<c>&lt;0xE4&gt;</c>) is valid or invalid as a whole, so nothing of it is returned before another token closes it. Not
/// safe for several threads at once.
/// </remarks>
public sealed class DecodeStream
{
    private const char Replacement = '\uFFFD';

    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly Certainty _certainty;
    private readonly List<string> _tokens = [];   // the window: some tokens whose text was returned, then those whose text was not
    private int _given;                           // characters of the window's text that were returned
    private int _context;                         // leading tokens that the next window can do without

    internal DecodeStream(Tokenizer tokenizer, bool skipSpecialTokens)
    {
        (_tokenizer, _skipSpecialTokens) = (tokenizer, skipSpecialTokens);
        _certainty = Certainty.Of(tokenizer.Parts.Decoder);
    }

    private DecodeStream(DecodeStream other)
    {
        (_tokenizer, _skipSpecialTokens, _certainty) = (other._tokenizer, other._skipSpecialTokens, other._certainty);
        _tokens.AddRange(other._tokens);
        (_given, _context) = (other._given, other._context);
    }

    /// <summary>Takes the next id and returns the text that became certain, or null if there is none yet.</summary>
    /// <exception cref="ConfigException">The decoder cannot work on these tokens.</exception>
    public string? Step(int id)
    {
        if (_tokenizer.VisibleToken(id, _skipSpecialTokens) is not { } token) return null;
        _tokens.Add(token);
        if (_certainty.OnlyAtTheEnd || (_certainty.ByteRuns && ByteFallbackDecoder.IsByte(token))) return null;
        string text = _tokenizer.DecodeTokens(_tokens);
        if (text.EndsWith(Replacement)) return null;
        int certain = text.Length;
        if (_certainty.LastTokenDiffers)
        {
            // The text of the last token once it is no longer the last one.
            _tokens.Add(token);
            certain = text.AsSpan().CommonPrefixLength(_tokenizer.DecodeTokens(_tokens));
            _tokens.RemoveAt(_tokens.Count - 1);
        }

        if (certain <= _given) return null;
        string chunk = text[_given..certain];
        _given = certain;
        Shorten(text);
        return chunk;
    }

    /// <summary>The text of the ids that did not become certain, e.g. the bytes of an unfinished character as U+FFFD; null if there is
    /// none.</summary>
    /// <exception cref="ConfigException">The decoder cannot work on these tokens.</exception>
    public string? Flush()
    {
        if (_tokens.Count == 0) return null;
        string text = _tokenizer.DecodeTokens(_tokens);
        string? rest = text.Length > _given ? text[_given..] : null;
        _tokens.Clear();
        (_given, _context) = (0, 0);
        return rest;
    }

    /// <summary>A second stream that has taken the same ids.</summary>
    internal DecodeStream Clone() => new(this);

    /// <summary>
    /// Drops tokens from the front of the window, if what is left decodes to some returned text: decoders treat the first text differently
    /// (no blank before it), so that a window must not begin with tokens that are still to be returned.
    /// </summary>
    private void Shorten(string text)
    {
        if (_context > 0)
        {
            List<string> rest = _tokens[_context..];
            int given = _tokenizer.DecodeTokens(rest).Length - (text.Length - _given);
            if (given <= 0) return;
            _tokens.RemoveRange(0, _context);
            _given = given;
        }

        _context = _tokens.Count;
    }

    /// <summary>When a decoder's text is certain.</summary>
    /// <param name="ByteRuns">Byte tokens are decoded run by run.</param>
    /// <param name="LastTokenDiffers">The last token's text changes once another follows.</param>
    /// <param name="OnlyAtTheEnd">A part works on the joined text of all tokens, so any later token may change all of it.</param>
    private readonly record struct Certainty(bool ByteRuns, bool LastTokenDiffers, bool OnlyAtTheEnd)
    {
        public static Certainty Of(IDecoder? decoder)
        {
            Certainty certainty = default;
            bool joined = false;
            foreach (IDecoder part in Flat(decoder))
            {
                certainty = part switch
                {
                    FuseDecoder or StripDecoder => certainty,
                    _ when joined => certainty with { OnlyAtTheEnd = true },
                    ByteFallbackDecoder => certainty with { ByteRuns = true },
                    BpeDecoder => certainty with { LastTokenDiffers = true },
                    _ => certainty,
                };
                joined |= part is FuseDecoder or ByteLevelDecoder;
            }

            return certainty;
        }

        private static IEnumerable<IDecoder> Flat(IDecoder? decoder) => decoder switch
        {
            null => [],
            SequenceDecoder sequence => sequence.Parts.SelectMany(Flat),
            _ => [decoder],
        };
    }
}
