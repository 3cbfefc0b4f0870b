using Heed.Models;
using Heed.Models.Files;
using Heed.Models.Llama;
using Heed.Testing;
using Heed.Tokenizers;
using Xunit;

namespace Heed.Generation.Tests;

/// <summary>Faults of generation that were found once, each with its right answer. The model's next id depends on the last one
/// alone.</summary>
public sealed class GenerationCaseTests
{
    private static readonly GenerationConfig Eight = new() { MaxNewTokens = 8 };

    [Fact]
    public void A_run_of_byte_tokens_is_streamed_as_it_is_decoded()   // cases: 1
    {
        using TemporaryFolder folder = ChainModel.Folder("llama2-style", t => ChainModel.Chain(t.Id("▁the"), t.Id("<0x0A>"), t.Id("<0xE4>"), t.Id("▁a"), 2),
            """{"eos_token_id": 2}""");
        using HeedModel model = HeedModel.Open(folder.Path);
        GeneratedText text = model.Generate(["the"], Eight with { EndIds = [2] })[0];
        Assert.Equal(4, text.Ids.Count);
        Assert.Equal("\uFFFD\uFFFD a", text.Text);
        Assert.Equal(text.Text, string.Concat(model.Stream("the", Eight with { EndIds = [2] })));
    }

    [Theory]
    [InlineData("<|eot_id|>", " the", 2)]     // cases: 2
    [InlineData("eot_id", " the", 2)]
    [InlineData("<|eot", " the", 2)]
    [InlineData("<|eot_id|> a", " the", 3)]
    [InlineData("the a", " the a to", 8)]      // cases: g16: a special token counts with its own text
    [InlineData("the the", "", 1)]            // cases: g16: it may begin in the prompt
    [InlineData("e the", "", 1)]
    [InlineData("the", " ", 1)]               // but not lie in the prompt alone
    public void Stop_strings_are_found_in_prompt_and_new_ids_with_their_special_tokens(string stop, string expected, int tokens)
    {
        using TemporaryFolder folder = ChainModel.Folder("llama3-style", t =>
        [
            .. ChainModel.Chain(t.Id("the"), t.Id("Ġthe"), t.Id("<|eot_id|>"), t.Id("Ġa"), t.Id("Ġto")),
            (t.Id("Ġto"), [(t.Id("Ġa"), 20f)]),
        ]);
        using HeedModel model = HeedModel.Open(folder.Path);
        foreach (int beams in (int[])[1, 3])
        {
            GeneratedText text = model.Generate(["the"], Eight with { StopStrings = [stop], Beams = beams })[0];
            Assert.Equal(tokens == 8 ? FinishReason.Length : FinishReason.Stop, text.Finish);
            Assert.StartsWith(expected, text.Text, StringComparison.Ordinal);
            if (tokens < 8) Assert.Equal(expected, text.Text);
            Assert.Equal(tokens, text.Ids.Count);
        }

        Assert.StartsWith(expected, string.Concat(model.Stream("the", Eight with { StopStrings = [stop] })), StringComparison.Ordinal);
    }

    [Fact]
    public void A_beam_that_holds_a_stop_string_is_finished()   // cases: 12
    {
        using TemporaryFolder folder = ChainModel.Folder("llama3-style", t =>
        {
            (int the, int x, int y, int a, int b) = (t.Id("the"), t.Id("Ġin"), t.Id("Ġa"), t.Id("re"), t.Id("on"));
            return [(the, [(x, 14), (y, 12)]), (y, [(a, 20)]), (a, [(b, 20)]), (b, [(a, 20)])];
        });
        using HeedModel model = HeedModel.Open(folder.Path);
        GeneratedText text = model.Generate(["the"], new GenerationConfig { MaxNewTokens = 6, Beams = 2, StopStrings = ["in"] })[0];
        Assert.Equal((" ", FinishReason.Stop), (text.Text, text.Finish));
        Assert.Equal(-0.128, text.Score!.Value, 2e-3);
    }

