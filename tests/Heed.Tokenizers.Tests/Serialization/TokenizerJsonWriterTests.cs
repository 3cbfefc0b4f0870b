using System.Text.Json.Nodes;
using Heed.Testing;
using Heed.Verification;

namespace Heed.Tokenizers.Tests.Serialization;

public class TokenizerJsonWriterTests
{
    public static TheoryData<string> Tokenizers()
    {
        TheoryData<string> names = [];
        foreach (string folder in Directory.GetDirectories(Path.Combine(Repository.Goldens, "tokenizers")).Order(StringComparer.Ordinal))
            if (File.Exists(Path.Combine(folder, "tokenizer.json"))) names.Add(Path.GetFileName(folder));
        return names;
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void A_file_of_the_reference_is_written_as_it_was_read(string name)
    {
        byte[] original = File.ReadAllBytes(Path.Combine(Repository.Goldens, "tokenizers", name, "tokenizer.json"));
        byte[] written = Tokenizer.FromJson(original).ToJson(indented: false);
        JsonNode expected = JsonNode.Parse(original)!, actual = JsonNode.Parse(written)!;
        Assert.Equal(expected.ToJsonString(), actual.ToJsonString());
        Assert.Equal(written, Tokenizer.FromJson(written).ToJson(indented: false));
    }

    [Fact]
    public void A_saved_tokenizer_keeps_truncation_padding_and_answers()
    {
        using TemporaryFolder folder = new();
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Repository.Goldens, "tokenizers", "bert-uncased"))
            .WithTruncation(new TruncationOptions(6) { Stride = 1, Direction = Side.Left })
            .WithPadding(new PaddingOptions { Length = 8, Direction = Side.Left, Token = "[PAD]" });
        tokenizer.Save(folder.File("tokenizer.json"));
        Tokenizer read = Tokenizer.FromFile(folder.File("tokenizer.json"));
        Assert.Equal(tokenizer.Truncation, read.Truncation);
        Assert.Equal(tokenizer.Padding, read.Padding);
        Assert.Equal(tokenizer.Encode("The quick brown fox jumps").Ids, read.Encode("The quick brown fox jumps").Ids);
    }

    [Theory]
    [InlineData("bert-uncased")]
    [InlineData("gpt2-small")]
    [InlineData("roberta-style")]
    public void Vocabulary_files_alone_give_the_same_answers(string name)
    {
        using TemporaryFolder folder = new();
        string source = Path.Combine(Repository.Goldens, "tokenizers", name);
        foreach (string file in Directory.GetFiles(source))
            if (Path.GetFileName(file) != "tokenizer.json") File.Copy(file, folder.File(Path.GetFileName(file)));
        string[] failures = [.. TokenizerVerification.Run(folder.Path).Where(result => !result.Passed).Select(result => $"{result.Case}: {result.Detail}")];
        Assert.True(failures.Length == 0, string.Join('\n', failures.Take(20)));
    }

    [Theory]
    [InlineData("bert-uncased", "vocab.txt")]
    [InlineData("gpt2-small", "merges.txt")]
    public void Saved_vocabulary_files_are_those_of_the_reference(string name, string file)
    {
        using TemporaryFolder folder = new();
        string source = Path.Combine(Repository.Goldens, "tokenizers", name);
        Tokenizer.FromFolder(source).SaveVocabulary(folder.Path);
        Assert.Equal(File.ReadAllText(Path.Combine(source, file)), File.ReadAllText(folder.File(file)));
    }

    [Fact]
    public void Roles_of_special_tokens_are_read_from_both_kinds_of_configuration()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("vocab.txt"), "[UNK]\n[CLS]\n[SEP]\na\n");
        File.WriteAllText(folder.File("tokenizer_config.json"), """{"tokenizer_class":"BertTokenizer","unk_token":"[UNK]","model_max_length":1000000000000000019884624838656,"extra_special_tokens":{"image_token":"<i>"}}""");
        File.WriteAllText(folder.File("special_tokens_map.json"), """{"cls_token":{"content":"[CLS]","lstrip":false,"normalized":false,"rstrip":false,"single_word":false},"sep_token":"[SEP]"}""");
        File.WriteAllText(folder.File("added_tokens.json"), """{"<i>":4}""");
        Tokenizer tokenizer = Tokenizer.FromFolder(folder.Path);
        Assert.Equal("[CLS]", tokenizer.SpecialTokens["cls_token"]);
        Assert.Equal("<i>", tokenizer.SpecialTokens["image_token"]);
        Assert.Equal([1, 3, 4, 2], tokenizer.Encode("a<i>").Ids);
    }
}
