using System.Collections.Immutable;
using System.Text.Json;
using CsCheck;
using Heed.Testing;
using Heed.Tokenizers.Serialization;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Tests;

/// <summary>What must hold for every text, lone surrogates included.</summary>
public class TokenizerPropertyTests
{
    private static Tokenizer Load(string name) => Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", name));

    [Fact]
    public void The_texts_hold_every_plane_and_lone_surrogates_of_both_halves()
    {
        HashSet<int> planes = [];
        int high = 0, low = 0, marks = 0, mixed = 0;
        Texts.All.Sample(text =>
        {
            bool lone = false;
            for (int i = 0; i < text.Length; i++)
            {
                bool pair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
                if (pair) planes.Add(char.ConvertToUtf32(text[i], text[++i]) >> 16);
                else if (char.IsHighSurrogate(text[i])) (high, lone) = (high + 1, true);
                else if (char.IsLowSurrogate(text[i])) (low, lone) = (low + 1, true);
                else if (text[i] is >= '\u0300' and <= '\u036F') marks++;
            }

            if (lone && text.Length > 4) mixed++;
        }, iter: 2000, threads: 1);
        Assert.Equal(Enumerable.Range(1, 16), planes.Order());
        Assert.True(high > 200 && low > 200 && marks > 200 && mixed > 500, $"{high} {low} {marks} {mixed}");
    }

