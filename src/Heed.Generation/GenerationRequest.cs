using Heed.Generation.Processors;
using Heed.Tokenizers;

namespace Heed.Generation;

/// <summary>One text to be generated.</summary>
public sealed record GenerationRequest
{
    /// <summary>Ids to continue; for an encoder-decoder what the encoder reads. Empty: the beginning of text
    /// (<c>bos_token_id</c>).</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>The settings.</summary>
    public required GenerationConfig Config { get; init; }

    /// <summary>First ids of the decoder of an encoder-decoder; null: its start id.</summary>
    public IReadOnlyList<int>? DecoderPrompt { get; init; }

    /// <summary>Turns the new ids into text; null: ids only. Stop strings need it.</summary>
    public Tokenizer? Tokenizer { get; init; }

    /// <summary>Number of this text among several of the same prompt: each draws its own random numbers.</summary>
    public int Sequence { get; init; }

    /// <summary>Change scores after the settings' own processors: to allow only what a schema allows, for example.</summary>
    public IReadOnlyList<ILogitsProcessor> Processors { get; init; } = [];

    /// <summary>Ends this text alone, within one step, with <see cref="FinishReason.Cancelled"/>.</summary>
    public CancellationToken CancellationToken { get; init; }
}
