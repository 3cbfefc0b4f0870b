using System.Text.Json;
using Heed.Tokenizers.Serialization;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Tests;

/// <summary>Answers of Hugging Face tokenizers 0.23 to rare pipelines that no folder of cases holds.</summary>
public class ReferenceDetailTests
{
    /// <summary>A tokenizer of single characters with the given parts; <c>_</c> for what is unknown.</summary>
    private static Tokenizer Build(string normalizer = "null", string preTokenizer = "null", string postProcessor = "null", string decoder = "null")
        => Tokenizer.FromJson(System.Text.Encoding.UTF8.GetBytes($$$"""
            {"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":{{{normalizer}}},"pre_tokenizer":{{{preTokenizer}}},"post_processor":{{{postProcessor}}},"decoder":{{{decoder}}},
            "model":{"type":"BPE","dropout":null,"unk_token":"_","continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,
            "vocab":{"_":0,"a":1,"b":2,"x":3," ":4,"é":5},"merges":[]}}
            """));

    [Fact]
    public void A_text_that_stands_twice_in_a_template_has_the_type_ids_of_each_place()
    {
        Tokenizer tokenizer = Build(postProcessor: """
            {"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":1}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{}}
            """);
        Encoding encoding = tokenizer.Encode("ab");
        Assert.Equal([1, 2, 1, 2], encoding.Ids);
        Assert.Equal([1, 1, 0, 0], encoding.TypeIds);
    }

    [Theory]
    [InlineData("""{"type":"Replace","pattern":{"String":""},"content":"x"}""", "ab", "xaxbx")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":""},"content":"x"}""", "ab", "xaxbx")]
    [InlineData("""{"type":"Replace","pattern":{"String":""},"content":"x"}""", "é", "xéx")]
    public void An_empty_pattern_stands_between_all_characters(string normalizer, string text, string expected)
        => Assert.Equal(expected, string.Concat(Build(normalizer).Encode(text).Tokens));

    [Fact]
    public void Prepending_nothing_makes_the_first_character_one_of_no_width()
    {
        Encoding encoding = Build("""{"type":"Prepend","prepend":""}""").Encode("ab");
        Assert.Equal([(0, 0), (1, 2)], encoding.Offsets);
    }

    [Theory]
    [InlineData("(?u)a")]
    [InlineData("(?s)a")]
    public void Flags_that_the_reference_does_not_have_are_refused(string pattern)
        => Assert.Contains("flag", Assert.Throws<FileFormatException>(() => Build($$$"""{"type":"Replace","pattern":{"Regex":"{{{pattern}}}"},"content":"x"}""")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"type":"NFKC"}""", "㋿", "㋿")]
    [InlineData("""{"type":"NFKC"}""", "㋾", "ヲ")]
    [InlineData("""{"type":"Lowercase"}""", "\uA7CE\U00016EA0", "\uA7CF\U00016EBB")]
    [InlineData("""{"type":"StripAccents"}""", "a\u07FDa\u0301a\u1CF2", "a\u07FDaa")]
    [InlineData("""{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""", "a\uE001\U000F0001b\U0010FFFE", "ab\U0010FFFE")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?i)[^a]"},"content":"#"}""", "aA1b", "aA##")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?i)[^\\p{Lu}]"},"content":"#"}""", "aA1b", "aA#b")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?i)\\p{Lu}"},"content":"#"}""", "aA1", "a#1")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?i)[\\p{Lu}]"},"content":"#"}""", "aA1", "##1")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?i)[a-c&&[^b]]"},"content":"#"}""", "abcABC", "#b##B#")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?i)[a-z]"},"content":"#"}""", "İıſK", "İı##")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?i)θ"},"content":"#"}""", "θΘϑϴ", "####")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?i)µ"},"content":"#"}""", "µμΜ", "###")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"(?i)ꭰ"},"content":"#"}""", "ꭰᎠ", "##")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"\\p{Punct}"},"content":"#"}""", "$+.!", "$+##")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"[[:punct:]]"},"content":"#"}""", "$+.¢a", "####a")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"\\p{Word}"},"content":"#"}""", "²½a-", "###-")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"[\\p{Word}]"},"content":"#"}""", "²½a-", "²½#-")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"\\p{Graph}"},"content":"#"}""", "a \u0007\u0378é", "# \u0007\u0378#")]
    public void Normalizers_and_expressions_know_the_characters_that_the_reference_knows(string normalizer, string text, string expected)
    {
        using JsonDocument json = JsonDocument.Parse(normalizer);
        NormalizedText normalized = new(text);
        NormalizerReader.Read(new JsonScope(json.RootElement, "test", "$")).Normalize(normalized);
        Assert.Equal(expected, normalized.ToString());
    }

    [Theory]
    [InlineData("""{"type":"UnicodeScripts"}""", "a\u0378b", "a\u0378b")]
    [InlineData("""{"type":"UnicodeScripts"}""", "\uE304aб", "a|б")]
    [InlineData("""{"type":"Digits","individual_digits":true}""", "a\U00016FF4b", "a|\U00016FF4|b")]
    [InlineData("""{"type":"Punctuation","behavior":"Isolated"}""", "a\u2E43b\u2E42c", "a\u2E43b|\u2E42|c")]
    public void Pre_tokenizers_know_the_characters_that_the_reference_knows(string preTokenizer, string text, string expected)
    {
        using JsonDocument json = JsonDocument.Parse(preTokenizer);
        PreTokenizedText pieces = new(text);
        PreTokenizerReader.Read(new JsonScope(json.RootElement, "test", "$")).PreTokenize(pieces);
        Assert.Equal(expected, string.Join('|', Enumerable.Range(0, pieces.Count).Select(i => pieces[i].ToString())));
    }

    [Fact]
    public void Ids_alone_follow_a_template_that_repeats_the_text_or_leaves_it_out()
    {
        foreach (string single in (string[])["""[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"A","type_id":1}}]""", "[]"])
        {
            Tokenizer tokenizer = Build(postProcessor: $$$"""{"type":"TemplateProcessing","single":{{{single}}},"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{}}""");
            List<int> ids = [];
            tokenizer.EncodeToIds("ab", ids);
            Assert.Equal(tokenizer.Encode("ab").Ids, ids);
            Assert.Equal(ids.Count, tokenizer.CountTokens("ab"));
        }
    }
}