    [Theory]
    [InlineData("gpt2-small", null)]
    [InlineData("llama3-style", null)]
    [InlineData("roberta-style", null)]
    [InlineData("gpt2-small", """{"type":"NFC"}""")]
    [InlineData("gpt2-small", """{"type":"NFKD"}""")]
    [InlineData("gpt2-small", """{"type":"Lowercase"}""")]
    [InlineData("gpt2-small", """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":true,"lowercase":true}""")]
    [InlineData("llama2-style", null)]
    public void Byte_level_and_byte_fallback_give_the_normalized_text_back(string name, string? normalizer)
    {
        string folder = Path.Combine(Repository.Goldens, "tokenizers", name);
        Tokenizer tokenizer = Tokenizer.FromFolder(folder);
        Func<string, string> normalize = text => text;
        if (normalizer is not null)
        {
            System.Text.Json.Nodes.JsonNode file = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, "tokenizer.json")))!;
            file["normalizer"] = System.Text.Json.Nodes.JsonNode.Parse(normalizer);
            tokenizer = Tokenizer.FromJson(System.Text.Encoding.UTF8.GetBytes(file.ToJsonString()));
            using JsonDocument json = JsonDocument.Parse(normalizer);
            INormalizer part = NormalizerReader.Read(new JsonScope(json.RootElement, name, "$"));
            normalize = text =>
            {
                NormalizedText made = new(text);
                part.Normalize(made);
                return made.ToString();
            };
        }
        else if (name == "llama2-style")
        {
            normalize = text => text.Replace('▁', ' ');   // which stands for a blank
        }

        Texts.All.Sample(text =>
        {
            text = Texts.Read(text);
            string back = tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false).Ids, skipSpecialTokens: false);
            return back == normalize(text);
        }, iter: 1000);
    }

    [Theory]
    [InlineData("gpt2-small")]
    [InlineData("llama3-style")]
    [InlineData("llama2-style")]
    [InlineData("llama2-metaspace")]
    public void Offsets_cover_the_text_and_share_a_character_only_between_its_parts(string name)
    {
        Tokenizer tokenizer = Load(name);
        Texts.All.Sample(text =>
        {
            TokenEncoding encoding = tokenizer.Encode(text, addSpecialTokens: false);
            int covered = 0;
            for (int i = 0; i < encoding.Count; i++)
            {
                (int start, int end) = (encoding.Starts[i], encoding.Ends[i]);
                Assert.True(start <= covered, $"nothing covers {covered} to {start}");
                if (start < covered)
                {
                    // Shared with the token before: the parts of one character, or the blank put before it.
                    int width = start + 1 < text.Length && char.IsHighSurrogate(text[start]) && char.IsLowSurrogate(text[start + 1]) ? 2 : 1;
                    Assert.True(covered == start + width, $"token {i} shares {start} to {covered} with the ones before");
                }

                covered = Math.Max(covered, end);
            }

            Assert.Equal(text.Length, covered);
        }, iter: 600);
    }

    [Theory]
    [InlineData("bert-uncased")]
    [InlineData("gpt2-small")]
    [InlineData("roberta-style")]
    [InlineData("llama2-metaspace")]
    [InlineData("t5-style")]
    [InlineData("unigram-unk")]
    [InlineData("wordlevel")]
    [InlineData("bpe-word-suffix")]
    [InlineData("bpe-no-unk")]
    [InlineData("added-flags")]
    public void Offsets_lie_in_the_text_in_order_and_do_not_cut_characters(string name)
    {
        Tokenizer tokenizer = Load(name);
        Texts.All.Sample(text =>
        {
            TokenEncoding encoding = tokenizer.Encode(text, addSpecialTokens: false);
            int before = 0;
            for (int i = 0; i < encoding.Count; i++)
            {
                (int start, int end) = (encoding.Starts[i], encoding.Ends[i]);
                Assert.InRange(start, 0, end);
                Assert.InRange(end, start, text.Length);
                Assert.True(start >= before, "a token starts before the one in front of it");
                Assert.False(InsidePair(text, start) || InsidePair(text, end), "an offset lies inside a surrogate pair");
                before = start;
            }
        }, iter: 400);
    }

    [Theory]
    [InlineData("bert-cased")]
    [InlineData("gpt2-small")]
    [InlineData("t5-style")]
    [InlineData("llama2-style")]
    public void A_batch_on_any_number_of_threads_is_the_texts_one_by_one(string name)
    {
        Tokenizer tokenizer = Load(name);
        Texts.All.Array[0, 12].Sample(texts =>
        {
            (string, string)[] pairs = [.. texts.Zip(texts.Reverse())];
            for (int threads = 1; threads <= 4; threads++)
            {
                IReadOnlyList<TokenEncoding> batch = tokenizer.EncodeBatch(texts, threads: threads), paired = tokenizer.EncodeBatch(pairs, threads: threads);
                for (int i = 0; i < texts.Length; i++)
                {
                    AssertSame(tokenizer.Encode(texts[i]), batch[i]);
                    AssertSame(tokenizer.Encode(pairs[i].Item1, pairs[i].Item2), paired[i]);
                }
            }
        }, iter: 60, threads: 1);
    }

    [Theory]
    [InlineData("gpt2-small")]
    [InlineData("llama2-style")]
    [InlineData("llama3-style")]
    [InlineData("unigram-unk")]
    [InlineData("bert-uncased")]
    public void A_stream_with_its_rest_is_the_whole_text_and_never_shows_half_a_character(string name)
    {
        Tokenizer tokenizer = Load(name);
        Texts.All.Sample(text =>
        {
            ImmutableArray<int> ids = tokenizer.Encode(text, addSpecialTokens: false).Ids;
            DecodeStream stream = tokenizer.CreateDecodeStream(skipSpecialTokens: false);
            string whole = tokenizer.Decode(ids, skipSpecialTokens: false);
            System.Text.StringBuilder streamed = new();
            foreach (int id in ids)
            {
                if (stream.Step(id) is not { } chunk) continue;
                Assert.False(chunk.EndsWith('\uFFFD'), "a chunk ends in an unfinished character");
                streamed.Append(chunk);
                Assert.StartsWith(streamed.ToString(), whole, StringComparison.Ordinal);
            }

            return streamed + stream.Flush() == whole;
        }, iter: 600);
    }

    [Theory]
    [InlineData("bert-uncased")]
    [InlineData("gpt2-small")]
    [InlineData("llama3-style")]
    [InlineData("llama2-metaspace")]
    [InlineData("t5-style")]
    [InlineData("unigram-unk")]
    [InlineData("added-flags")]
    public void A_prefix_is_encoded_without_a_look_at_what_follows(string name)
    {
        Tokenizer tokenizer = Load(name);
        Gen.Select(Texts.All, Texts.All, Texts.All).Sample((before, text, after) =>
        {
            // The same stretch at the end of one buffer and inside another: its ids are those of a copy of it.
            List<int> alone = [], ended = [], inside = [];
            tokenizer.EncodeToIds(text, alone);
            tokenizer.EncodeToIds((before + text).AsSpan(before.Length), ended);
            tokenizer.EncodeToIds((before + text + after).AsSpan(before.Length, text.Length), inside);
            return alone.SequenceEqual(ended) && alone.SequenceEqual(inside)
                && tokenizer.CountTokens((text + after).AsSpan(0, text.Length)) == alone.Count;
        }, iter: 400);
    }

    [Theory]
    [InlineData("bert-uncased")]
    [InlineData("gpt2-small")]
    [InlineData("unigram-unk")]
    [InlineData("t5-style")]
    [InlineData("added-flags")]
    public void Ids_alone_are_the_ids_of_the_encoding(string name)
    {
        Tokenizer tokenizer = Load(name);
        Texts.All.Sample(text =>
        {
            List<int> ids = [];
            tokenizer.EncodeToIds(text, ids);
            return ids.SequenceEqual(tokenizer.Encode(text).Ids) && tokenizer.CountTokens(text) == ids.Count;
        }, iter: 400);
    }

    private static void AssertSame(TokenEncoding expected, TokenEncoding actual)
    {
        Assert.Equal(expected.Ids, actual.Ids);
        Assert.Equal(expected.Tokens, actual.Tokens);
        Assert.Equal(expected.Offsets, actual.Offsets);
        Assert.Equal(expected.WordIds, actual.WordIds);
        Assert.Equal(expected.TypeIds, actual.TypeIds);
        Assert.Equal(expected.SequenceIds, actual.SequenceIds);
        Assert.Equal(expected.SpecialTokensMask, actual.SpecialTokensMask);
        Assert.Equal(expected.AttentionMask, actual.AttentionMask);
    }

    private static bool InsidePair(string text, int at)
        => at > 0 && at < text.Length && char.IsLowSurrogate(text[at]) && char.IsHighSurrogate(text[at - 1]);
}
