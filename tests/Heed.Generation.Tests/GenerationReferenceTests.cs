using Heed.Generation.Processors;
using Heed.Models;
using Heed.Models.Bart;
using Heed.Testing;
using Heed.Tokenizers;
using Xunit;

namespace Heed.Generation.Tests;

/// <summary>Situations of generation in which the reference's answer is known: docs/reference-behaviour.md lists them. The model's next id
/// depends on the last one alone: 5, 6, 7, 8, 9, 5 and so on.</summary>
public sealed class GenerationReferenceTests : IDisposable
{
    private const int Vocabulary = 16;
    private static readonly GenerationConfig Three = new() { MaxNewTokens = 3 };

    private readonly CausalLanguageModel _model = ChainModel.Build(Vocabulary, ChainModel.Chain(5, 6, 7, 8, 9, 5));
    private readonly InferenceEngine _engine;

    public GenerationReferenceTests() => _engine = new InferenceEngine(_model);

    [Fact]
    public void New_tokens_win_over_the_length_with_the_prompt()
        => Assert.Equal([6, 7, 8], Ids([5], Three with { MaxLength = 2 }));

    [Fact]
    public void More_new_tokens_at_least_than_at_most_end_at_the_most()
        => Assert.Equal(3, Ids([5], Three with { MinNewTokens = 9, EndIds = [7] }).Length);

