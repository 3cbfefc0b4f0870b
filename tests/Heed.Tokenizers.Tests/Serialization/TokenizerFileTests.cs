using System.Collections.Immutable;
using Heed.Testing;

namespace Heed.Tokenizers.Tests.Serialization;

/// <summary>Single files and folders: every form that a tokenizer comes in.</summary>
public class TokenizerFileTests
{
    private const string Text = "The quick brown fox, naïve 中 😀!";

    private static string Golden(params string[] parts) => Path.Combine([Repository.Goldens, "tokenizers", .. parts]);

    [Theory]
    [InlineData("gpt2-small", "vocab.json")]
    [InlineData("gpt2-small", "merges.txt")]
    [InlineData("bert-uncased", "vocab.txt")]
    [InlineData("roberta-style", "vocab.json")]
    [InlineData("bert-cased", "tokenizer.json")]
    public void A_file_gives_the_ids_of_its_folder(string folder, string file)
        => Assert.Equal(Tokenizer.FromFolder(Golden(folder)).Encode(Text).Ids, Tokenizer.FromFile(Golden(folder, file)).Encode(Text).Ids);

    [Theory]
    [InlineData("sentencepiece-bpe", "llama2-metaspace")]
    [InlineData("sentencepiece-unigram", "t5-style")]
    public void A_SentencePiece_model_opens_by_its_name(string folder, string expected)
    {
        ImmutableArray<int> ids = Tokenizer.FromFile(Golden(folder, "spiece.model")).Encode("The quick brown fox", addSpecialTokens: false).Ids;
        Assert.Equal(Tokenizer.FromFolder(Golden(expected)).Encode("The quick brown fox", addSpecialTokens: false).Ids, ids);
    }

    [Fact]
    public void One_token_may_open_and_close_a_text()
    {
        using TemporaryFolder folder = new();
        File.Copy(Golden("bert-uncased", "vocab.txt"), folder.File("vocab.txt"));
        File.WriteAllText(folder.File("special_tokens_map.json"), """{"cls_token":"[SEP]","sep_token":"[SEP]"}""");
        Tokenizer tokenizer = Tokenizer.FromFolder(folder.Path);
        int separator = tokenizer.TokenToId("[SEP]")!.Value;
        ImmutableArray<int> inner = tokenizer.Encode("the fox", addSpecialTokens: false).Ids;
        Assert.Equal([separator, .. inner, separator], tokenizer.Encode("the fox").Ids);
        tokenizer.Save(folder.File("tokenizer.json"));
        Assert.Equal([separator, .. inner, separator], Tokenizer.FromFile(folder.File("tokenizer.json")).Encode("the fox").Ids);
    }

