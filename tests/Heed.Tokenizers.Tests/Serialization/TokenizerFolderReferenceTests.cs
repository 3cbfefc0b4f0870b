using System.Text.Json.Nodes;
using Heed.Testing;

namespace Heed.Tokenizers.Tests.Serialization;

/// <summary>Folders of tokenizers with which the reference is known to do something particular: docs/reference-behaviour.md lists
/// them.</summary>
public sealed class TokenizerFolderReferenceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gpt2-small", """{"tokenizer_class":"Qwen2Tokenizer"}""", "12345 e\u0301")]
    [InlineData("llama2-style", """{"tokenizer_class":"LlamaTokenizer"}""", "  two</s>x")]
    [InlineData("llama3-style", """{"tokenizer_class":"LlamaTokenizer"}""", "The Word")]
    [InlineData("llama3-style", """{"tokenizer_class":"PreTrainedTokenizerFast"}""", "The Word")]
    [InlineData("llama3-style", """{"tokenizer_class":"TokenizersBackend"}""", "The Word")]
    [InlineData("llama3-style", """{"tokenizer_class":"NobodysTokenizer"}""", "The Word")]
    [InlineData("bert-cased", """{"do_lower_case":null}""", "The Word")]
    [InlineData("mpnet-style", """{"tokenizer_class":"RobertaTokenizer"}""", "The Word")]
    [InlineData("xlm-roberta-style", """{"tokenizer_class":"XLMRobertaTokenizer"}""", "ﬁne ｶﾞ")]
    [InlineData("gemma-style", """{"add_bos_token":false,"add_eos_token":true}""", "The Word")]
    [InlineData("bert-uncased", """{"never_split":["The"],"do_basic_tokenize":false}""", "The Word")]
    public void Tokenizer_json_stands_whatever_the_class(string name, string added, string text)
    {
        TokenEncoding expected = Tokenizer.FromFile(Golden(name, "tokenizer.json")).Encode(text, "pair"), given = Open(name, added).Encode(text, "pair");
        Assert.Equal(expected.Ids, given.Ids);
        Assert.Equal(expected.TypeIds, given.TypeIds);
    }

    [Theory]
    [InlineData("""{"add_bos_token":true,"add_eos_token":true}""", true, true)]
    [InlineData("""{"add_bos_token":false}""", false, false)]
    [InlineData("{}", true, false)]
    public void Marks_of_a_model_file_alone_are_options(string added, bool begin, bool end)
    {
        JsonObject config = JsonNode.Parse(added)!.AsObject();
        config["tokenizer_class"] = "LlamaTokenizer";
        File.Copy(Golden("sentencepiece-bpe", "spiece.model"), _folder.File("tokenizer.model"));
        File.WriteAllText(_folder.File("tokenizer_config.json"), config.ToJsonString());
        int[] ids = [.. Tokenizer.FromFolder(_folder.Path).Encode("the word").Ids];
        Assert.Equal((begin, end), (ids[0] == 1, ids[^1] == 2));
    }

    [Fact]
    public void Stored_truncation_and_padding_are_applied()
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Golden("bert-uncased", "tokenizer.json")))!.AsObject();
        json["truncation"] = JsonNode.Parse("""{"direction":"Right","max_length":6,"strategy":"LongestFirst","stride":0}""");
        json["padding"] = JsonNode.Parse("""{"strategy":{"Fixed":6},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"}""");
        Tokenizer tokenizer = Open("bert-uncased", """{"model_max_length":5}""", ("tokenizer.json", json.ToJsonString()));
        Assert.Equal(6, tokenizer.Encode("the word the word the word").Count);
        Assert.Equal(6, tokenizer.Encode("the").Count);
        Assert.Equal(8, tokenizer.WithTruncation(null).Encode("the word the word the word").Count);
    }

    [Theory]
    [InlineData("""{"model_max_length":3}""")]
    [InlineData("""{"model_max_length":1000000000000000019884624838656}""")]
    [InlineData("""{"model_max_length":null}""")]
    public void A_length_in_the_configuration_cuts_nothing_by_itself(string added)
        => Assert.Equal(8, Open("bert-uncased", added).Encode("the word the word the word").Count);

    [Fact]
    public void Another_begin_than_the_templates_is_a_role_alone()
    {
        Tokenizer tokenizer = Open("llama3-style", """{"bos_token":"<|eot_id|>"}""");
        Assert.Equal("<|eot_id|>", tokenizer.SpecialTokens["bos_token"]);
        Assert.Equal(Tokenizer.FromFile(Golden("llama3-style", "tokenizer.json")).Encode("the").Ids, tokenizer.Encode("the").Ids);
    }

    [Theory]
    [InlineData("""{"extra_special_tokens":["<a>","<b>"]}""")]
    [InlineData("""{"extra_special_tokens":{"a_token":"<a>","b_token":"<b>"}}""")]
    [InlineData("""{"additional_special_tokens":["<a>","<b>"]}""")]
    [InlineData("""{"pad_token":"<a>","image_token":"<b>"}""")]
    public void Tokens_that_the_vocabulary_lacks_get_the_next_ids(string added)
    {
        Tokenizer tokenizer = Open("llama3-style", added);
        int size = Tokenizer.FromFile(Golden("llama3-style", "tokenizer.json")).VocabularySize;
        Assert.Equal([size, size + 1], tokenizer.Encode("<a><b>", addSpecialTokens: false).Ids);
        Assert.Equal("", tokenizer.Decode([size, size + 1]));
    }

    [Theory]
    [InlineData("5")]      // taken
    [InlineData("4000")]   // beyond the next one
    public void A_token_whose_id_is_not_the_next_gets_the_next(string id)
    {
        string added = $$$"""{"added_tokens_decoder":{"{{{id}}}":{"content":"<new>","lstrip":false,"normalized":false,"rstrip":false,"single_word":false,"special":true} } }""";
        Tokenizer tokenizer = Open("bert-uncased", added), plain = Tokenizer.FromFile(Golden("bert-uncased", "tokenizer.json"));
        Assert.Equal(plain.VocabularySize, tokenizer.TokenToId("<new>"));
        Assert.Equal(plain.IdToToken(5), tokenizer.IdToToken(5));
        Assert.Contains("<new>", Assert.Single(tokenizer.Report!.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Flags_of_a_special_tokens_map_do_not_reach_known_tokens_and_added_tokens_come_in_order()
    {
        const string Map = """{"mask_token":{"content":"[MASK]","lstrip":true,"rstrip":true,"normalized":false,"single_word":false}}""";
        Tokenizer tokenizer = Open("bert-uncased", """{"added_tokens_decoder":null}""", ("special_tokens_map.json", Map), ("added_tokens.json", """{"<a>":2000,"<b>":2001}"""));
        Assert.Equal(["[CLS]", "the", "[MASK]", "the", "[SEP]"], tokenizer.Encode("the [MASK] the").Tokens);
        Assert.Equal((2000, 2001), (tokenizer.TokenToId("<a>")!.Value, tokenizer.TokenToId("<b>")!.Value));
    }

    [Theory]
    [InlineData("bert-uncased", "vocab.txt", "vocab.txt")]
    [InlineData("gpt2-small", "vocab.json", "vocab.json", "merges.txt")]
    [InlineData("sentencepiece-unigram", "spiece.model", "spiece.model")]
    public void Vocabulary_files_without_a_class_are_read_with_a_warning(string name, string told, params string[] files)
    {
        foreach (string file in files) File.Copy(Golden(name, file), _folder.File(file));
        Tokenizer tokenizer = Tokenizer.FromFolder(_folder.Path);
        Assert.Contains(told, Assert.Single(tokenizer.Report!.Warnings), StringComparison.Ordinal);
        Assert.NotEmpty(tokenizer.Encode("the").Ids);
    }

    [Theory]
    [InlineData("[UNK]\r\n[CLS]\r\n[SEP]\r\nthe\r\n", 3)]
    [InlineData("[UNK]\n[CLS]\n[SEP]\nthe", 3)]
    [InlineData("[UNK]\n[CLS]\n[SEP]\n\nthe \t\n", 4)]
    [InlineData("[UNK]\n[CLS]\n[SEP]\nthe\nthe\n", 4)]
    public void Lines_of_a_vocabulary_are_read_with_any_ends_and_of_two_equal_words_the_later(string vocabulary, int id)
    {
        File.WriteAllText(_folder.File("vocab.txt"), vocabulary);
        File.WriteAllText(_folder.File("tokenizer_config.json"), """{"tokenizer_class":"BertTokenizer"}""");
        Assert.Equal([1, id, 2], Tokenizer.FromFolder(_folder.Path).Encode("the").Ids);
    }

    [Fact]
    public void A_byte_order_mark_stays_on_the_first_word_of_a_vocabulary()
    {
        File.WriteAllText(_folder.File("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n", new System.Text.UTF8Encoding(true));
        File.WriteAllText(_folder.File("tokenizer_config.json"), """{"tokenizer_class":"BertTokenizer","pad_token":"[PAD]"}""");
        Tokenizer tokenizer = Tokenizer.FromFolder(_folder.Path);
        Assert.Equal([2, 4, 3], tokenizer.Encode("the").Ids);
        Assert.Equal(5, tokenizer.TokenToId("[PAD]"));
        Assert.Contains("byte-order mark", Assert.Single(tokenizer.Report!.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("t h\nth e\n")]
    [InlineData("#version: 0.2\r\nt h\r\nth e\r\n")]
    [InlineData("#version: 0.2\nt h\nth e\n\n\n")]
    public void Merges_are_read_with_any_ends(string merges)
    {
        File.WriteAllText(_folder.File("vocab.json"), """{"t":0,"h":1,"e":2,"th":3,"the":4}""");
        File.WriteAllText(_folder.File("merges.txt"), merges);
        File.WriteAllText(_folder.File("tokenizer_config.json"), """{"tokenizer_class":"GPT2Tokenizer"}""");
        Assert.Equal([4], Tokenizer.FromFolder(_folder.Path).Encode("the").Ids);
    }

    [Fact]
    public void Marian_is_read_from_tokenizer_json_alone()
        => Assert.NotEmpty(Open("t5-style", """{"tokenizer_class":"MarianTokenizer"}""").Encode("the word").Ids);

    private static string Golden(params string[] parts) => Path.Combine([Repository.Goldens, "tokenizers", .. parts]);

    /// <summary>A folder of goldens with other settings, files and a model's tokenizer.json.</summary>
    private Tokenizer Open(string name, string added, params (string Name, string Text)[] files)
    {
        foreach (string file in Directory.GetFiles(Golden(name)))
            if (!file.EndsWith("cases.jsonl", StringComparison.Ordinal)) File.Copy(file, _folder.File(Path.GetFileName(file)), overwrite: true);
        string path = _folder.File("tokenizer_config.json");
        JsonObject config = File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))!.AsObject() : [];
        foreach ((string key, JsonNode? value) in JsonNode.Parse(added)!.AsObject()) config[key] = value?.DeepClone();
        File.WriteAllText(path, config.ToJsonString());
        foreach ((string file, string text) in files) File.WriteAllText(_folder.File(file), text);
        return Tokenizer.FromFolder(_folder.Path);
    }
}
