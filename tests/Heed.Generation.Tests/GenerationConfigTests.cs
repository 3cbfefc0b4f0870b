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
        Assert.Equal([7, 8], config.SequenceBias[0].Tokens);
        Assert.Equal((5, 1.5f), config.ExponentialDecay);
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
}