    [Fact]
    public void A_tiktoken_file_opens_by_the_encoding_in_its_name()
    {
        using TemporaryFolder folder = new();
        string ranks = string.Concat(Enumerable.Range(0, 256).Select(b => FormattableString.Invariant($"{Convert.ToBase64String([(byte)b])} {b}\n")));
        File.WriteAllText(folder.File("cl100k_base.tiktoken"), ranks);
        Assert.Equal(100257, Tokenizer.FromFolder(folder.Path).TokenToId("<|endoftext|>"));
        Assert.Equal("é", Tokenizer.FromFile(folder.File("cl100k_base.tiktoken")).Decode([0xC3, 0xA9]));
        File.Move(folder.File("cl100k_base.tiktoken"), folder.File("mine.tiktoken"));
        Assert.Contains("mine.tiktoken", Assert.Throws<ConfigException>(() => Tokenizer.FromFolder(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vocabulary_without_its_merges_and_a_folder_as_file_are_refused()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("vocab.json"), """{"a":0}""");
        Assert.Contains("merges.txt", Assert.Throws<StorageException>(() => Tokenizer.FromFile(folder.File("vocab.json"))).Message, StringComparison.Ordinal);
        Assert.Throws<StorageException>(() => Tokenizer.FromFile(folder.Path));
        Assert.Throws<StorageException>(() => Tokenizer.FromFile(folder.File("nothing.txt")));

        // Another file of the folder is told to be no tokenizer; advice on its keys would spoil it.
        File.WriteAllText(folder.File("tokenizer_config.json"), """{"add_prefix_space":false}""");
        string message = Assert.Throws<InvalidFileException>(() => Tokenizer.FromFile(folder.File("tokenizer_config.json"))).Message;
        Assert.Contains($"no tokenizer.json; name one, or the folder {folder.Path}", message, StringComparison.Ordinal);
        Assert.DoesNotContain("remove", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tokenizer_names_its_file_and_a_missing_folder_is_named_when_it_is_saved()
    {
        using TemporaryFolder folder = new();
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", "wordlevel"));
        Assert.Equal(Path.Combine(Repository.Goldens, "tokenizers", "wordlevel", "tokenizer.json"), tokenizer.Source);
        string path = Path.Combine(folder.Path, "nowhere", "tokenizer.json");
        Assert.Equal($"{path}: its folder does not exist. Create it, or choose another place.", Assert.Throws<StorageException>(() => tokenizer.Save(path)).Message);
    }

    [Theory]
    [InlineData("sentencepiece-bpe/spiece.model")]
    [InlineData("sentencepiece-bpe-rules/spiece.model")]
    [InlineData("sentencepiece-unigram/spiece.model")]
    [InlineData("sentencepiece-unigram-symbols/spiece.model")]
    [InlineData("bert-cased/vocab.txt")]
    [InlineData("gpt2-small/merges.txt")]
    public void What_is_converted_is_saved_to_the_same_bytes_again(string file)
    {
        using TemporaryFolder folder = new();
        Tokenizer first = Tokenizer.FromFile(Golden(file));
        first.Save(folder.File("one.json"));
        Tokenizer second = Tokenizer.FromFile(folder.File("one.json"));
        second.Save(folder.File("two.json"));
        Assert.Equal(File.ReadAllBytes(folder.File("one.json")), File.ReadAllBytes(folder.File("two.json")));
        Assert.Equal(first.Encode(Text).Ids, second.Encode(Text).Ids);
        Assert.Equal(first.Encode(Text).Offsets, second.Encode(Text).Offsets);
    }

    [Fact]
    public void Tokens_of_the_configuration_that_tokenizer_json_lacks_are_added()
    {
        using TemporaryFolder folder = new();
        File.Copy(Golden("gpt2-small", "tokenizer.json"), folder.File("tokenizer.json"));
        int size = Tokenizer.FromFolder(folder.Path).VocabularySize;
        File.WriteAllText(folder.File("tokenizer_config.json"), $$$"""
            {"added_tokens_decoder":{"{{{size}}}":{"content":"<|tool|>","lstrip":true,"normalized":false,"rstrip":false,"single_word":false,"special":false},
            "0":{"content":"<|endoftext|>","lstrip":false,"normalized":false,"rstrip":true,"single_word":false,"special":true}},
            "pad_token":"<|pad|>","model_specific_special_tokens":{"image_token":"<|image|>"}}
            """);
        Tokenizer tokenizer = Tokenizer.FromFolder(folder.Path);
        Assert.Equal([size, size + 1, size + 2], new[] { "<|tool|>", "<|pad|>", "<|image|>" }.Select(token => tokenizer.TokenToId(token)!.Value));
        Assert.Equal([" <|tool|>", "<|pad|>", "<|endoftext|> "], tokenizer.Encode(" <|tool|><|pad|><|endoftext|> ").Tokens);
        Assert.Equal("<|image|>", tokenizer.SpecialTokens["image_token"]);
        Assert.True(tokenizer.AddedTokens[size + 1].Special);
        Assert.False(tokenizer.AddedTokens[size].Special);
    }
}
