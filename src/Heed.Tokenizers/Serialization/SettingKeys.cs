namespace Heed.Tokenizers.Serialization;

/// <summary>Keys of tokenizer_config.json that are known and change neither ids nor text here; docs/tokenizers.md holds the same
/// list.</summary>
internal static class SettingKeys
{
    /// <summary>The list.</summary>
    public static readonly IReadOnlyList<string> WithoutEffect =
    [
        // Where the files came from and which code reads them.
        "_from_auto", "added_tokens_file", "auto_map", "backend", "from_slow", "image_processor_type", "is_fast", "is_local", "name_or_path", "processor_class", "slow_tokenizer_class",
        "special_tokens_map_file", "tokenizer_file", "tokenizer_type", "transformers_version", "use_fast", "vocab_file", "merges_file", "vocab_type",
        // Defaults of calls that a call here names itself.
        "max_len", "max_length", "model_input_names", "model_max_length", "pad_to_multiple_of", "pad_token_type_id", "padding", "return_tensors", "stride", "truncation", "truncation_strategy",
        // Followed by chat templates, or by sentence embeddings.
        "chat_template", "response_schema", "use_default_system_prompt",
        // Not counted beside extra_special_tokens.
        "additional_special_tokens",
        // Options of classes: followed where the class has them, else ignored as in the reference.
        "add_bos_token", "add_eos_token", "add_prefix_space", "do_lower_case", "legacy", "strip_accents", "tokenize_chinese_chars", "offset", "extra_ids", "src_lang", "trim_offsets",
        "split_by_punct", "sp_model_kwargs", "clean_up_tokenization_spaces",
        // Options of Python code that reads no tokenizer.json, or that no tokenizer reads.
        "clean_text", "cls_token_type_id", "do_basic_tokenize", "do_word_tokenize", "errors", "keep_accents", "never_split", "normalize", "num_mask_tokens", "language_codes", "language", "tgt_lang",
        "phonemizer_lang", "remove_space", "show_warnings", "spaces_between_special_tokens", "use_cache", "wordpieces_prefix", "suppress_tokens", "target_lang", "vocab_size",
        "mask_token_sent", "token_type_ids_pattern", "token_type_ids_include_special_tokens", "return_special_tokens_mask", "predict_timestamps", "additional_special_tokens_ids",
    ];

    private static readonly HashSet<string> Keys = new(WithoutEffect, StringComparer.Ordinal);

    /// <summary>Whether a key has no effect: one of the list, or an id, which follows from the token.</summary>
    public static bool AreWithoutEffect(string key) => Keys.Contains(key) || key.EndsWith("_token_id", StringComparison.Ordinal) || key.EndsWith("_token_ids", StringComparison.Ordinal);
}
