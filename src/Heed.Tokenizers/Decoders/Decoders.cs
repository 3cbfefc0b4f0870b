using System.Globalization;
using System.Text;
using System.Text.Json;
using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Decoders;

/// <summary>Several decoders, one after the other.</summary>
internal sealed class SequenceDecoder(IReadOnlyList<IDecoder> parts) : IDecoder
{
    public IReadOnlyList<IDecoder> Parts => parts;

    public List<string> Decode(List<string> tokens)
    {
        long limit = GrowthLimit.Of(TextReplacement.Length(tokens));
        foreach (IDecoder part in parts)
        {
            tokens = part.Decode(tokens);
            if (TextReplacement.Length(tokens) > limit) throw GrowthLimit.Passed("$.decoder", limit);
        }

        return tokens;
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Sequence");
        json.WriteStartArray("decoders");
        foreach (IDecoder part in parts) part.Write(json);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}

/// <summary>The suffix of a word's end becomes a blank, at the very end nothing.</summary>
internal sealed class BpeDecoder(string suffix) : IDecoder
{
    public List<string> Decode(List<string> tokens)
        => [.. tokens.Select((token, i) => TextReplacement.ReplaceAll(token, suffix, i == tokens.Count - 1 ? "" : " "))];

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "BPEDecoder");
        json.WriteString("suffix", suffix);
        json.WriteEndObject();
    }
}

/// <summary>Characters back to the bytes they stand for; bytes that are not UTF-8 become U+FFFD.</summary>
internal sealed class ByteLevelDecoder(bool addPrefixSpace, bool trimOffsets, bool useRegex) : IDecoder
{
    public List<string> Decode(List<string> tokens)
    {
        List<byte> bytes = new(tokens.Count * 4);
        foreach (string token in tokens)
        {
            int before = bytes.Count;
            foreach (char c in token)
            {
                int b = ByteLevelAlphabet.ByteOf(c);
                if (b < 0)
                {
                    // A token with any other character is text as it stands.
                    bytes.RemoveRange(before, bytes.Count - before);
                    bytes.AddRange(System.Text.Encoding.UTF8.GetBytes(token));
                    break;
                }

                bytes.Add((byte)b);
            }
        }

        return [System.Text.Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes))];
    }

    public void Write(Utf8JsonWriter json) => ByteLevelOptions.Write(json, addPrefixSpace, trimOffsets, useRegex);
}

/// <summary>Pieces of words are joined, words get blanks between them.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : IDecoder
{
    public List<string> Decode(List<string> tokens)
    {
        List<string> decoded = new(tokens.Count);
        for (int i = 0; i < tokens.Count; i++)
        {
            string token = tokens[i];
            if (i > 0) token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
            decoded.Add(cleanup ? TextReplacement.CleanUp(token) : token);
        }

        return decoded;
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "WordPiece");
        json.WriteString("prefix", prefix);
        json.WriteBoolean("cleanup", cleanup);
        json.WriteEndObject();
    }
}

/// <summary>Takes out blanks of the whole text, as <c>clean_up_tokenization_spaces</c> asks for; tokenizer.json has no such step.</summary>
internal sealed class CleanUpDecoder(IDecoder inner) : IDecoder
{
    public IDecoder Inner => inner;

    public List<string> Decode(List<string> tokens) => [TextReplacement.CleanUpText(string.Concat(inner.Decode(tokens)))];

    public void Write(Utf8JsonWriter json) => inner.Write(json);
}

/// <summary>▁ becomes a blank; in the first token it goes, unless none was put there.</summary>
internal sealed class MetaspaceDecoder(int replacement, PrependScheme scheme, bool split) : IDecoder
{
    private readonly string _text = char.ConvertFromUtf32(replacement);

    public List<string> Decode(List<string> tokens)
        => [.. tokens.Select((token, i) => token.Replace(_text, i == 0 && scheme != PrependScheme.Never ? "" : " ", StringComparison.Ordinal))];

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Metaspace");
        json.WriteString("replacement", _text);
        json.WriteString("prepend_scheme", PrependSchemes.Name(scheme));
        json.WriteBoolean("split", split);
        json.WriteEndObject();
    }
}

/// <summary>Tokens <c>&lt;0x00&gt;</c>…<c>&lt;0xFF&gt;</c> back to bytes; a run that is not UTF-8 becomes one U+FFFD a byte.</summary>
internal sealed class ByteFallbackDecoder : IDecoder
{
    public List<string> Decode(List<string> tokens)
    {
        List<string> decoded = new(tokens.Count);
        List<byte> bytes = [];
        foreach (string token in tokens)
        {
            if (TryByte(token, out byte b))
            {
                bytes.Add(b);
                continue;
            }

            Flush(bytes, decoded);
            decoded.Add(token);
        }

        Flush(bytes, decoded);
        return decoded;
    }

