using System.Text.Json.Nodes;
using Heed.Testing;

namespace Heed.Tokenizers.Tests;

/// <summary>Texts and ids with which the reference is known to do something particular: docs/reference-behaviour.md lists them.</summary>
public sealed class TokenizerReferenceTests
{
    private static readonly Tokenizer Bert = Load("bert-uncased"), Gpt2 = Load("gpt2-small"), Llama = Load("llama2-style");

    [Theory]
    [InlineData("", "a  b")]
    [InlineData("lstrip", "a b")]
    [InlineData("rstrip", "a b")]
    [InlineData("lstrip rstrip", "ab")]
    public void A_token_takes_the_spaces_along_that_its_flags_say(string flags, string decoded)
    {
        Tokenizer tokenizer = With("gpt2-small", new("<T>") { Special = true, LeftStrip = flags.Contains("lstrip", StringComparison.Ordinal), RightStrip = flags.Contains("rstrip", StringComparison.Ordinal) });
        Assert.Equal(decoded, tokenizer.Decode(tokenizer.Encode("a <T> b").Ids));
    }

    [Fact]
    public void A_token_that_must_stand_alone_is_not_found_in_a_word()
    {
        Tokenizer tokenizer = With("gpt2-small", new("<T>") { Special = true, SingleWord = true });
        Assert.DoesNotContain("<T>", tokenizer.Encode("a<T>b").Tokens);
        Assert.Contains("<T>", tokenizer.Encode("a <T> b").Tokens);
    }

    [Theory]
    [InlineData(true, 4)]
    [InlineData(false, 1)]
    public void A_token_is_sought_in_the_normalized_text_if_it_says_so(bool normalized, int count)
    {
        Tokenizer tokenizer = With("bert-uncased", new("The") { Normalized = normalized });
        Assert.Equal(count, tokenizer.Encode("the The THE other").Ids.Count(id => id == tokenizer.TokenToId("The")));
    }

    [Fact]
    public void A_token_that_is_a_piece_already_keeps_its_id_and_is_cut_out_of_words()
    {
        Tokenizer tokenizer = With("bert-uncased", new("the") { Normalized = true });
        Assert.Equal(Bert.TokenToId("the"), tokenizer.TokenToId("the"));
        Assert.DoesNotContain("the", Bert.Encode("other").Tokens);
        Assert.Contains("the", tokenizer.Encode("other").Tokens);
    }

    [Fact]
    public void A_token_that_is_added_and_not_special_stays_in_the_text()
    {
        Tokenizer tokenizer = With("gpt2-small", new("<T>"));
        Assert.Equal("a<T>b", tokenizer.Decode(tokenizer.Encode("a<T>b").Ids));
    }

    [Theory]
    [InlineData("gpt2-small", false)]
    [InlineData("llama2-style", false)]
    [InlineData("bert-uncased", true)]
    [InlineData("t5-style", true)]
    public void Composed_and_decomposed_texts_are_one_where_the_normalizer_says_so(string name, bool equal)
    {
        Tokenizer tokenizer = Load(name);
        Assert.Equal(equal, tokenizer.Encode("é").Ids.SequenceEqual(tokenizer.Encode("e\u0301").Ids));
    }

    [Fact]
    public void Ids_outside_the_vocabulary_are_left_out()
        => Assert.Equal("the", Bert.Decode([Bert.TokenToId("the")!.Value, 999_999, -1, int.MinValue]));

    [Fact]
    public void A_part_of_a_character_is_one_replacement_character()
        => Assert.Equal("\uFFFD", Gpt2.Decode(Gpt2.Encode("中", addSpecialTokens: false).Ids.AsSpan(0, 1)));

