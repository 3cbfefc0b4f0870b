using System.Text.Json.Nodes;
using Heed.Testing;

namespace Heed.Tokenizers.Tests.Serialization;

/// <summary>Each key of tokenizer_config.json, special_tokens_map.json and added_tokens.json is followed, refused by name, or known to have
/// no effect.</summary>
public sealed class FolderSettingsTests : IDisposable
{
    private const string Words = "The Word, wörd 北京 running";
    private readonly TemporaryFolder _folder = new();

    private static string Golden(string name) => Path.Combine(Repository.Goldens, "tokenizers", name);

    public void Dispose() => _folder.Dispose();

    /// <summary>A copy of a folder of goldens with other settings.</summary>
    private string Copy(string name, string added, string[]? without = null, params (string Name, string Text)[] files)
    {
        foreach (string file in Directory.GetFiles(Golden(name)))
            if (Path.GetFileName(file) != "cases.jsonl" && without?.Contains(Path.GetFileName(file)) != true) File.Copy(file, _folder.File(Path.GetFileName(file)), overwrite: true);
        string path = _folder.File("tokenizer_config.json");
        JsonObject config = File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))!.AsObject() : [];
        foreach ((string key, JsonNode? value) in JsonNode.Parse(added)!.AsObject()) config[key] = value?.DeepClone();
        File.WriteAllText(path, config.ToJsonString());
        foreach ((string file, string text) in files) File.WriteAllText(_folder.File(file), text);
        return _folder.Path;
    }

    private Tokenizer Open(string name, string added, string[]? without = null, params (string Name, string Text)[] files) => Tokenizer.FromFolder(Copy(name, added, without, files));

    // cases: c4, 11
    [Theory]
    [InlineData("bert-uncased", """{"do_lower_case":false}""", "2 1 1 16 1292 216 211 1550 265 409 3")]
    [InlineData("bert-uncased", """{"strip_accents":false}""", "2 391 1292 16 1 216 211 1550 265 409 3")]
    [InlineData("bert-uncased", """{"tokenize_chinese_chars":false}""", "2 391 1292 16 1292 1 1550 265 409 3")]
    [InlineData("bert-uncased", """{"tokenizer_class":"DistilBertTokenizerFast","do_lower_case":false}""", "2 1 1 16 1292 216 211 1550 265 409 3")]
    [InlineData("bert-uncased", """{"tokenizer_class":"ElectraTokenizer","do_lower_case":false}""", "2 1 1 16 1292 216 211 1550 265 409 3")]
    [InlineData("bert-cased", """{"do_lower_case":true}""", "2 480 1395 16 1395 248 243")]
    public void Options_of_BERT_classes_count_beside_tokenizer_json(string name, string added, string expected)
    {
        Tokenizer tokenizer = Open(name, added);
        int[] ids = [.. expected.Split(' ').Select(int.Parse)];
        Assert.Equal(ids, tokenizer.Encode(Words).Ids[..ids.Length]);
        Assert.Empty(tokenizer.Report!.Warnings);
    }

    // cases: c4: a class that has no such option leaves tokenizer.json as it is, in words
    [Fact]
    public void An_option_that_the_class_lacks_is_told()
    {
        Tokenizer tokenizer = Open("bert-uncased", """{"tokenizer_class":"PreTrainedTokenizerFast","do_lower_case":false}""");
        Assert.Equal(Tokenizer.FromFolder(Golden("bert-uncased")).Encode(Words).Ids, tokenizer.Encode(Words).Ids);
        Assert.Contains("do_lower_case", Assert.Single(tokenizer.Report!.Warnings), StringComparison.Ordinal);
    }

    // cases: c7
    [Theory]
    [InlineData("gpt2-small", """{"add_prefix_space":true}""", "265 300 650")]
    [InlineData("roberta-style", """{"add_prefix_space":true}""", "0 269 304 654 2")]
    [InlineData("llama2-metaspace", """{"tokenizer_class":"LlamaTokenizer","add_prefix_space":false}""", "1 876 264 301 584")]
    public void A_blank_before_the_text_is_an_option_of_the_class(string name, string added, string expected)
        => Assert.Equal(expected, string.Join(' ', Open(name, added).Encode("the word").Ids));

    // cases: c8
    [Fact]
    public void Special_tokens_in_text_can_be_spelled()
        => Assert.Equal("65 1076 92 272 68 79 70 1479 92 30 283", string.Join(' ', Open("gpt2-small", """{"split_special_tokens":true}""").Encode("a <|endoftext|> b").Ids));

    // cases: c9
    [Fact]
    public void Any_key_that_ends_in_token_names_a_token()
    {
        Tokenizer tokenizer = Open("bert-uncased", """{"image_token":"<image>"}""");
        Assert.Equal([2, 2000, 3], tokenizer.Encode("<image>").Ids);
        Assert.Equal("<image>", tokenizer.SpecialTokens["image_token"]);
    }

    // cases: c10
    [Fact]
    public void Flags_of_added_tokens_decoder_replace_those_of_tokenizer_json()
    {
        const string Added = """{"added_tokens_decoder":{"4":{"content":"[MASK]","lstrip":false,"normalized":true,"rstrip":false,"single_word":false,"special":true}}}""";
        Assert.Equal([2, 4, 3], Open("bert-uncased", Added).Encode("[mask]").Ids);
    }

    // cases: c11
    [Theory]
    [InlineData("""{"clean_up_tokenization_spaces":true}""", false, "it's a, b.")]
    [InlineData("""{"clean_up_tokenization_spaces":true,"tokenizer_class":"PreTrainedTokenizerFast"}""", false, "it's a, b.")]
    [InlineData("""{"clean_up_tokenization_spaces":true}""", true, "it's a, b.")]
    [InlineData("""{"clean_up_tokenization_spaces":false}""", true, "it ' s a, b.")]
    [InlineData("""{"clean_up_tokenization_spaces":false}""", false, "it ' s a, b.")]
    public void Blanks_are_cleaned_up_where_that_is_asked_for(string added, bool raw, string expected)
    {
        Tokenizer tokenizer = Open("bert-uncased", added, raw ? ["tokenizer.json"] : null);
        Assert.Equal(expected, tokenizer.Decode(tokenizer.Encode("it ' s a , b .").Ids));
        tokenizer.Save(_folder.File("saved.json"));
        Assert.Equal("it ' s a, b.", Tokenizer.FromFile(_folder.File("saved.json")).Decode(tokenizer.Encode("it ' s a , b .").Ids));
    }

    // cases: c12
    [Fact]
    public void Sides_are_followed()
    {
        string Text() => File.ReadAllText(Path.Combine(Golden("bert-uncased"), "tokenizer.json"));
        string stored = Text().Replace("\"truncation\":null", """
            "truncation":{"direction":"Right","max_length":6,"strategy":"LongestFirst","stride":0}
            """, StringComparison.Ordinal).Replace("\"padding\":null", """
            "padding":{"strategy":{"Fixed":6},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"}
            """, StringComparison.Ordinal);
        JsonObject json = JsonNode.Parse(stored)!.AsObject();
        json["truncation"] = JsonNode.Parse("""{"direction":"Right","max_length":6,"strategy":"LongestFirst","stride":0}""");
        json["padding"] = JsonNode.Parse("""{"strategy":{"Fixed":6},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"}""");
        Tokenizer tokenizer = Open("bert-uncased", """{"truncation_side":"left","padding_side":"left"}""", null, ("tokenizer.json", json.ToJsonString()));
        Assert.Equal([2, 211, 1550, 265, 409, 3], tokenizer.Encode(Words).Ids);
        Assert.Equal(0, tokenizer.Encode("the").Ids[0]);
        Assert.Equal((Side.Left, Side.Left), (tokenizer.TruncationSide, tokenizer.PaddingSide));
        Assert.Contains("truncation_side", Assert.Throws<InvalidFileException>(() => Open("bert-uncased", """{"truncation_side":"middle"}""")).Message, StringComparison.Ordinal);
    }

    // cases: c13
    [Fact]
    public void Additional_special_tokens_are_ignored_beside_extra_special_tokens()
    {
        Tokenizer tokenizer = Open("bert-uncased", """{"additional_special_tokens":["<a>"],"extra_special_tokens":["<b>"]}""");
        Assert.Equal([2, 2000, 3], tokenizer.Encode("<b>").Ids);
        Assert.Contains("additional_special_tokens", Assert.Single(tokenizer.Report!.Warnings), StringComparison.Ordinal);
        Assert.Contains("tokenizer_config.json: additional_special_tokens", tokenizer.Report.WithoutEffect);
    }

    // cases: c14
    [Fact]
    public void The_map_of_special_tokens_is_read_only_without_added_tokens_decoder()
    {
        (string, string)[] files = [("special_tokens_map.json", """{"mask_token":"<mm>"}"""), ("added_tokens.json", """{"<aa>":2000}""")];
        Tokenizer with = Open("bert-uncased", "{}", null, files);
        Assert.Equal("[MASK]", with.SpecialTokens["mask_token"]);
        Assert.Null(with.TokenToId("<mm>"));
        Assert.Null(with.TokenToId("<aa>"));
        Assert.Contains("special_tokens_map.json: mask_token", with.Report!.WithoutEffect);
        Tokenizer without = Open("bert-uncased", """{"added_tokens_decoder":null}""", null, files);
        Assert.Equal("<mm>", without.SpecialTokens["mask_token"]);
        Assert.Equal(2000, without.TokenToId("<aa>"));
        Assert.Equal(2001, without.TokenToId("<mm>"));
    }

    // cases: c15
    [Fact]
    public void Raw_files_follow_their_class_or_are_refused_by_name()
    {
        Tokenizer mpnet = Open("mpnet-style", "{}", ["tokenizer.json"]);
        Assert.Equal("0 391 64 552 2 2 61 274 266 2", string.Join(' ', mpnet.Encode("the word", "two").Ids));
        Assert.All(mpnet.Encode("the word", "two").TypeIds, type => Assert.Equal(0, type));
        string[] raw = ["tokenizer.json"];
        InvalidFileException clip = Assert.Throws<InvalidFileException>(() => Open("gpt2-small", """{"tokenizer_class":"CLIPTokenizer"}""", raw));
        Assert.Contains("CLIPTokenizer", clip.Message, StringComparison.Ordinal);
        Assert.Contains("$.tokenizer_class", clip.Message, StringComparison.Ordinal);
        Tokenizer qwen = Open("gpt2-small", """{"tokenizer_class":"Qwen2Tokenizer"}""", raw);
        Assert.Equal(5, qwen.Encode("12345").Count);
        Assert.Equal(qwen.Encode("e\u0301").Ids, qwen.Encode("é").Ids);
    }

    // cases: c1, c2
    [Theory]
    [InlineData("xlm-roberta-style-raw", "sentencepiece.bpe.model", "0 6 473 2 4 36 2")]
    public void A_model_file_is_read_as_its_class_reads_it(string name, string file, string expected)
    {
        Assert.Equal(expected, string.Join(' ', Open(name, "{}").Encode("the word </s> x").Ids));
        File.Move(_folder.File(file), _folder.File("spiece.model"));
        Assert.Equal(expected, string.Join(' ', Tokenizer.FromFolder(_folder.Path).Encode("the word </s> x").Ids));
        File.WriteAllText(_folder.File("tokenizer_config.json"), """{"tokenizer_class":"XLNetTokenizer"}""");
        Assert.Contains("XLNetTokenizer", Assert.Throws<InvalidFileException>(() => Tokenizer.FromFolder(_folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("tokenizer_config.json"), "{}");
        File.WriteAllText(_folder.File("config.json"), """{"model_type":"xlm-roberta"}""");
        Assert.Equal(expected, string.Join(' ', Tokenizer.FromFolder(_folder.Path).Encode("the word </s> x").Ids));
    }

    // cases: c3
    [Fact]
    public void A_model_file_is_normalized_as_SentencePiece_does()
    {
        Tokenizer deberta = Tokenizer.FromFolder(Golden("deberta-v3-style-raw"));
        Assert.Equal("1 4 3 2", string.Join(' ', deberta.Encode("ｶﾞ").Ids));
        TokenEncoding encoding = deberta.Encode("a ｶﾞ");
        Assert.Equal((2, 4), (encoding.Starts[^2], encoding.Ends[^2]));
    }

    /// <summary>The other families' layouts over a model file of ours: ids of special tokens, shifted pieces and templates as
    /// published.</summary>
    [Theory]
    [InlineData("CamembertTokenizer", "5 $ 6", "5 $ 6 6 $ 6", 4)]
    [InlineData("MBartTokenizer", "$ 2 1204", "$ $ 2 1204", 1)]
    [InlineData("PegasusTokenizer", "$ 1", "$ $ 1", 103)]
    [InlineData("T5Tokenizer", "$ 2", "$ 2 $ 2", 0)]
    [InlineData("MT5Tokenizer", "$ 2", "$ 2 $ 2", 0)]
    [InlineData("LlamaTokenizer", "1 $", "1 $ 1 $", 0)]
    public void Families_have_their_ids_and_templates(string name, string single, string pair, int shift)
    {
        Copy("xlm-roberta-style-raw", "{}");
        File.WriteAllText(_folder.File("tokenizer_config.json"), $$"""{"tokenizer_class":"{{name}}"}""");
        Tokenizer tokenizer = Tokenizer.FromFolder(_folder.Path);
        int[] pieces = [.. Heed.Tokenizers.SentencePiece.SentencePieceProcessor.Load(_folder.File("sentencepiece.bpe.model")).Encode("the word").Select(token => token.Id + shift)];
        string inner = string.Join(' ', pieces);
        Assert.Equal(single.Replace("$", inner, StringComparison.Ordinal), string.Join(' ', tokenizer.Encode("the word").Ids));
        Assert.Equal(pair.Replace("$", inner, StringComparison.Ordinal), string.Join(' ', tokenizer.Encode("the word", "the word").Ids));
        Assert.Equal("the word", tokenizer.Decode(tokenizer.Encode("the word").Ids));
        if (name == "PegasusTokenizer") return;   // our file has </s> among the pieces that Pegasus shifts, so that a saved vocabulary has it twice
        tokenizer.Save(_folder.File("saved.json"));
        Tokenizer saved = Tokenizer.FromFile(_folder.File("saved.json"));
        Assert.Equal(tokenizer.Encode("the word", "the word").Ids, saved.Encode("the word", "the word").Ids);
        Assert.Equal(tokenizer.VocabularySize, saved.VocabularySize);
    }

    [Fact]
    public void Flags_of_a_class_that_contradict_the_template_are_told_once()
    {
        Tokenizer gemma = Open("gemma-style", """{"add_bos_token":false,"add_eos_token":true}""");
        Assert.Equal(2, gemma.Report!.Warnings.Count);
        Assert.Equal(Tokenizer.FromFolder(Golden("gemma-style")).Encode("a").Ids, gemma.Encode("a").Ids);
        Assert.Empty(Tokenizer.FromFolder(Golden("gemma-style")).Report!.Warnings);
    }

    [Fact]
    public void The_report_has_each_key_once()
    {
        Tokenizer tokenizer = Open("bert-uncased", """{"my_own_key":1,"name_or_path":"x"}""");
        TokenizerFolderReport report = tokenizer.Report!;
        Assert.Equal(["tokenizer_config.json: my_own_key"], report.Unknown);
        Assert.Contains("tokenizer_config.json: name_or_path", report.WithoutEffect);
        Assert.Contains("tokenizer_config.json: do_lower_case", report.Followed);
        Assert.Contains("my_own_key", Assert.Single(report.Warnings), StringComparison.Ordinal);
        string[] all = [.. report.Followed, .. report.WithoutEffect, .. report.Unknown];
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    [Theory]
    [InlineData("""{"image_token":5}""", "image_token")]
    [InlineData("""{"do_lower_case":"yes"}""", "do_lower_case")]
    [InlineData("""{"split_special_tokens":1}""", "split_special_tokens")]
    [InlineData("""{"tokenizer_class":["BertTokenizer"]}""", "tokenizer_class")]
    public void Values_of_another_type_are_refused_by_name(string added, string key)
        => Assert.Contains(key, Assert.Throws<InvalidFileException>(() => Open("bert-uncased", added)).Message, StringComparison.Ordinal);
}
