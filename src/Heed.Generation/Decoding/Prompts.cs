namespace Heed.Generation.Decoding;

/// <summary>What greedy search, sampling and beam search demand of a request.</summary>
internal static class Prompts
{
    /// <summary>New tokens if neither <c>max_new_tokens</c> nor <c>max_length</c> is set.</summary>
    public const int StandardNewTokens = 20;

    /// <summary>The prompt, or the beginning of text if it is empty.</summary>
    /// <exception cref="InputException">The prompt is empty and the model has no id for the beginning of text.</exception>
    public static int[] Check(GenerationRequest request)
    {
        if (request.Prompt.Count > 0) return [.. request.Prompt];
        return request.Config.BeginId is { } begin
            ? [begin]
            : throw new InputException("input_ids: the prompt has no token, and generation_config.json sets no bos_token_id to begin "
                + "with. Give at least one token.");
    }

    /// <summary>Longest length, prompt included: as the settings say, but no longer than the model can read.</summary>
    /// <exception cref="InputException">The prompt alone is as long as <c>max_length</c>, or longer than the model can read.</exception>
    public static int MaximumLength(GenerationConfig config, int promptLength, Decoder decoder)
    {
        if (promptLength > decoder.MaximumLength)
            throw new InputException($"input_ids: the prompt has {promptLength} tokens and the model reads at most "
                + $"{decoder.MaximumLength}. Shorten the prompt.");
        if (config.MaxNewTokens is null && config.MaxLength is { } length && promptLength >= length)
            throw new InputException($"max_length: is {length}, and the prompt alone has {promptLength} tokens. Raise max_length, set "
                + "max_new_tokens, or shorten the prompt.");
        long asked = config.MaxNewTokens is { } tokens
            ? (long)promptLength + tokens
            : config.MaxLength ?? ((long)promptLength + StandardNewTokens);
        // The last token is written without being read.
        return (int)Math.Min(asked, Math.Min((long)decoder.MaximumLength + 1, int.MaxValue));
    }

    /// <summary>True if the id is one of a short list.</summary>
    public static bool Contains(IReadOnlyList<int> ids, int id)
    {
        for (int i = 0; i < ids.Count; i++)
            if (ids[i] == id) return true;
        return false;
    }
}
