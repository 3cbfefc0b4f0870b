namespace Heed.Models.Files;

/// <summary>
/// Keys of <c>config.json</c> that change no result here, each for a reason that docs/files.md gives. What is not listed, not read and not
/// refused is unknown: opening a model warns of it.
/// </summary>
internal static class ConfigKeyList
{
    // Names, versions and programs: what wrote the file and what should read it.
    private static readonly string[] Origin =
    [
        "_name_or_path", "name_or_path", "_commit_hash", "transformers_version", "model_name", "finetuning_task", "tokenizer_class", "_diffusers_version",
        "_remove_final_layer_norm", "unsloth_version", "unsloth_fixed", "license", "author", "adapters", "_heed",
    ];

    // What the reference's call gives back, and how it computes the same numbers.
    private static readonly string[] Execution =
    [
        "use_cache", "output_attentions", "output_hidden_states", "output_past", "return_dict", "use_return_dict", "return_dict_in_generate", "output_scores", "torchscript",
        "use_bfloat16", "tf_legacy_loss", "chunk_size_feed_forward", "gradient_checkpointing", "_attn_implementation", "attn_implementation", "attn_implementation_internal",
        "_attn_implementation_autoset", "_attn_implementation_internal", "_experts_implementation", "reorder_and_upcast_attn", "slow_but_exact", "masked_softmax_fusion",
        "attention_softmax_in_fp32", "bias_dropout_fusion", "skip_bias_add", "skip_bias_add_qkv", "pretraining_tp", "problem_specific_params", "dtype", "torch_dtype", "memory_efficient", "cache_implementation",
        "deterministic_flash_attn", "reference_compile", "repad_logits_with_grad", "sparse_prediction", "sparse_pred_ignore_index",
    ];

    // First values, only of weights that the file does not have.
    private static readonly string[] FirstValues =
    [
        "initializer_range", "initializer_cutoff_factor", "initializer_factor", "init_std", "init_xavier_std", "n_special",
        "predict_special_tokens",
    ];

    // Parts that are built of none of the architectures here, or that only a head uses which is refused by its class.
    private static readonly string[] OtherParts =
    [
        "summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout",
        "summary_last_dropout", "classif_dropout", "classifier_dropout", "seq_classif_dropout", "qa_dropout",
        "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type", "extra_pos_embeddings",
        "add_bias_logits", "label2id", "id2label", "num_labels", "problem_type", "n_ctx", "seq_length", "offset_alibi", "type_vocab_size", "output_size",
        "cross_attention_hidden_size", "max_window_layers", "layer_types", "use_sliding_window", "sliding_window", "n_positions", "num_hidden_layers", "is_gated_act", "dense_act_fn",
        "relative_attention_max_distance", "hidden_act", "unk_token_id", "sep_token_id", "cls_token_id", "mask_token_id", "bos_token_id", "eos_token_id", "pad_token_id",
        "decoder_start_token_id", "head_dim", "task_specific_params", "is_encoder_decoder", "is_decoder", "architectures", "_sliding_window_pattern", "sliding_window_pattern",
    ];

    // Read where pairs are scored; a model by itself gives scores before any function.
    private static readonly string[] Pairs = ["sbert_ce_default_activation_function"];

    /// <summary>
    /// Settings of generation. In <c>config.json</c> they count only if there is no <c>generation_config.json</c>, as in the reference.
    /// </summary>
    internal static readonly string[] Generation =
    [
        "max_length", "max_new_tokens", "min_length", "min_new_tokens", "do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff",
        "repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "sequence_bias", "suppress_tokens", "begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id",
        "exponential_decay_length_penalty", "num_beams", "num_return_sequences", "length_penalty", "early_stopping", "renormalize_logits", "stop_strings",
        "encoder_no_repeat_ngram_size", "encoder_repetition_penalty", "diversity_penalty", "num_beam_groups", "penalty_alpha", "guidance_scale", "prompt_lookup_num_tokens", "top_h",
        "max_time", "assistant_early_exit", "force_words_ids", "constraints", "forced_decoder_ids", "watermarking_config", "dola_layers", "token_healing", "remove_invalid_values", "prefix",
    ];

    /// <summary>Keys of <c>generation_config.json</c> that change no text here.</summary>
    internal static readonly string[] GenerationWithoutEffect =
    [
        "_from_model_config", "transformers_version", "use_cache", "cache_implementation", "cache_config", "return_legacy_cache", "prefill_chunk_size", "disable_compile", "compile_config",
        "output_attentions", "output_hidden_states", "output_scores", "output_logits", "return_dict_in_generate", "low_memory", "remove_invalid_values", "trust_remote_code",
        "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold", "assistant_lookbehind", "target_lookbehind", "max_matching_ngram_size", "is_assistant",
        "continuous_batching_config", "prefix", "_commit_hash", "speculation_type",
    ];

    private static readonly HashSet<string> All = new(
        [.. Origin, .. Execution, .. FirstValues, .. OtherParts, .. Pairs, .. Generation], StringComparer.Ordinal);

    /// <summary>True for a key of <c>config.json</c> that changes no result where the family does not read it.</summary>
    public static bool IsWithoutEffect(string key) => All.Contains(key);

    /// <summary>Refuses what changes every architecture's computation and none here does.</summary>
    /// <exception cref="InvalidFileException">Such a key is set.</exception>
    public static void Refuse(ConfigReader file)
    {
        ConfigWords.RefuseForeign(file);
        ConfigWords.Refuse(file, "tie_encoder_decoder", "encoder and decoder have weights of their own here");
        foreach (string name in (ReadOnlySpan<string>)["encoder_layerdrop", "decoder_layerdrop", "layerdrop"])
        {
            file.Guard(name);
            if (file.Has(name) && file.Number(name, 0, 0, 1) is not 0)
                throw file.Wrong(name, "is not 0; no layer is left out in training here. Set 0, or train where that is known");
        }
    }
}
