using System.Text;
using Heed.Testing;

namespace Heed.Generation.Tests;

/// <summary>Each key of generation_config.json removed, null, of another type, out of range: null means "not set", all else is read or
/// refused by name.</summary>
public sealed class GenerationConfigMutationTests
{
    private const string All = """
        {
          "max_new_tokens": 7, "max_length": 30, "min_new_tokens": 1, "min_length": 2, "do_sample": true, "temperature": 0.7, "top_k": 5, "top_p": 0.9, "min_p": 0.1, "typical_p": 0.8,
          "epsilon_cutoff": 0.01, "eta_cutoff": 0.02, "repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "bad_words_ids": [[1, 2]], "sequence_bias": [[[3], -2.0]],
          "suppress_tokens": [4], "begin_suppress_tokens": [5], "forced_bos_token_id": 6, "forced_eos_token_id": [7], "exponential_decay_length_penalty": [2, 1.1], "num_beams": 2,
          "num_return_sequences": 2, "length_penalty": 0.5, "early_stopping": "never", "renormalize_logits": true, "eos_token_id": [8, 9], "pad_token_id": 0, "bos_token_id": 1,
          "decoder_start_token_id": 2, "stop_strings": ["x"], "encoder_no_repeat_ngram_size": 0, "encoder_repetition_penalty": 1.0, "diversity_penalty": 0.0, "num_beam_groups": 1,
          "penalty_alpha": 0, "guidance_scale": 1, "prompt_lookup_num_tokens": 0, "top_h": 1, "assistant_early_exit": 0, "force_words_ids": null, "constraints": null,
          "forced_decoder_ids": null, "watermarking_config": null, "dola_layers": null, "token_healing": false, "use_cache": true, "transformers_version": "4.40.0"
        }
        """;

    [Fact]
    public void A_changed_key_is_read_or_refused_by_name_and_null_is_not_set()
    {
        List<string> wrong = [];
        MutantCount mutants = new("generation_config.json");
        byte[] all = Encoding.UTF8.GetBytes(All);
        string whole = Text(Read(all));
        Dictionary<string, GenerationConfig> removed = new(StringComparer.Ordinal);
        foreach (JsonMutation mutation in JsonMutations.Of(all))
        {
            try
            {
                GenerationConfig config = Read(mutation.Json);
                if (Text(config) == whole) mutants.Same("");
                else mutants.Followed("");
                if (mutation.Value is null) removed[mutation.Key] = config;
                if (mutation.Value == "null" && Text(config) != Text(removed[mutation.Key])) wrong.Add($"{mutation}: is not as if it were left out");
            }
            catch (HeedException e)
            {
                mutants.Refused("");
                if (!e.Message.Contains($"$.{mutation.Key}", StringComparison.Ordinal) || mutation.Value is null or "null") wrong.Add($"{mutation}: {e.Message}");
            }
            catch (Exception e)
            {
                wrong.Add($"{mutation}: {e.GetType().Name}: {e.Message}");
            }
        }

        Assert.Empty(wrong);
        Assert.True(mutants.Count >= 900, $"{mutants.Count} changes");
        mutants.CheckDocument();
    }

    private static GenerationConfig Read(byte[] json) => GenerationConfig.FromFiles(new MemoryModelFiles([KeyValuePair.Create("generation_config.json", (ReadOnlyMemory<byte>)json)]));

    private static string Text(GenerationConfig config) => $"{config} {string.Join(',', config.EndIds)} {string.Join(',', config.ForcedEndIds)} {string.Join(',', config.SuppressTokens)} "
        + $"{string.Join(',', config.BeginSuppressTokens)} {config.BadWords.Count} {config.SequenceBias.Count} {string.Join(',', config.StopStrings)}";
}
