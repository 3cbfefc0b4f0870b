using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Text;

/// <summary>The added tokens of a tokenizer: their ids, and where they stand in a text.</summary>
internal sealed class AddedVocabulary
{
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<int, AddedToken> _tokens = [];
    private readonly Dictionary<int, string> _decoded = [];
    private readonly HashSet<string> _special = new(StringComparer.Ordinal);
    private readonly ITokenModel _model;
    private readonly string _source;
    private readonly IReadOnlySet<string> _spelled;

    /// <param name="tokens">In the order in which they get their ids. A token the model knows keeps the model's id; others get the next
    /// free one.</param>
    /// <param name="model">The vocabulary beneath.</param>
    /// <param name="normalizer">What normalized tokens are normalized by.</param>
    /// <param name="spelled">Texts of tokens that are known, but never cut out of a text.</param>
    /// <param name="source">The file of the tokenizer, for errors.</param>
    public AddedVocabulary(IReadOnlyList<AddedToken> tokens, ITokenModel model, INormalizer? normalizer, string source, IReadOnlySet<string> spelled)
    {
        (_model, _source, _spelled) = (model, source, spelled);
        List<AddedToken> special = [], others = [];
        HashSet<AddedToken> present = [];
        int largest = -1;
        foreach (AddedToken given in tokens)
        {
            AddedToken token = given with { Id = -1 };
            if (token.Content.Length == 0) continue;
            if (token.Special && _special.Add(token.Content)) special.Add(token);
            if (present.Contains(token)) continue;
            int id = IdOf(token.Content);
            if (id < 0) id = Math.Max(model.VocabularySize, largest + 1);
            if (_tokens.TryGetValue(id, out AddedToken? replaced)) present.Remove(replaced);
            _ids[token.Content] = id;
            _tokens[id] = token;
            present.Add(token);
            largest = Math.Max(largest, id);
            if (!_special.Contains(token.Content)) others.Add(token);
        }

        foreach ((int id, AddedToken token) in _tokens) _decoded.Add(id, token.Normalized ? NormalizedContent(token, normalizer) : token.Content);
        AddedToken[] all = [.. special, .. others];
        Raw = Matcher(all.Where(token => !token.Normalized), null);
        Normalized = Matcher(all.Where(token => token.Normalized), normalizer);
    }

    /// <summary>Finds tokens in raw text; null where there are none to find.</summary>
    public AhoCorasick? Raw { get; }

    /// <summary>Finds tokens in normalized text; null where there are none to find.</summary>
    public AhoCorasick? Normalized { get; }

    /// <summary>Added tokens by id.</summary>
    public IReadOnlyDictionary<int, AddedToken> Tokens => _tokens;

    /// <summary>Number of added tokens that the model does not know.</summary>
    public int NewTokens => _ids.Keys.Count(content => _model.IdOf(content) < 0);

    public int IdOf(string token)
        => _ids.TryGetValue(token, out int id) ? id : _model.IdOf(token);

    public string? TokenOf(int id)
        => _tokens.TryGetValue(id, out AddedToken? token) ? token.Content : _model.TokenOf(id);

    /// <summary>The token of an id as the decoder sees it: a normalized added token in its normalized form.</summary>
    public string? DecodedTokenOf(int id)
        => _decoded.TryGetValue(id, out string? content) ? content : _model.TokenOf(id);

    public bool IsSpecial(string token) => _special.Contains(token);

    /// <summary>Cuts <c>[from, to)</c> of <paramref name="text"/>: (id, start, end) for a token, id −1 for what lies between.</summary>
    public void Split(AhoCorasick matcher, ReadOnlySpan<char> text, List<(int Id, int Start, int End)> found)
    {
        int done = 0;
        for (int from = 0; matcher.Find(text, from, out int start, out int end, out int id);)
        {
            from = end;
            AddedToken token = _tokens[id];
            if (_spelled.Contains(token.Content)) continue;
            if (token.SingleWord && (EndsWithWord(text[..start]) || StartsWithWord(text[end..]))) continue;
            if (token.LeftStrip) start = Math.Max(done, start - TrailingSpaces(text[..start]));
            if (token.RightStrip) end += LeadingSpaces(text[end..]);
            if (done < start) found.Add((-1, done, start));
            found.Add((id, start, end));
            done = end;
        }

        if (done != text.Length) found.Add((-1, done, text.Length));
    }

    private AhoCorasick? Matcher(IEnumerable<AddedToken> tokens, INormalizer? normalizer)
    {
        List<(string Text, int Id)> patterns = [];
        foreach (AddedToken token in tokens)
        {
            string content = NormalizedContent(token, normalizer);
            // A pattern that normalizes to nothing would match everywhere; it can stand for no text.
            if (content.Length > 0) patterns.Add((content, _ids[token.Content]));
        }

        return patterns.Count == 0 ? null : new AhoCorasick(patterns);
    }

    private string NormalizedContent(AddedToken token, INormalizer? normalizer)
    {
        if (normalizer is null) return token.Content;
        NormalizedText text = new(token.Content) { Source = _source };
        normalizer.Normalize(text);
        return text.ToString();
    }

    private static bool StartsWithWord(ReadOnlySpan<char> text)
        => !text.IsEmpty && CharacterClasses.IsRegexWord(CodePoint.First(text));

    private static bool EndsWithWord(ReadOnlySpan<char> text)
        => !text.IsEmpty && CharacterClasses.IsRegexWord(CodePoint.Last(text));

    private static int LeadingSpaces(ReadOnlySpan<char> text)
    {
        int count = 0;
        while (count < text.Length && CharacterClasses.IsWhiteSpace(text[count])) count++;
        return count;
    }

    private static int TrailingSpaces(ReadOnlySpan<char> text)
    {
        int count = 0;
        while (count < text.Length && CharacterClasses.IsWhiteSpace(text[text.Length - 1 - count])) count++;
        return count;
    }
}
