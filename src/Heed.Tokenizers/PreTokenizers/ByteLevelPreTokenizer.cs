using System.Text.Json;
using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.PreTokenizers;

/// <summary>GPT-2's: cuts by its expression, then spells pieces in the characters that stand for bytes.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool trimOffsets, bool useRegex) : IPreTokenizer
{
    public bool AddPrefixSpace => addPrefixSpace;

    public bool UseRegex => useRegex;

    /// <summary>The same with or without a blank before each text.</summary>
    public ByteLevelPreTokenizer With(bool prefixSpace) => new(prefixSpace, trimOffsets, useRegex);

    public void PreTokenize(PreTokenizedText text)
    {
        if (addPrefixSpace) AddSpace(text);
        if (useRegex) CutWords(text);
        NormalizedText inner = text.Text;
        inner.BeginRewrite();
        text.BeginCut();
        foreach ((int start, int end) in text.Pieces)
        {
            int from = inner.Written;
            ByteLevelAlphabet.Spell(inner, start, end);
            text.Add(from, inner.Written);
        }

        inner.EndRewrite();
        text.EndCut();
    }

    public void Write(Utf8JsonWriter json) => ByteLevelOptions.Write(json, addPrefixSpace, trimOffsets, useRegex);

    private static void CutWords(PreTokenizedText text)
    {
        text.BeginCut();
        for (int i = 0; i < text.Count; i++)
        {
            int start = text.Pieces[i].Start;
            ReadOnlySpan<char> piece = text[i];
            for (int at = 0; at < piece.Length;)
            {
                int end = KnownScanners.Gpt2(piece, at);
                text.Add(start + at, start + end);
                at = end;
            }
        }

        text.EndCut();
    }

    private static void AddSpace(PreTokenizedText text)
    {
        NormalizedText inner = text.Text;
        inner.BeginRewrite();
        text.BeginCut();
        foreach ((int start, int end) in text.Pieces)
        {
            int from = inner.Written;
            if (inner.Span[start] != ' ') inner.Emit(" ", start);
            inner.Copy(start, end - start);
            text.Add(from, inner.Written);
        }

        inner.EndRewrite();
        text.EndCut();
    }
}

/// <summary>The options that ByteLevel has as pre-tokenizer, post-processor and decoder.</summary>
internal static class ByteLevelOptions
{
    public static void Write(Utf8JsonWriter json, bool addPrefixSpace, bool trimOffsets, bool useRegex)
    {
        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", addPrefixSpace);
        json.WriteBoolean("trim_offsets", trimOffsets);
        json.WriteBoolean("use_regex", useRegex);
        json.WriteEndObject();
    }
}