    [Theory]
    [InlineData(null, """{"eos_token_id": 7, "num_beams": 3, "max_new_tokens": 9, "task_specific_params": {"x": {"max_new_tokens": 2}}}""", 7, 3, 9)]
    [InlineData("""{"eos_token_id": 8}""", """{"eos_token_id": 7, "num_beams": 3, "max_new_tokens": 9}""", 8, 1, null)]
    [InlineData("""{"_from_model_config": true}""", """{"eos_token_id": 7, "num_beams": 3, "max_new_tokens": 9}""", null, 1, null)]
    public void The_generation_file_alone_counts_if_there_is_one(string? generation, string config, int? end, int beams, int? tokens)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), config);
        if (generation is not null) File.WriteAllText(folder.File("generation_config.json"), generation);
        GenerationConfig read = GenerationConfig.FromFolder(folder.Path);
        Assert.Equal(end is { } id ? [id] : [], read.EndIds);
        Assert.Equal((beams, tokens), (read.Beams, read.MaxNewTokens));
    }

    [Theory]
    [InlineData("""{"eos_token_id": -1}""", "eos_token_id")]
    [InlineData("""{"eos_token_id": []}""", "eos_token_id")]
    [InlineData("""{"eos_token_id": "</s>"}""", "eos_token_id")]
    [InlineData("""{"top_k": 1.5}""", "top_k")]
    [InlineData("""{"typical_p": 0}""", "typical_p")]
    [InlineData("""{"min_p": 1.5}""", "min_p")]
    [InlineData("""{"bad_words_ids": [1, 2]}""", "bad_words_ids[0]")]
    [InlineData("""{"stop_strings": ""}""", "stop_strings")]
    [InlineData("""{"early_stopping": "zzz"}""", "early_stopping")]
    [InlineData("""{"max_time": 0}""", "max_time")]
    [InlineData("""{"eos_token_id": 2""", "generation_config.json")]
    public void A_setting_that_the_reference_refuses_or_that_cannot_act_is_refused_by_name(string json, string name)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("generation_config.json"), json);
        Assert.Contains(name, Assert.ThrowsAny<InputException>(() => GenerationConfig.FromFolder(folder.Path).Validate()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"do_sample": true}""", 50)]
    [InlineData("""{"do_sample": true, "top_k": null}""", 50)]
    [InlineData("""{"do_sample": true, "top_k": 0}""", 101)]
    [InlineData("""{"do_sample": true, "top_k": 500}""", 101)]
    [InlineData("""{"do_sample": true, "top_k": 3}""", 3)]
    [InlineData("""{"do_sample": true, "top_k": 0, "top_p": 0}""", 1)]
    [InlineData("""{"do_sample": true, "top_k": 0, "min_p": 1}""", 1)]
    [InlineData("""{"do_sample": true, "top_k": 0, "temperature": 2}""", 101)]
    public void Sampling_leaves_as_many_ids_as_the_settings_say(string json, int left)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("generation_config.json"), json);
        float[] scores = [.. Enumerable.Range(0, 101).Select(i => i / 50f)];
        ProcessorList.Create(GenerationConfig.FromFolder(folder.Path), 1, 9).Process([5], scores);
        Assert.Equal(left, scores.Count(float.IsFinite));
    }

    [Fact]
    public void Ids_that_tie_with_the_last_of_the_best_all_stay()
    {
        float[] flat = new float[20], tied = [1, 2, 2, 3, 0];
        ProcessorList list = ProcessorList.Create(new GenerationConfig { Sample = true, TopK = 2 }, 1, 9);
        list.Process([5], flat);
        list.Process([5], tied);
        Assert.Equal((20, 3), (flat.Count(float.IsFinite), tied.Count(float.IsFinite)));
    }

    [Fact]
    public void Temperature_zero_is_greedy_with_sampling_and_without()
    {
        foreach (bool sample in (bool[])[true, false])
            Assert.Equal([6, 7, 8], Ids([5], Three with { Temperature = 0, Sample = sample }));
    }

    [Fact]
    public void More_beams_than_ids_in_the_vocabulary_search()
        => Assert.Equal([6, 7, 8], Ids([5], Three with { Beams = 3 * Vocabulary, TopK = 0 }));

    [Fact]
    public void Each_text_of_a_batch_has_its_own_length()
    {
        foreach (int beams in (int[])[1, 3])
        {
            GenerationConfig config = new() { MaxNewTokens = 6, EndIds = [7], PaddingId = 0, Beams = beams };
            IReadOnlyList<GeneratedText> texts = _engine.Generate([[5], [8]], config);
            Assert.Equal([6, 7], texts[0].Ids);
            Assert.Equal([9, 5, 6, 7], texts[1].Ids);
        }
    }

    [Fact]
    public void A_ban_spares_the_end_and_an_empty_list_bans_nothing()
    {
        GenerationConfig config = Three with { EndIds = [7] };
        Assert.Equal([6, 7], Ids([5], config with { BadWords = [[7]] }));
        Assert.Equal([6, 7], Ids([5], config with { BadWords = [] }));
        Assert.DoesNotContain(7, Ids([5], config with { BadWords = [[5, 6, 7]] }));   // it begins in the prompt
        Assert.Contains("bad_words_ids", Assert.Throws<InputException>(() => Ids([5], config with { BadWords = [[]] })).Message, StringComparison.Ordinal);
        Assert.Contains("sequence_bias", Assert.Throws<InputException>(() => Ids([5], config with { SequenceBias = [new SequenceBias([], 1)] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_forced_begin_follows_a_prompt_of_one_id_alone()
    {
        Assert.Equal([9, 5, 6], Ids([5], Three with { ForcedBeginId = 9 }));
        Assert.Equal([7, 8, 9], Ids([5, 6], Three with { ForcedBeginId = 9 }));
    }

    [Fact]
    public void A_forced_begin_is_the_first_new_id_of_an_encoder_decoder()
    {
        BartConfig config = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = Vocabulary, ContextLength = 16 };
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(config, new Engine.Nn.ParameterSet(Engine.Nn.ParameterSource.Random(1)));
        using InferenceEngine engine = new(model);
        Assert.Equal(9, engine.Generate([[5, 6, 7]], Three with { ForcedBeginId = 9 })[0].Ids[0]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_forced_end_replaces_the_last_id_and_the_first_of_several_wins(int beams)
        => Assert.Equal([6, 7, 3], Ids([5], Three with { ForcedEndIds = [3, 4], EndIds = [3, 4], Beams = beams }));

    [Fact]
    public void A_forced_id_that_is_no_token_is_refused()
    {
        foreach (GenerationConfig config in (GenerationConfig[])[Three with { ForcedEndIds = [999] }, Three with { ForcedBeginId = 999 }])
            Assert.Contains("999 is not in the vocabulary of 16 ids", Assert.Throws<InputException>(() => Ids([5], config)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_against_repetition_count_the_prompt()
    {
        Assert.Equal([6], Ids([7, 5], Three with { MaxNewTokens = 1 }));
        Assert.NotEqual([6], Ids([5, 6, 5], Three with { MaxNewTokens = 1, NoRepeatNgramSize = 2 }));
        Assert.NotEqual([6], Ids([6, 5], Three with { MaxNewTokens = 1, RepetitionPenalty = 1e9f, SequenceBias = [new SequenceBias([8], 1)] }));
    }

    [Fact]
    public void A_prompt_without_tokens_begins_with_the_begin_or_is_refused()
    {
        Assert.Equal([6, 7, 8], Ids([], Three with { BeginId = 5 }));
        Assert.Contains("bos_token_id", Assert.Throws<InputException>(() => Ids([], Three)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_custom_processor_sees_prompt_and_new_ids_of_its_text()
    {
        List<int[]> seen = [];
        GenerationRequest request = new() { Prompt = [4, 5], Config = Three, Processors = [new Watch(seen)] };
        _ = _engine.Generate([request]);
        Assert.Equal([[4, 5], [4, 5, 6], [4, 5, 6, 7]], seen);
    }

    [Theory]
    [InlineData("h", " t")]       // inside " the"
    [InlineData("the the", "")]
    public void A_stop_string_ends_a_text_however_many_tokens_it_must_have(string stop, string text)
    {
        using TemporaryFolder folder = ChainModel.Folder("llama3-style", t => [(t.Id("the"), [(t.Id("Ġthe"), 20f)]), (t.Id("Ġthe"), [(t.Id("Ġthe"), 20f)])]);
        using HeedModel model = HeedModel.Open(folder.Path);
        GeneratedText given = model.Generate(["the"], new GenerationConfig { MaxNewTokens = 8, MinNewTokens = 5, EndIds = [2], StopStrings = [stop] })[0];
        Assert.Equal((text, 1, FinishReason.Stop), (given.Text, given.Ids.Count, given.Finish));
        Assert.Equal(8, model.Generate(["the"], new GenerationConfig { MaxNewTokens = 8, StopStrings = [] })[0].Ids.Count);
    }

    [Fact]
    public void A_text_that_stops_leaves_the_others_of_its_batch_alone()
    {
        using TemporaryFolder folder = ChainModel.Folder("llama3-style", t => ChainModel.Chain(t.Id("the"), t.Id("Ġthe"), t.Id("Ġa"), t.Id("Ġto"), t.Id("Ġa")));
        using HeedModel model = HeedModel.Open(folder.Path);
        IReadOnlyList<GeneratedText> texts = model.Generate(["the", " a"], new GenerationConfig { MaxNewTokens = 4, StopStrings = [" the"] });
        Assert.Equal((1, FinishReason.Stop), (texts[0].Ids.Count, texts[0].Finish));
        Assert.Equal((4, FinishReason.Length), (texts[1].Ids.Count, texts[1].Finish));
    }

    [Fact]
    public void Special_tokens_of_a_chat_are_those_that_template_and_messages_write()
    {
        using TemporaryFolder folder = ChainModel.Folder("llama3-style", t => ChainModel.Chain(t.Id("the"), t.Id("Ġthe"), t.Id("<|eot_id|>")));
        File.WriteAllText(folder.File("chat_template.jinja"), "<|begin_of_text|>{% for m in messages %}{{ m.content }}{% endfor %}the");
        using HeedModel model = HeedModel.Open(folder.Path);
        GenerationConfig one = new() { MaxNewTokens = 1 };
        int plain = model.Chat([new ChatMessage(ChatRole.User, "the")], one).Usage.PromptTokens;
        Assert.Equal(3, plain);                                                                      // begin, the, the
        Assert.Equal(plain + 1, model.Chat([new ChatMessage(ChatRole.User, "the<|eot_id|>")], one).Usage.PromptTokens);
        Assert.Throws<Templates.ChatTemplateException>(() => model.Chat([], one));
    }

    public void Dispose()
    {
        _engine.Dispose();
        _model.Dispose();
    }

    private int[] Ids(int[] prompt, GenerationConfig config) => [.. _engine.Generate([prompt], config)[0].Ids];

    private sealed class Watch(List<int[]> seen) : ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> history, Span<float> scores) => seen.Add(history.ToArray());
    }
}
