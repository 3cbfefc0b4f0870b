using System.Text.Json;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.PostProcessors;

/// <summary>Several post-processors, one after the other.</summary>
internal sealed class SequencePostProcessor(IReadOnlyList<IPostProcessor> parts) : IPostProcessor
{
    public IReadOnlyList<IPostProcessor> Parts => parts;

    public int AddedTokens(bool pair) => parts.Sum(part => part.AddedTokens(pair));

    public bool FramesOnce { get; } = parts.All(part => part.FramesOnce);

    public List<EncodingBuilder> Process(List<EncodingBuilder> encodings, bool addSpecialTokens)
    {
        foreach (IPostProcessor part in parts) encodings = part.Process(encodings, addSpecialTokens);
        return encodings;
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "Sequence");
        json.WriteStartArray("processors");
        foreach (IPostProcessor part in parts) part.Write(json);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}

/// <summary>Adds no tokens; may trim blanks off the offsets.</summary>
internal sealed class ByteLevelPostProcessor(bool addPrefixSpace, bool trimOffsets, bool useRegex) : IPostProcessor
{
    public int AddedTokens(bool pair) => 0;

    public List<EncodingBuilder> Process(List<EncodingBuilder> encodings, bool addSpecialTokens)
    {
        for (int i = 0; i < encodings.Count; i++)
        {
            if (trimOffsets) OffsetTrimming.Trim(encodings[i], addPrefixSpace);
            encodings[i].SetSequence(i);
        }

        return encodings;
    }

    public void Write(Utf8JsonWriter json) => ByteLevelOptions.Write(json, addPrefixSpace, trimOffsets, useRegex);
}

/// <summary>A special token with its id.</summary>
internal readonly record struct SpecialToken(string Token, int Id)
{
    public void Write(Utf8JsonWriter json, string name)
    {
        json.WriteStartArray(name);
        json.WriteStringValue(Token);
        json.WriteNumberValue(Id);
        json.WriteEndArray();
    }

    /// <summary><paramref name="middle"/> between tokens, each of its overflowing windows too; masks and ranges are made anew.</summary>
    public static EncodingBuilder Wrap(SpecialToken? before, EncodingBuilder middle, SpecialToken? after, int sequence, int typeId)
    {
        EncodingBuilder wrapped = WrapOne(before, middle, after, sequence, typeId);
        foreach (EncodingBuilder window in middle.Overflowing) wrapped.Overflowing.Add(WrapOne(before, window, after, sequence, typeId));
        return wrapped;
    }

    private static EncodingBuilder WrapOne(SpecialToken? before, EncodingBuilder middle, SpecialToken? after, int sequence, int typeId)
    {
        EncodingBuilder wrapped = new(middle.Model) { Source = middle.Source, SourceWords = middle.SourceWords };
        wrapped.EnsureRoom(middle.Count + 2);
        if (before is { } first) wrapped.Add(first.Id, 0, 0, -1, new TokenRun(1, typeId, 1, 1, -1, first.Token));
        wrapped.AppendAsText(middle, sequence);
        if (after is { } last) wrapped.Add(last.Id, 0, 0, -1, new TokenRun(1, typeId, 1, 1, -1, last.Token));
        return wrapped;
    }
}

/// <summary>[CLS] A [SEP] B [SEP], type ids 0 and 1.</summary>
internal sealed class BertProcessing(SpecialToken separator, SpecialToken classifier) : IPostProcessor
{
    public int AddedTokens(bool pair) => pair ? 3 : 2;

    public List<EncodingBuilder> Process(List<EncodingBuilder> encodings, bool addSpecialTokens)
        => !addSpecialTokens ? encodings
         : [.. encodings.Select((encoding, i) => SpecialToken.Wrap(i == 0 ? classifier : null, encoding, separator, i, typeId: i == 0 ? 0 : 1))];

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "BertProcessing");
        separator.Write(json, "sep");
        classifier.Write(json, "cls");
        json.WriteEndObject();
    }
}

/// <summary>&lt;s&gt; A &lt;/s&gt;&lt;/s&gt; B &lt;/s&gt;, every type id 0.</summary>
internal sealed class RobertaProcessing(SpecialToken separator, SpecialToken classifier, bool trimOffsets, bool addPrefixSpace) : IPostProcessor
{
    /// <summary>The same for texts with or without a blank before them.</summary>
    public RobertaProcessing With(bool prefixSpace) => new(separator, classifier, trimOffsets, prefixSpace);

    public int AddedTokens(bool pair) => pair ? 4 : 2;

    public List<EncodingBuilder> Process(List<EncodingBuilder> encodings, bool addSpecialTokens)
    {
        foreach (EncodingBuilder encoding in encodings)
        {
            if (trimOffsets) OffsetTrimming.Trim(encoding, addPrefixSpace);
            encoding.SetTypeIds(0);
        }

        return !addSpecialTokens ? encodings
            : [.. encodings.Select((encoding, i) => SpecialToken.Wrap(i == 0 ? classifier : separator, encoding, separator, i, typeId: 0))];
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "RobertaProcessing");
        separator.Write(json, "sep");
        classifier.Write(json, "cls");
        json.WriteBoolean("trim_offsets", trimOffsets);
        json.WriteBoolean("add_prefix_space", addPrefixSpace);
        json.WriteEndObject();
    }
}

/// <summary>Takes the blanks that byte-level tokens begin or end with out of their offsets.</summary>
internal static class OffsetTrimming
{
    public static void Trim(EncodingBuilder encoding, bool addPrefixSpace)
    {
        TrimOne(encoding, addPrefixSpace);
        foreach (EncodingBuilder window in encoding.Overflowing) TrimOne(window, addPrefixSpace);
    }

    private static void TrimOne(EncodingBuilder encoding, bool addPrefixSpace)
    {
        int i = 0;
        foreach (TokenRun run in encoding.Runs)
        {
            for (int stop = i + run.Count; i < stop; i++)
                Trim(run.Text ?? encoding.Model?.TokenOf(encoding.Ids[i]), encoding.SourceOf(i), i == 0, addPrefixSpace, ref encoding.Starts[i], ref encoding.Ends[i]);
        }
    }

    /// <summary>Moves the ends by one character a blank: by both units of a surrogate pair, where blanks stand for one (the reference
    /// counts code points).</summary>
    private static void Trim(ReadOnlySpan<char> token, ReadOnlySpan<char> source, bool first, bool addPrefixSpace, ref int start, ref int end)
    {
        int leading = 0, trailing = 0;
        while (leading < token.Length && IsBlank(token[leading])) leading++;
        while (trailing < token.Length && IsBlank(token[token.Length - 1 - trailing])) trailing++;
        if (leading > 0)
        {
            // The one blank that the pre-tokenizer put in front stands for no character.
            bool added = addPrefixSpace && leading == 1 && (first || start == 0);
            if (!added)
            {
                for (; leading > 0 && start < end; leading--) start += IsPair(source, start) ? 2 : 1;
                start = Math.Min(start, end);
            }
        }

        int to = end;
        for (; trailing > 0 && to > 0; trailing--) to -= IsPair(source, to - 2) ? 2 : 1;
        // More blanks than characters before them: nothing is trimmed.
        if (trailing == 0) end = Math.Max(to, start);
    }

    private static bool IsPair(ReadOnlySpan<char> source, int at)
        => at >= 0 && at + 1 < source.Length && char.IsHighSurrogate(source[at]) && char.IsLowSurrogate(source[at + 1]);

    private static bool IsBlank(char c) => c == 'Ġ' || CharacterClasses.IsWhiteSpace(c);
}