    [Fact]
    public void Words_have_places_of_their_own_and_empty_ones_no_tokens()
    {
        TokenEncoding encoding = Gpt2.EncodeWords(["ab", "", "ab"]);
        Assert.Equal([0, 2], encoding.WordIds.Distinct());
        Assert.Equal(2, encoding.Starts.Count(start => start == 0));
        Tokenizer roberta = Load("roberta-style");
        Assert.DoesNotContain(roberta.EncodeWords(["the", "word"]).Tokens, token => token.StartsWith('Ġ'));
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    public void A_length_below_the_special_tokens_does_not_cut(int length, int count)
        => Assert.Equal(count, Bert.WithTruncation(new TruncationOptions(length)).Encode("the the").Count);

    [Fact]
    public void Texts_that_are_none_are_read_or_refused()
    {
        Assert.Equal(Bert.Encode("\uFFFD").Ids, Bert.Encode("\uD83D").Ids);
        Assert.Throws<ArgumentNullException>(() => Bert.Encode(null!));
        Assert.Empty(Bert.EncodeBatch(Array.Empty<string>()));
        Assert.Equal(2, Bert.EncodeWords([]).Count);
    }

    [Fact]
    public void Padding_without_a_length_is_that_of_the_longest()
        => Assert.All(Bert.WithPadding(new PaddingOptions()).EncodeBatch(["the", "the the the"]), encoding => Assert.Equal(5, encoding.Count));

    [Theory]
    [InlineData("(?<=a{1,9})b(?=c+)", "aabcc", "aa#cc")]
    [InlineData("(?>a+)b", "aab", "#")]
    [InlineData(@"\h", "fg0", "#g#")]
    [InlineData(@"\R", "a\r\nb", "a#b")]
    [InlineData("[a-c&&[^b]]", "abc", "#b#")]
    [InlineData("(?m)a.b", "a\nb", "#")]
    [InlineData("^a", "a\na", "#\n#")]
    [InlineData("a$", "a\na", "#\n#")]
    public void Expressions_of_the_reference_are_read(string pattern, string text, string expected)
        => Assert.Equal(expected, Normalized(pattern, "#", text));

    [Theory]
    [InlineData("(?<=a+)b")]
    [InlineData(@"(\w)\1")]
    [InlineData(@"(?<c>a)\k<c>")]
    [InlineData(@"\X")]
    [InlineData(@"a\Kb")]
    [InlineData("(?~b)")]
    [InlineData("(?P<c>a)")]
    [InlineData("(?s)a")]
    [InlineData(@"\p{Script=Greek}")]
    public void Other_expressions_are_refused_by_their_place(string pattern)
        => Assert.Contains("$.normalizer.pattern.Regex", Assert.Throws<InvalidFileException>(() => Normalized(pattern, "#", "a")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(@"\1")]
    [InlineData("$1")]
    public void What_replaces_is_literal(string content) => Assert.Equal(content, Normalized("(a)", content, "a"));

    private static string Normalized(string pattern, string content, string text)
    {
        JsonObject json = JsonNode.Parse("""{"version":"1.0","added_tokens":[],"model":{"type":"WordLevel","unk_token":"_","vocab":{"_":0}}}""")!.AsObject();
        json["normalizer"] = new JsonObject { ["type"] = "Replace", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["content"] = content };
        Tokenizer tokenizer = Tokenizer.FromJson(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()));
        Text.NormalizedText normalized = new(text);
        tokenizer.Parts.Normalizer!.Normalize(normalized);
        return normalized.ToString();
    }

    private static Tokenizer With(string name, AddedToken token)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Golden(name)))!.AsObject();
        json["added_tokens"]!.AsArray().Add(new JsonObject
        {
            ["id"] = Load(name).VocabularySize,
            ["content"] = token.Content,
            ["single_word"] = token.SingleWord,
            ["lstrip"] = token.LeftStrip,
            ["rstrip"] = token.RightStrip,
            ["normalized"] = token.Normalized,
            ["special"] = token.Special,
        });
        return Tokenizer.FromJson(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()));
    }

    private static Tokenizer Load(string name) => Tokenizer.FromFile(Golden(name));

    private static string Golden(string name) => Path.Combine(Repository.Goldens, "tokenizers", name, "tokenizer.json");
}