    [Fact]
    public void Lengths_in_the_folder_count_even_if_they_are_the_standard()   // cases: 7a, g11
    {
        using TemporaryFolder folder = Endless("""{"max_length": 20}""");
        using HeedModel model = HeedModel.Open(folder.Path);
        int prompt = model.Tokenizer.Encode("the the").Ids.Length;
        Assert.Equal(20 - prompt, model.Generate(["the the"])[0].Ids.Count);
        string longer = string.Join(' ', Enumerable.Repeat("the", 20));
        string message = Assert.Throws<InputException>(() => model.Generate(longer)).Message;
        Assert.Contains("max_length: is 20", message, StringComparison.Ordinal);
        Assert.Contains($"{model.Tokenizer.Encode(longer).Ids.Length} tokens", message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_ends_of_config_json_count_if_the_generation_file_names_none()   // cases: 7b
    {
        foreach (string? generation in (string?[])[null, "{}"])
        {
            using TemporaryFolder folder = ChainModel.Folder("llama3-style", t => ChainModel.Chain(t.Id("the"), t.Id("Ġthe"), t.Id("Ġa"), t.Id("Ġto")), generation);
            Tokenizer tokenizer = Tokenizer.FromFolder(folder.Path);
            string file = folder.File("config.json"), json = File.ReadAllText(file);
            foreach (int[] ends in (int[][])[[tokenizer.Id("Ġa"), tokenizer.Id("Ġthe")], [tokenizer.Id("Ġthe"), tokenizer.Id("Ġa")]])
            {
                System.Text.Json.Nodes.JsonNode config = System.Text.Json.Nodes.JsonNode.Parse(json)!;
                config["eos_token_id"] = new System.Text.Json.Nodes.JsonArray(ends[0], ends[1]);
                File.WriteAllText(file, config.ToJsonString());
                using HeedModel model = HeedModel.Open(folder.Path);
                GeneratedText text = model.Generate(["the"])[0];
                Assert.Equal([tokenizer.Id("Ġthe")], text.Ids);
                Assert.Equal(FinishReason.End, text.Finish);
            }
        }
    }

    [Fact]
    public void A_ban_holds_if_its_head_is_the_whole_prompt()   // cases: g5
    {
        using CausalLanguageModel model = ChainModel.Build(16, ChainModel.Chain(5, 6, 7, 8));
        using InferenceEngine engine = new(model);
        GenerationConfig one = new() { MaxNewTokens = 1 };
        Assert.Equal([6], engine.Generate([[5]], one)[0].Ids);
        Assert.NotEqual(6, engine.Generate([[5]], one with { BadWords = [[5, 6]] })[0].Ids[0]);
        Assert.NotEqual(6, engine.Generate([[5]], one with { SequenceBias = [new SequenceBias([5, 6], -100)] })[0].Ids[0]);
        Assert.Equal([6], engine.Generate([[5]], one with { BadWords = [[4, 5, 6]] })[0].Ids);
    }

    [Fact]
    public void The_least_number_of_new_tokens_wins_over_the_least_length()   // cases: g6
    {
        using CausalLanguageModel model = ChainModel.Build(16, ChainModel.Chain(5, 6, 7, 8));
        using InferenceEngine engine = new(model);
        GenerationConfig config = new() { MaxNewTokens = 10, EndIds = [8], MinLength = 9 };
        Assert.Equal([6, 7, 8], engine.Generate([[5, 5]], config with { MinNewTokens = 1 })[0].Ids);
        Assert.True(engine.Generate([[5, 5]], config)[0].Ids.Count > 6);
    }

    [Fact]
    public void The_standard_length_stays_within_the_context_and_a_longer_one_is_warned_of_once()   // cases: g9
    {
        List<string> warnings = [];
        using TemporaryFolder folder = Endless(null, c => c with { ContextLength = 8 });
        using HeedModel model = HeedModel.Open(folder.Path, new LoadOptions { Warnings = new Reporter<string>(warnings.Add) });
        int prompt = model.Tokenizer.Encode("the").Ids.Length;
        Assert.Equal(8 - prompt, model.Generate(["the"])[0].Ids.Count);
        Assert.DoesNotContain(warnings, w => w.Contains("trained for 8", StringComparison.Ordinal));
        Assert.Equal(12, model.Generate(["the"], new GenerationConfig { MaxNewTokens = 12 })[0].Ids.Count);
        Assert.Equal(12, model.Generate(["the"], new GenerationConfig { MaxNewTokens = 12 })[0].Ids.Count);
        Assert.Single(warnings, w => w.Contains("trained for 8", StringComparison.Ordinal));
        Assert.Contains("trained for 8", Assert.Throws<InputException>(() => model.Generate("the the the the the the the the the")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_cannot_act_are_named_once()   // cases: g18, g20
    {
        List<string> warnings = [];
        using TemporaryFolder folder = Endless("""{"eos_token_id": 50000, "no_such_setting": 3, "transformers_version": "5", "use_cache": true}""");
        using HeedModel model = HeedModel.Open(folder.Path, new LoadOptions { Warnings = new Reporter<string>(warnings.Add) });
        Assert.Single(warnings, w => w.Contains("eos_token_id 50000", StringComparison.Ordinal));
        Assert.Single(warnings, w => w.Contains("no_such_setting is not known", StringComparison.Ordinal));
        File.WriteAllText(folder.File("generation_config.json"), """{"max_time": 0}""");
        Assert.Contains("max_time", Assert.Throws<InvalidFileException>(() => GenerationConfig.FromFolder(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1e-38f)]
    [InlineData(1e-30f)]
    [InlineData(float.Epsilon)]
    public void A_temperature_near_nothing_is_greedy(float temperature)   // cases: u9
    {
        using Heed.Models.CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model);
        int[] prompt = TestModels.Prompt(5, 1);
        Assert.Equal(engine.Generate([prompt], Eight)[0].Ids, engine.Generate([prompt], Eight with { Sample = true, Temperature = temperature })[0].Ids);
    }

    [Fact]
    public void A_temperature_near_nothing_in_the_folder_is_greedy()   // cases: g21
    {
        using TemporaryFolder folder = Endless("""{"max_new_tokens": 8, "do_sample": true, "temperature": 1e-38}""");
        using HeedModel model = HeedModel.Open(folder.Path);
        Assert.Equal(model.Generate("the", model.Generation with { Sample = false, Temperature = 1 }), model.Generate("the"));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(3, false)]   // cases: r11
    [InlineData(3, true)]
    public void Weights_that_are_not_numbers_end_every_kind_of_search(int beams, bool sample)
    {
        using Heed.Models.CausalLanguageModel model = TestModels.Gpt2();
        model.Parameters["transformer.ln_f.weight"].Value.Span[3] = float.NaN;
        using InferenceEngine engine = new(model);
        Assert.Throws<NumericalException>(() => engine.Generate([[1, 2, 3]], Eight with { Beams = beams, Sample = sample }));
    }

    [Fact]
    public void More_beams_than_memory_holds_are_refused_with_figures()   // cases: u6
    {
        using Heed.Models.CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model);
        BudgetException e = Assert.Throws<BudgetException>(() => engine.Generate([[1, 2, 3]], Eight with { Beams = 1 << 27 }));
        Assert.Contains("num_beams: 134217728", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, engine.CacheBytes);
    }

    [Fact]
    public void Stop_strings_without_a_tokenizer_are_refused()
    {
        using Heed.Models.CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model);
        Assert.Contains("Tokenizer", Assert.Throws<InputException>(() => engine.Generate([[1]], Eight with { StopStrings = ["a"] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_start_id_that_is_not_set_is_warned_of()   // cases: g10
    {
        using TemporaryFolder folder = new();
        File.Copy(Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small", "tokenizer.json"), folder.File("tokenizer.json"));
        int vocabulary = Tokenizer.FromFolder(folder.Path).VocabularySize;
        using (Heed.Models.SequenceToSequenceModel saved = SequenceToSequenceModel.Create(
            new Heed.Models.T5.T5Config { Layers = 1, Heads = 2, HeadWidth = 8, Width = 16, InnerWidth = 24, Vocabulary = vocabulary, DecoderStartId = 0, PaddingId = 0 },
            new Heed.Engine.Nn.ParameterSet(Heed.Engine.Nn.ParameterSource.Random(1))))
            ModelFolder.Save(saved, folder.Path);
        List<string> warnings = [];
        using (HeedModel told = HeedModel.Open(folder.Path, new LoadOptions { Warnings = new Reporter<string>(warnings.Add) })) Assert.DoesNotContain(warnings, w => w.Contains("decoder_start_token_id", StringComparison.Ordinal));
        System.Text.Json.Nodes.JsonNode config = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!;
        config.AsObject().Remove("decoder_start_token_id");
        File.WriteAllText(folder.File("config.json"), config.ToJsonString());
        if (File.Exists(folder.File("generation_config.json"))) File.Delete(folder.File("generation_config.json"));
        using HeedModel model = HeedModel.Open(folder.Path, new LoadOptions { Warnings = new Reporter<string>(warnings.Add) });
        Assert.Single(warnings, w => w.Contains("decoder_start_token_id; id 0 is taken", StringComparison.Ordinal));
    }

    private static TemporaryFolder Endless(string? generation, Func<LlamaConfig, LlamaConfig>? change = null)
        => ChainModel.Folder("llama3-style", t => [(t.Id("the"), [(t.Id("Ġthe"), 20f)]), (t.Id("Ġthe"), [(t.Id("Ġthe"), 20f)])], generation, change);
}
