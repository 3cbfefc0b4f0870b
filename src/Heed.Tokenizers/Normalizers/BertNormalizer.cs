using System.Text.Json;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Normalizers;

/// <summary>BERT's clean-up, spacing of CJK ideographs, accent stripping and lower case, in one pass.</summary>
internal sealed class BertNormalizer(bool cleanText, bool handleChinese, bool? stripAccents, bool lowercase) : INormalizer
{
    private const char Unknown = '\0', Special = '\uFFFF';

    public bool HandleChinese => handleChinese;

    public bool? StripAccents => stripAccents;

    public bool Lowercase => lowercase;

    /// <summary>The same with other options.</summary>
    public BertNormalizer With(bool chinese, bool? strip, bool lower) => new(cleanText, chinese, strip, lower);

    private readonly bool _strip = stripAccents ?? lowercase;

    /// <summary>What single units become where that is one unit; filled as characters are met.</summary>
    private readonly char[] _simple = new char[0x10000];

    public void Normalize(NormalizedText text)
    {
        if (_strip && HasMovingMark(text.Span))
        {
            NormalizeStepwise(text);
            return;
        }

        text.BeginRewrite();
        ReadOnlySpan<char> old = text.Span;
        List<int>? parts = null;
        for (int at = 0; at < old.Length;)
        {
            at = text.EmitMapped(at, _simple);
            if (at == old.Length) break;
            int c = CodePoint.At(old, at, out int units);
            char known = units == 1 ? _simple[c] : Special;
            if (known == Unknown) Learn((char)c);
            else Emit(text, c, at, parts ??= []);
            if (known != Unknown) at += units;
        }

        text.EndRewrite();
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "BertNormalizer");
        json.WriteBoolean("clean_text", cleanText);
        json.WriteBoolean("handle_chinese_chars", handleChinese);
        if (stripAccents is { } strip) json.WriteBoolean("strip_accents", strip);
        else json.WriteNull("strip_accents");
        json.WriteBoolean("lowercase", lowercase);
        json.WriteEndObject();
    }

    private static bool IsRemoved(int c) => c is 0 or 0xFFFD || (CharacterClasses.IsOther(c) && c is not ('\t' or '\n' or '\r'));

    /// <summary>A mark that stays and that normalization may move: then the order of the steps shows in the offsets.</summary>
    private static bool HasMovingMark(ReadOnlySpan<char> text)
    {
        for (int at = text.IndexOfAnyInRange('\u0300', '\uDFFF'); at >= 0 && at < text.Length;)
        {
            int c = CodePoint.At(text, at, out int units);
            if (c >= 0x300 && UnicodeData.Combining[c] != 0 && !CharacterClasses.IsNonspacing(c)) return true;
            at += units;
        }

        return false;
    }

    private void Learn(char c)
    {
        if (char.IsSurrogate(c) || (cleanText && IsRemoved(c)) || (handleChinese && CharacterClasses.IsChinese(c)))
        {
            _simple[c] = Special;
            return;
        }

        int output = cleanText && CharacterClasses.IsWhiteSpace(c) ? ' ' : c;
        List<int> parts = [];
        Rewrite(output, [], parts);
        _simple[c] = parts.Count == 1 && parts[0] is > 0 and < 0xD800 ? (char)parts[0] : Special;
    }

    private void Emit(NormalizedText text, int c, int at, List<int> parts)
    {
        if (cleanText && IsRemoved(c)) return;
        if (cleanText && CharacterClasses.IsWhiteSpace(c)) c = ' ';
        bool chinese = handleChinese && CharacterClasses.IsChinese(c);
        parts.Clear();
        Rewrite(c, text.Changes.Decomposed, parts);
        if (chinese) text.Emit(' ', at);
        foreach (int part in parts) text.Emit(part, at);
        if (chinese) text.Emit(' ', at);
    }

    private void Rewrite(int c, List<int> decomposed, List<int> parts)
    {
        decomposed.Clear();
        if (_strip) Normalization.Decompose(c, compatible: false, decomposed);
        else decomposed.Add(c);
        foreach (int part in decomposed)
        {
            if (_strip && CharacterClasses.IsNonspacing(part)) continue;
            int second = 0;
            parts.Add(lowercase ? CharacterClasses.ToLower(part, out second) : part);
            if (second != 0) parts.Add(second);
        }
    }

    private void NormalizeStepwise(NormalizedText text)
    {
        if (cleanText)
        {
            text.Filter(c => !IsRemoved(c));
            text.Map(c => CharacterClasses.IsWhiteSpace(c) ? ' ' : c);
        }

        if (handleChinese) SpaceChinese(text);
        Normalization.Apply(text, NormalizationKind.Nfd);
        text.Filter(c => !CharacterClasses.IsNonspacing(c));
        if (lowercase) new LowercaseNormalizer().Normalize(text);
    }

    private static void SpaceChinese(NormalizedText text)
    {
        text.BeginRewrite();
        ReadOnlySpan<char> old = text.Span;
        for (int at = 0; at < old.Length;)
        {
            int c = CodePoint.At(old, at, out int units);
            bool chinese = CharacterClasses.IsChinese(c);
            if (chinese) text.Emit(' ', at);
            text.Emit(c, at);
            if (chinese) text.Emit(' ', at);
            at += units;
        }

        text.EndRewrite();
    }
}