    /// <summary>True for a token that stands for a byte.</summary>
    public static bool IsByte(string token) => TryByte(token, out _);

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "ByteFallback");

    private static bool TryByte(string token, out byte value)
    {
        value = 0;
        if (token.Length != 6 || !token.StartsWith("<0x", StringComparison.Ordinal) || token[5] != '>') return false;
        // Rust's reading of numbers takes a plus sign too.
        ReadOnlySpan<char> digits = token[3] == '+' ? token.AsSpan(4, 1) : token.AsSpan(3, 2);
        return byte.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private static void Flush(List<byte> bytes, List<string> decoded)
    {
        if (bytes.Count == 0) return;
        ReadOnlySpan<byte> span = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes);
        if (System.Text.Unicode.Utf8.IsValid(span)) decoded.Add(System.Text.Encoding.UTF8.GetString(span));
        else decoded.AddRange(Enumerable.Repeat("\uFFFD", bytes.Count));
        bytes.Clear();
    }
}

/// <summary>Joins all tokens to one.</summary>
internal sealed class FuseDecoder : IDecoder
{
    public List<string> Decode(List<string> tokens) => [string.Concat(tokens)];

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "Fuse");
}

/// <summary>Strips up to N of one character off the ends of each token.</summary>
internal sealed class StripDecoder(int content, int start, int stop) : IDecoder
{
    public List<string> Decode(List<string> tokens) => [.. tokens.Select(Strip)];

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Strip");
        json.WriteString("content", char.ConvertFromUtf32(content));
        json.WriteNumber("start", start);
        json.WriteNumber("stop", stop);
        json.WriteEndObject();
    }

    private string Strip(string token)
    {
        int[] points = [.. token.EnumerateRunes().Select(rune => rune.Value)];
        int from = 0, to = points.Length;
        while (from < start && from < points.Length && points[from] == content) from++;
        for (int i = 0; i < stop; i++)
        {
            int index = points.Length - i - 1;
            if (index < 0) throw Failed(token);
            if (points[index] != content) break;
            to = index;
        }

        if (from > to) throw Failed(token);
        StringBuilder kept = new();
        for (int i = from; i < to; i++) kept.Append(char.ConvertFromUtf32(points[i]));
        return kept.ToString();
    }

    private ConfigException Failed(string token)
        => new($"$.decoder: Strip is to take {start} and {stop} characters off the ends of \"{Printable.Shorten(token)}\", which is too short for it; lower start or stop.");
}

/// <summary>Replaces every match in each token.</summary>
internal sealed class ReplaceDecoder(TextPattern pattern, string content) : IDecoder
{
    private const long MostAdded = 1 << 20;
    private const int TimesAdded = 16;

    public List<string> Decode(List<string> tokens)
    {
        long room = MostAdded + (TimesAdded * TextReplacement.Length(tokens));
        List<string> decoded = new(tokens.Count);
        List<(int Start, int End)> matches = [];
        foreach (string token in tokens)
        {
            matches.Clear();
            if (token.Length > 0) pattern.FindAll(token, matches);
            if ((room -= (long)matches.Count * content.Length) < 0) throw GrowthLimit.Passed("$.decoder", MostAdded + (TimesAdded * TextReplacement.Length(tokens)));
            if (matches.Count == 0)
            {
                decoded.Add(token);
                continue;
            }

            StringBuilder made = new();
            int done = 0;
            foreach ((int start, int end) in matches)
            {
                made.Append(token, done, start - done).Append(content);
                done = end;
            }

            decoded.Add(made.Append(token, done, token.Length - done).ToString());
        }

        return decoded;
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Replace");
        pattern.Write(json);
        json.WriteString("content", content);
        json.WriteEndObject();
    }
}

/// <summary>Connectionist temporal classification: repeats are one, padding goes, the delimiter becomes a blank. Graves et al.
/// 2006.</summary>
internal sealed class CtcDecoder(string padToken, string wordDelimiter, bool cleanup) : IDecoder
{
    public List<string> Decode(List<string> tokens)
    {
        List<string> decoded = [];
        for (int i = 0; i < tokens.Count; i++)
        {
            if (i > 0 && tokens[i] == tokens[i - 1]) continue;
            string token = TextReplacement.ReplaceAll(tokens[i], padToken, "");
            if (cleanup) token = TextReplacement.ReplaceAll(TextReplacement.CleanUp(token), wordDelimiter, " ");
            if (token.Length > 0) decoded.Add(token);
        }

        return decoded;
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "CTC");
        json.WriteString("pad_token", padToken);
        json.WriteString("word_delimiter_token", wordDelimiter);
        json.WriteBoolean("cleanup", cleanup);
        json.WriteEndObject();
    }
}
