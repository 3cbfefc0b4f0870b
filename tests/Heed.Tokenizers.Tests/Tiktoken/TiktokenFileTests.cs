using System.Globalization;
using System.Text;
using Heed.Testing;
using Heed.Tokenizers.Tiktoken;

namespace Heed.Tokenizers.Tests.Tiktoken;

public sealed class TiktokenFileTests
{
    /// <summary>All bytes in order, then some longer tokens.</summary>
    private static string File(params string[] longer)
    {
        StringBuilder file = new();
        for (int b = 0; b < 256; b++) file.Append(CultureInfo.InvariantCulture, $"{Convert.ToBase64String([(byte)b])} {b}\n");
        for (int i = 0; i < longer.Length; i++) file.Append(CultureInfo.InvariantCulture, $"{Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(longer[i]))} {256 + i}\n");
        return file.ToString();
    }

    private static Tokenizer Read(string file, TiktokenEncoding encoding = TiktokenEncoding.Cl100kBase)
    {
        using TemporaryFolder folder = new();
        System.IO.File.WriteAllText(folder.File("a.tiktoken"), file);
        return TiktokenFile.Read(folder.File("a.tiktoken"), encoding);
    }

    [Fact]
    public void Neighbours_merge_by_the_rank_of_what_they_make()
    {
        Tokenizer tokenizer = Read(File("he", "ll", "hell", "o w", "lo", " w", "or"));
        // hello: he (256) before ll (257); then hell (258); "lo" (260) never gets its l. " world" is a word of its own.
        Assert.Equal([258, 'o', 261, 262, 'l', 'd'], tokenizer.Encode("hello world").Ids);
        Assert.Equal("hello world", tokenizer.Decode(tokenizer.Encode("hello world").Ids));
    }

    [Fact]
    public void A_whole_word_in_the_file_is_taken_even_where_no_merge_makes_it()
        => Assert.Equal([256], Read(File("xyz")).Encode("xyz").Ids);

    [Fact]
    public void Special_tokens_have_their_published_ids()
    {
        Tokenizer tokenizer = Read(File());
        Assert.Equal(['a', 100257, 'b', 100276], tokenizer.Encode("a<|endoftext|>b<|endofprompt|>").Ids);
        Assert.Equal(100260, tokenizer.TokenToId("<|fim_suffix|>"));
        Assert.Equal(199999, Read(File(), TiktokenEncoding.O200kBase).TokenToId("<|endoftext|>"));
    }

    [Fact]
    public void Patterns_differ_in_numbers_and_case()
    {
        string[] pieces = ["12345", "123", "45", "camel", "Case", "camelCase"];
        Assert.Equal([256], Read(File(pieces), TiktokenEncoding.Gpt2).Encode("12345").Ids);
        Assert.Equal([257, 258], Read(File(pieces)).Encode("12345").Ids);
        Assert.Equal([261], Read(File(pieces)).Encode("camelCase").Ids);
        Assert.Equal([259, 260], Read(File(pieces), TiktokenEncoding.O200kBase).Encode("camelCase").Ids);
    }

    [Theory]
    [InlineData("YQ== 97 5\n", "line 257")]
    [InlineData("YQ==97\n", "line 257")]
    [InlineData("YWI= -1\n", "line 257")]
    [InlineData("YWI= 99999999999\n", "line 257")]
    [InlineData("???? 300\n", "line 257")]
    [InlineData("YWI= 5\n", "line 257")]
    [InlineData("YQ== 300\n", "line 257")]
    public void Lines_that_are_not_token_and_rank_are_refused_by_number(string line, string where)
        => Assert.Equal(where, Assert.Throws<InvalidFileException>(() => Read(File() + line)).Where);

    [Fact]
    public void A_file_without_all_bytes_is_refused()
        => Assert.Contains("0x", Assert.Throws<InvalidFileException>(() => Read("YQ== 0\n")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_special_token_must_not_take_a_rank()
    {
        using TemporaryFolder folder = new();
        System.IO.File.WriteAllText(folder.File("a.tiktoken"), File());
        Assert.Throws<ConfigException>(() => TiktokenFile.Read(folder.File("a.tiktoken"), TiktokenEncoding.Gpt2, new Dictionary<string, int> { ["<x>"] = 7 }));
    }
}
