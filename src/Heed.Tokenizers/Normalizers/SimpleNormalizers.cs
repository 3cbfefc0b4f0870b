using System.Text.Json;
using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Normalizers;

/// <summary>Several normalizers, one after the other.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<INormalizer> normalizers) : INormalizer
{
    public IReadOnlyList<INormalizer> Normalizers => normalizers;

    public void Normalize(NormalizedText text)
    {
        foreach (INormalizer normalizer in normalizers) normalizer.Normalize(text);
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Sequence");
        json.WriteStartArray("normalizers");
        foreach (INormalizer normalizer in normalizers) normalizer.Write(json);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}

/// <summary>Lower case of every character, without context.</summary>
internal sealed class LowercaseNormalizer : INormalizer
{
    public void Normalize(NormalizedText text)
    {
        text.BeginRewrite();
        ReadOnlySpan<char> old = text.Span;
        for (int at = 0; at < old.Length;)
        {
            int c = CodePoint.At(old, at, out int units);
            text.Emit(CharacterClasses.ToLower(c, out int second), at);
            if (second != 0) text.Emit(second, at);
            at += units;
        }

        text.EndRewrite();
    }

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "Lowercase");
}

/// <summary>Removes combining marks; does nothing to composed letters, which want NFD first.</summary>
internal sealed class StripAccentsNormalizer : INormalizer
{
    public void Normalize(NormalizedText text) => text.Filter(c => !CharacterClasses.IsCombiningMark(c));

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "StripAccents");
}

/// <summary>SentencePiece's clean-up: control characters go, odd spaces become plain ones.</summary>
internal sealed class NmtNormalizer : INormalizer
{
    public void Normalize(NormalizedText text)
    {
        text.Filter(c => c is not (>= 0x01 and <= 0x08 or 0x0B or >= 0x0E and <= 0x1F or 0x7F or 0x8F or 0x9F));
        text.Map(c => c is 0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or >= 0x200B and <= 0x200F or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD ? ' ' : c);
    }

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "Nmt");
}

/// <summary>Removes white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : INormalizer
{
    public void Normalize(NormalizedText text)
    {
        ReadOnlySpan<char> span = text.Span;
        int start = 0, end = span.Length;
        while (left && start < end && CharacterClasses.IsWhiteSpace(span[start])) start++;
        while (right && end > start && CharacterClasses.IsWhiteSpace(span[end - 1])) end--;
        if (end - start == span.Length) return;
        text.BeginRewrite();
        text.Copy(start, end - start);
        text.EndRewrite();
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Strip");
        json.WriteBoolean("strip_left", left);
        json.WriteBoolean("strip_right", right);
        json.WriteEndObject();
    }
}

/// <summary>Prepends text to text that is not empty.</summary>
internal sealed class PrependNormalizer(string prepend) : INormalizer
{
    public void Normalize(NormalizedText text)
    {
        if (text.Length == 0) return;
        text.BeginRewrite();
        text.Emit(prepend, 0);
        int copied = 0;
        // Prepending nothing still makes the first character a new one, of no width, as in the reference.
        if (prepend.Length == 0) text.Emit(CodePoint.At(text.Span, 0, out copied), -1);
        text.Copy(copied, text.Length - copied);
        text.EndRewrite();
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Prepend");
        json.WriteString("prepend", prepend);
        json.WriteEndObject();
    }
}

/// <summary>Replaces every match of a string or regular expression.</summary>
internal sealed class ReplaceNormalizer(TextPattern pattern, string content) : INormalizer
{
    public void Normalize(NormalizedText text)
    {
        List<(int Start, int End)> matches = text.Matches;
        matches.Clear();
        pattern.FindAll(text.Span, matches);
        if (matches.Count == 0) return;
        text.BeginRewrite();
        int done = 0;
        foreach ((int start, int end) in matches)
        {
            text.Copy(done, start - done);
            if (content.Length == 1) text.Emit(content[0], end - 1);
            else text.Emit(content, end - 1);
            done = end;
        }

        text.Copy(done, text.Length - done);
        text.EndRewrite();
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

/// <summary>Spells the text in the 256 printable characters that stand for bytes.</summary>
internal sealed class ByteLevelNormalizer : INormalizer
{
    public void Normalize(NormalizedText text)
    {
        text.BeginRewrite();
        ByteLevelAlphabet.Spell(text, 0, text.Length);
        text.EndRewrite();
    }

    public void Write(Utf8JsonWriter json) => PartWriter.TypeOnly(json, "ByteLevel");
}
