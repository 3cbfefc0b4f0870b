using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.PreTokenizers;

/// <summary>Where Metaspace puts its character in front.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}

/// <summary>Blanks become ▁ (or another character); pieces begin with it.</summary>
internal sealed class MetaspacePreTokenizer(int replacement, PrependScheme scheme, bool split) : IPreTokenizer
{
    private readonly string _text = char.ConvertFromUtf32(replacement);

    public PrependScheme Scheme => scheme;

    /// <summary>The same with another scheme.</summary>
    public MetaspacePreTokenizer With(PrependScheme other) => new(replacement, other, split);

    public void PreTokenize(PreTokenizedText text)
    {
        NormalizedText inner = text.Text;
        inner.BeginRewrite();
        text.BeginCut();
        foreach ((int start, int end) in text.Pieces)
        {
            int from = inner.Written;
            if (Prepends(inner, start, end)) inner.Emit(replacement, start);
            for (int at = start; at < end;)
            {
                int blank = inner.Span[at..end].IndexOf(' ');
                int stop = blank < 0 ? end : at + blank;
                inner.Copy(at, stop - at);
                if (blank >= 0) inner.Emit(replacement, stop++);
                at = stop;
            }

            text.Add(from, inner.Written);
        }

        inner.EndRewrite();
        text.EndCut();
        if (split)
            Splitting.Cut(text, c => c == replacement, SplitBehavior.MergedWithNext);
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Metaspace");
        json.WriteString("replacement", _text);
        json.WriteString("prepend_scheme", PrependSchemes.Name(scheme));
        json.WriteBoolean("split", split);
        json.WriteEndObject();
    }

    private bool Prepends(NormalizedText text, int start, int end)
    {
        if (scheme == PrependScheme.Never || (scheme == PrependScheme.First && text.OriginalStart(start) != 0)) return false;
        ReadOnlySpan<char> piece = text.Span[start..end];
        return piece[0] != ' ' && !piece.StartsWith(_text, StringComparison.Ordinal);
    }
}

/// <summary>Names of the schemes in tokenizer.json.</summary>
internal static class PrependSchemes
{
    public static string Name(PrependScheme scheme) => scheme switch
    {
        PrependScheme.Always => "always",
        PrependScheme.First => "first",
        _ => "never",
    };
}
