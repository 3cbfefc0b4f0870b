using Heed.Models;
using Heed.Testing;
using Xunit;

namespace Heed.Generation.Tests;

public sealed class GenerationConfigTests
{
    [Fact]
    public void Settings_are_read_from_the_generation_file_and_else_from_old_configurations()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(new GenerationConfig(), GenerationConfig.FromFolder(folder.Path));
        File.WriteAllText(folder.File("config.json"), """{"num_beams": 4, "length_penalty": 2.0, "early_stopping": true, "eos_token_id": 2, "vocab_size": 10}""");
        GenerationConfig old = GenerationConfig.FromFolder(folder.Path);
        Assert.Equal((4, 2f, EarlyStopping.WhenEnough), (old.Beams, old.LengthPenalty, old.EarlyStopping));
        Assert.Equal([2], old.EndIds);

        File.WriteAllText(folder.File("generation_config.json"), """
            {"eos_token_id": [5, 6], "early_stopping": "never", "bad_words_ids": [[1], [2, 3]], "sequence_bias": [[[7, 8], -2.5]], "stop_strings": ["a", "b"],
             "exponential_decay_length_penalty": [5, 1.5], "do_sample": true, "top_p": 0.9, "max_new_tokens": 7, "forced_eos_token_id": 5}
            """);
        GenerationConfig config = GenerationConfig.FromFolder(folder.Path);
        Assert.Equal([5, 6], config.EndIds);
        Assert.Equal(1, config.Beams);
        Assert.Equal((EarlyStopping.Never, true, 0.9f, 7), (config.EarlyStopping, config.Sample, config.TopP, config.MaxNewTokens!.Value));
        Assert.Equal([2, 3], config.BadWords[1]);
        Assert.Equal([7, 8], config.SequenceBias[0].Ids);
        Assert.Equal(new EndDecay(5, 1.5f), config.ExponentialDecay);
        Assert.Equal(["a", "b"], config.StopStrings);
        Assert.Equal([5], config.ForcedEndIds);
    }

    [Fact]
    public void Settings_that_are_switched_off_are_left_out()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("generation_config.json"), """
            {"encoder_no_repeat_ngram_size": 0, "encoder_repetition_penalty": 1.0, "num_beam_groups": 1, "diversity_penalty": 0.0, "penalty_alpha": null, "guidance_scale": null, "force_words_ids": null,
             "forced_decoder_ids": [], "watermarking_config": {}, "dola_layers": null, "token_healing": false, "max_time": null, "transformers_version": "5.0.0", "use_cache": true, "num_beams": 3}
            """);
        Assert.Equal(3, GenerationConfig.FromFolder(folder.Path).Beams);
    }

    [Theory]
    [InlineData("""{"temperature": -1}""", "temperature")]
    [InlineData("""{"top_p": 1.5}""", "top_p")]
    [InlineData("""{"num_beams": 0}""", "num_beams")]
    [InlineData("""{"early_stopping": "soon"}""", "early_stopping")]
    [InlineData("""{"bad_words_ids": [[]]}""", "bad_words_ids[0]")]
    [InlineData("""{"eos_token_id": [1, "x"]}""", "eos_token_id[1]")]
    [InlineData("""{"sequence_bias": [[1, 2]]}""", "sequence_bias[0][0]")]
    [InlineData("""{"stop_strings": [1]}""", "stop_strings[0]")]
    [InlineData("""{"max_new_tokens": 1e99}""", "max_new_tokens")]
    [InlineData("""{"exponential_decay_length_penalty": "long"}""", "exponential_decay_length_penalty")]
    [InlineData("""{"exponential_decay_length_penalty": [5]}""", "exponential_decay_length_penalty")]
    [InlineData("""{"exponential_decay_length_penalty": [1.5, 2]}""", "exponential_decay_length_penalty")]
    [InlineData("""{"encoder_no_repeat_ngram_size": 3}""", "encoder_no_repeat_ngram_size")]
    [InlineData("""{"encoder_repetition_penalty": 1.2}""", "encoder_repetition_penalty")]
    [InlineData("""{"num_beams": 4, "num_beam_groups": 2}""", "num_beam_groups")]
    [InlineData("""{"diversity_penalty": 0.5}""", "diversity_penalty")]
    [InlineData("""{"penalty_alpha": 0.6}""", "penalty_alpha")]
    [InlineData("""{"guidance_scale": 1.5}""", "guidance_scale")]
    [InlineData("""{"force_words_ids": [[1]]}""", "force_words_ids")]
    [InlineData("""{"forced_decoder_ids": [[1, 2]]}""", "forced_decoder_ids")]
    [InlineData("""{"watermarking_config": {"bias": 2}}""", "watermarking_config")]
    [InlineData("""{"dola_layers": "high"}""", "dola_layers")]
    [InlineData("""{"token_healing": true}""", "token_healing")]
    [InlineData("""[1]""", "generation_config.json")]
    public void A_wrong_or_unknown_setting_is_named(string json, string where)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("generation_config.json"), json);
        Assert.Contains(where, Assert.ThrowsAny<InputException>(() => GenerationConfig.FromFolder(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"max_new_tokens": 0}""")]   // cases: g11, u13
    [InlineData("""{"max_length": 0}""")]
    [InlineData("""{"min_new_tokens": -1}""")]
    [InlineData("""{"min_length": -1}""")]
    [InlineData("""{"temperature": -1}""")]
    [InlineData("""{"top_k": -1}""")]
    [InlineData("""{"top_p": 2}""")]
    [InlineData("""{"min_p": 2}""")]
    [InlineData("""{"typical_p": -0.5}""")]
    [InlineData("""{"epsilon_cutoff": 2}""")]
    [InlineData("""{"eta_cutoff": 2}""")]
    [InlineData("""{"repetition_penalty": 0}""")]
    [InlineData("""{"no_repeat_ngram_size": -1}""")]
    [InlineData("""{"num_beams": 0}""")]
    [InlineData("""{"num_return_sequences": 0}""")]
    public void A_setting_has_the_same_range_in_a_file_and_in_code(string json)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("generation_config.json"), json);
        string name = json.Split('"')[1];
        Assert.Contains(name, Assert.ThrowsAny<InputException>(() => GenerationConfig.FromFolder(folder.Path)).Message, StringComparison.Ordinal);
        double value = double.Parse(json.Split([':', '}'])[1], System.Globalization.CultureInfo.InvariantCulture);
        GenerationConfig right = new(), wrong = name switch
        {
            "max_new_tokens" => right with { MaxNewTokens = (int)value },
            "max_length" => right with { MaxLength = (int)value },
            "min_new_tokens" => right with { MinNewTokens = (int)value },
            "min_length" => right with { MinLength = (int)value },
            "temperature" => right with { Temperature = (float)value },
            "top_k" => right with { TopK = (int)value },
            "top_p" => right with { TopP = (float)value },
            "min_p" => right with { MinP = (float)value },
            "typical_p" => right with { TypicalP = (float)value },
            "epsilon_cutoff" => right with { EpsilonCutoff = (float)value },
            "eta_cutoff" => right with { EtaCutoff = (float)value },
            "repetition_penalty" => right with { RepetitionPenalty = (float)value },
            "no_repeat_ngram_size" => right with { NoRepeatNgramSize = (int)value },
            "num_beams" => right with { Beams = (int)value },
            _ => right with { ReturnSequences = (int)value },
        };
        right.Validate();
        Assert.StartsWith(name + ": is", Assert.Throws<InputException>(wrong.Validate).Message, StringComparison.Ordinal);
        using Heed.Models.CausalLanguageModel model = TestModels.Gpt2();
        using InferenceEngine engine = new(model);
        Assert.StartsWith(name + ": is", Assert.Throws<InputException>(() => engine.Generate([[1, 2]], wrong)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_that_are_none_and_empty_texts_are_refused_in_code()
    {
        foreach (GenerationConfig wrong in (GenerationConfig[])[new() { Temperature = float.NaN }, new() { TopP = float.NaN }, new() { RepetitionPenalty = float.PositiveInfinity }, new() { LengthPenalty = float.NaN }, new() { StopStrings = [""] }, new() { StopStrings = null! }, new() { EndIds = null! }, new() { BadWords = null! }])   // cases: u13
            Assert.Throws<InputException>(wrong.Validate);
    }
}
