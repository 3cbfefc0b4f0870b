using Heed.Generation.Processors;

namespace Heed.Generation;

/// <summary>One text to be generated.</summary>
public sealed record GenerationRequest
{
    /// <summary>Ids to go on from; for an encoder-decoder what the encoder reads.</summary>
    public required int[] Prompt { get; init; }

    /// <summary>The settings.</summary>
    public required GenerationConfig Config { get; init; }

    /// <summary>First ids of the decoder behind an encoder; null: its start id.</summary>
    public int[]? DecoderPrompt { get; init; }

    /// <summary>Number of this text among several of the same prompt: each draws numbers of its own.</summary>
    public int Sequence { get; init; }

    /// <summary>Sees each token as it comes; false ends the text behind it.</summary>
    public Func<GeneratedToken, bool>? OnToken { get; init; }

    /// <summary>Change scores after the settings' own processors: to allow only what a schema allows, say.</summary>
    public IReadOnlyList<ILogitsProcessor> Processors { get; init; } = [];

    /// <summary>Reports log p of each token, and of so many of the likeliest ones; null: none.</summary>
    public int? TopTokens { get; init; }

    /// <summary>Ends this text alone, with <see cref="FinishReason.Cancelled"/>.</summary>
    public CancellationToken Stop { get; init; }
}
