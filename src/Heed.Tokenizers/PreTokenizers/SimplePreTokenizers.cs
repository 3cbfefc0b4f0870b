using System.Text.Json;
using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.PreTokenizers;

/// <summary>Several pre-tokenizers, one after the other.</summary>
internal sealed class SequencePreTokenizer(IReadOnlyList<IPreTokenizer> parts) : IPreTokenizer
{
    public IReadOnlyList<IPreTokenizer> Parts => parts;

    public void PreTokenize(PreTokenizedText text)
    {
        foreach (IPreTokenizer part in parts) part.PreTokenize(text);
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        foreach (IPreTokenizer part in parts) part.Write(json);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}

/// <summary>Runs of word characters, and runs of what is neither that nor white space: <c>\w+|[^\w\s]+</c>.</summary>
internal sealed class WhitespacePreTokenizer : IPreTokenizer
{
    private const int Space = 0, Word = 1, Other = 2;

    public void PreTokenize(PreTokenizedText text)
    {
        ReadOnlySpan<char> span = text.Text.Span;
        text.BeginCut();
        foreach ((int start, int end) in text.Pieces)
        {
            int from = start, kind = Space;
            for (int at = start; at < end;)
            {
                int c = CodePoint.At(span, at, out int units);
                int next = CharacterClasses.IsRegexWord(c) ? Word : CharacterClasses.IsWhiteSpace(c) ? Space : Other;
                if (next != kind)
                {
                    if (kind != Space) text.Add(from, at);
                    (from, kind) = (at, next);
                }

                at += units;
            }

            if (kind != Space) text.Add(from, end);
        }

        text.EndCut();
    }

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "Whitespace");
}

/// <summary>Cuts at white space, which goes.</summary>
internal sealed class WhitespaceSplitPreTokenizer : IPreTokenizer
{
    public void PreTokenize(PreTokenizedText text)
    {
        ReadOnlySpan<char> span = text.Text.Span;
        text.BeginCut();
        foreach ((int start, int end) in text.Pieces)
        {
            int from = start;
            for (int at = start; at < end; at++)
            {
                if (!CharacterClasses.IsWhiteSpace(span[at])) continue;
                text.Add(from, at);
                from = at + 1;
            }

            text.Add(from, end);
        }

        text.EndCut();
    }

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "WhitespaceSplit");
}

/// <summary>Cuts at white space, which goes, and around each punctuation character.</summary>
internal sealed class BertPreTokenizer : IPreTokenizer
{
    public void PreTokenize(PreTokenizedText text)
    {
        ReadOnlySpan<char> span = text.Text.Span;
        text.BeginCut();
        foreach ((int start, int end) in text.Pieces)
        {
            int from = start;
            for (int at = start; at < end;)
            {
                int c = span[at];
                int units = 1;
                if (c >= 0xD800) c = CodePoint.At(span, at, out units);
                int kind = CharacterClasses.BertKind(c);
                if (kind != 0)
                {
                    text.Add(from, at);
                    from = at + units;
                    if (kind == CharacterClasses.BertPunctuation) text.Add(at, from);
                }

                at += units;
            }

            text.Add(from, end);
        }

        text.EndCut();
    }

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "BertPreTokenizer");
}

/// <summary>Cuts at each punctuation character.</summary>
internal sealed class PunctuationPreTokenizer(SplitBehavior behavior) : IPreTokenizer
{
    public void PreTokenize(PreTokenizedText text) => Splitting.Cut(text, CharacterClasses.IsPunctuation, behavior);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Punctuation");
        json.WriteString("behavior", behavior.ToString());
        json.WriteEndObject();
    }
}

/// <summary>Cuts at the matches of a pattern.</summary>
internal sealed class SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, bool invert) : IPreTokenizer
{
    public TextPattern Pattern => pattern;

    public void PreTokenize(PreTokenizedText text) => Splitting.Cut(text, pattern.FindAll, behavior, invert);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Split");
        pattern.Write(json);
        json.WriteString("behavior", behavior.ToString());
        json.WriteBoolean("invert", invert);
        json.WriteEndObject();
    }
}

/// <summary>Cuts out numbers, digit by digit or in runs.</summary>
internal sealed class DigitsPreTokenizer(bool individual) : IPreTokenizer
{
    public void PreTokenize(PreTokenizedText text)
        => Splitting.Cut(text, CharacterClasses.IsNumeric, individual ? SplitBehavior.Isolated : SplitBehavior.Contiguous);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Digits");
        json.WriteBoolean("individual_digits", individual);
        json.WriteEndObject();
    }
}

/// <summary>Cuts at one character, which goes.</summary>
internal sealed class CharDelimiterPreTokenizer(int delimiter) : IPreTokenizer
{
    public void PreTokenize(PreTokenizedText text) => Splitting.Cut(text, c => c == delimiter, SplitBehavior.Removed);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "CharDelimiterSplit");
        json.WriteString("delimiter", char.ConvertFromUtf32(delimiter));
        json.WriteEndObject();
    }
}

/// <summary>Cuts into pieces of a fixed number of code points.</summary>
internal sealed class FixedLengthPreTokenizer(int length) : IPreTokenizer
{
    public void PreTokenize(PreTokenizedText text)
    {
        ReadOnlySpan<char> span = text.Text.Span;
        text.BeginCut();
        foreach ((int start, int end) in text.Pieces)
        {
            int from = start, count = 0;
            for (int at = start; at < end;)
            {
                _ = CodePoint.At(span, at, out int units);
                at += units;
                if (++count < length) continue;
                text.Add(from, at);
                (from, count) = (at, 0);
            }

            text.Add(from, end);
        }

        text.EndCut();
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "FixedLength");
        json.WriteNumber("length", length);
        json.WriteEndObject();
    }
}

/// <summary>Cuts where the script changes; kana count as Han, blanks as any, and what stands before the first script goes.</summary>
internal sealed class UnicodeScriptsPreTokenizer : IPreTokenizer
{
    public void PreTokenize(PreTokenizedText text)
    {
        ReadOnlySpan<char> span = text.Text.Span;
        text.BeginCut();
        foreach ((int start, int end) in text.Pieces)
        {
            int last = -1, from = -1;
            for (int at = start; at < end;)
            {
                int script = CharacterClasses.SplitScript(CodePoint.At(span, at, out int units));
                if (script != 0 && script != last)
                {
                    if (from >= 0) text.Add(from, at);
                    from = at;
                    last = script;
                }

                at += units;
            }

            if (from >= 0) text.Add(from, end);
        }

        text.EndCut();
    }

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "UnicodeScripts");
}
