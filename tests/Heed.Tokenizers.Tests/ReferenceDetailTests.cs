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
        TokenEncoding encoding = tokenizer.Encode("ab");
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
        TokenEncoding encoding = Build("""{"type":"Prepend","prepend":""}""").Encode("ab");
        Assert.Equal([(0, 0), (1, 2)], encoding.Offsets);
    }

    [Theory]
    [InlineData("(?u)a")]
    [InlineData("(?s)a")]
    public void Flags_that_the_reference_does_not_have_are_refused(string pattern)
        => Assert.Contains("flag", Assert.Throws<InvalidFileException>(() => Build($$$"""{"type":"Replace","pattern":{"Regex":"{{{pattern}}}"},"content":"x"}""")).Message, StringComparison.Ordinal);

    // cases: t2. A stated departure: refused with its place, never another result.
    [Theory]
    [InlineData(@"(\\w)\\1")]
    [InlineData(@"(?<a>.)\\k<a>")]
    [InlineData(@"(a)?(?(1)b|c)")]
    public void Back_references_are_refused_by_their_place(string pattern)
    {
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => Build($$$"""{"type":"Replace","pattern":{"Regex":"{{{pattern}}}"},"content":"x"}"""));
        Assert.StartsWith("$.normalizer.pattern.Regex", e.Where, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(e.Message);
        Assert.Matches("back reference|conditional", e.Message);
    }

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

    /// <summary>A byte-level tokenizer whose pre-tokenizer puts a space in front that its post-processor does not know of.</summary>
    private static Tokenizer Trimming(string postProcessor) => Tokenizer.FromJson(System.Text.Encoding.UTF8.GetBytes($$$"""
        {"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"decoder":null,
        "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
        "post_processor":{{{postProcessor}}},
        "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,
        "vocab":{"<s>":0,"</s>":1,"Ġ":2,"ð":3,"Ł":4,"ĺ":5,"Ģ":6,"a":7,"Ġð":8},"merges":["Ġ ð"]}}
        """));

    [Theory]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}""", false)]
    [InlineData("""{"type":"RobertaProcessing","sep":["</s>",1],"cls":["<s>",0],"trim_offsets":true,"add_prefix_space":false}""", true)]
    public void Offsets_are_trimmed_by_whole_characters(string postProcessor, bool framed)
    {
        const string Text = "😀a";
        TokenEncoding encoding = Trimming(postProcessor).Encode(Text);
        int first = framed ? 1 : 0;
        Assert.Equal("Ġð", encoding.Tokens[first]);
        Assert.Equal([(2, 2), (0, 2), (0, 2), (0, 2), (2, 3)], encoding.Offsets.Skip(first).Take(5));
        Assert.Equal([(1, 1), (0, 1), (0, 1), (0, 1), (1, 2)], encoding.ToCodePoints(Text).Skip(first).Take(5));

        // Words have places of their own, windows those of their text.
        TokenEncoding words = Trimming(postProcessor).EncodeWords(["a", "😀"]);
        Assert.Equal((2, 2), words.Offsets.ElementAt(words.Tokens.IndexOf("Ġð")));
        TokenEncoding window = Trimming(postProcessor).WithTruncation(new TruncationOptions(4) { Direction = Side.Left }).Encode("😀😀😀").Overflowing[^1];
        Assert.Equal((2, 2), window.Offsets.ElementAt(window.Tokens.IndexOf("Ġð")));
    }

    [Fact]
    public void Counting_and_ids_alone_are_of_the_whole_text_and_agree()
    {
        Tokenizer whole = Build(), cut = whole.WithTruncation(new TruncationOptions(2)).WithPadding(new PaddingOptions { Length = 8 });
        foreach (string text in (string[])["", "a", "abxab"])
        {
            List<int> ids = [];
            Assert.Equal(cut.EncodeToIds(text, ids), cut.CountTokens(text));
            Assert.Equal(whole.Encode(text).Ids, ids);
            Assert.Equal(8, cut.Encode(text).Count);
        }
    }

    [Fact]
    public void A_stride_must_leave_something_beside_special_tokens()
    {
        const string Marks = """{"type":"BertProcessing","sep":["b",2],"cls":["a",1]}""";
        string file = System.Text.Encoding.UTF8.GetString(Build(postProcessor: Marks).ToJson(indented: false));
        string With(int stride) => file.Replace("\"truncation\":null", $$"""
            "truncation":{"direction":"Right","max_length":6,"strategy":"LongestFirst","stride":{{stride}}}
            """, StringComparison.Ordinal);
        Tokenizer Read(int stride) => Tokenizer.FromJson(System.Text.Encoding.UTF8.GetBytes(With(stride)), "mine.json");

        InvalidFileException error = Assert.Throws<InvalidFileException>(() => Read(4));
        Assert.StartsWith("mine.json: $.truncation.stride: is 4, but max_length 6 leaves 4 tokens", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Build(postProcessor: Marks).WithTruncation(new TruncationOptions(6) { Stride = 4 }));

        // What is enough for one text may be too little for two: then the error names file and place.
        Tokenizer tokenizer = Read(3);
        Assert.Equal(6, tokenizer.Encode("abababab").Count);
        Assert.StartsWith("mine.json: $.truncation: the stride is 3", Assert.Throws<ConfigException>(() => tokenizer.Encode("abab", "abab")).Message, StringComparison.Ordinal);
        tokenizer = tokenizer.WithTruncation(new TruncationOptions(6) { Stride = 3 });
        Assert.StartsWith("WithTruncation: the stride is 3", Assert.Throws<ConfigException>(() => tokenizer.Encode("abab", "abab")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_regular_expression_without_end_is_named_by_file_and_place()
    {
        Tokenizer tokenizer = Build(preTokenizer: """{"type":"Split","pattern":{"Regex":"(a+)+$"},"behavior":"Isolated","invert":false}""");
        Assert.StartsWith("tokenizer.json: $.pre_tokenizer.pattern.Regex: ", Assert.Throws<BudgetException>(() => tokenizer.Encode(new string('a', 60) + "!")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Metaspace_without_a_prefix_space_never_prepends()
        => Assert.Equal([1, 2], Build(preTokenizer: """{"type":"Metaspace","replacement":"▁","add_prefix_space":false}""").Encode("ab").Ids);

    [Fact]
    public void Words_are_encoded_in_batches_as_one_by_one()
    {
        Tokenizer tokenizer = Build(postProcessor: """{"type":"BertProcessing","sep":["b",2],"cls":["a",1]}""").WithPadding(new PaddingOptions { Id = 4, Token = " " });
        (IReadOnlyList<string> Words, IReadOnlyList<string> Pair)[] pairs = [(["ab", "x"], ["b"]), (["a"], []), ([], ["x", "xx", "a"])];
        foreach (int threads in (int[])[1, 3])
        {
            IReadOnlyList<TokenEncoding> single = tokenizer.EncodeWordsBatch([.. pairs.Select(pair => pair.Words)], threads: threads), paired = tokenizer.EncodeWordsBatch(pairs, threads: threads);
            Assert.Single(single.Select(encoding => encoding.Count).Distinct());
            Assert.Single(paired.Select(encoding => encoding.Count).Distinct());
            for (int i = 0; i < pairs.Length; i++)
            {
                TokenEncoding first = tokenizer.EncodeWords(pairs[i].Words);
                Assert.Equal(first.Ids, single[i].Ids.Take(first.Count));
                TokenEncoding alone = tokenizer.EncodeWords(pairs[i].Words, pairs[i].Pair);
                Assert.Equal(alone.Ids, paired[i].Ids.Take(alone.Count));
                Assert.Equal(alone.WordIds, paired[i].WordIds.Take(alone.Count));
                Assert.Equal(alone.Offsets, paired[i].Offsets.Take(alone.Count));
            }
        }
    }
}
