using Heed.Engine.Autograd;

namespace Heed.Generation.Embeddings;

/// <summary>What a text is, which decides its prompt if none is named.</summary>
public enum EmbeddingPurpose
{
    /// <summary>Any text: the folder's default prompt, if it has one.</summary>
    Text,

    /// <summary>A question to search with: the prompt <c>query</c>.</summary>
    Query,

    /// <summary>A text to be found: the prompt <c>document</c>.</summary>
    Document,
}

/// <summary>How texts are embedded; what is omitted is taken from the folder.</summary>
public sealed record EmbeddingOptions
{
    /// <summary>What the texts are.</summary>
    public EmbeddingPurpose Purpose { get; init; }

    /// <summary>Text that is put before each text as it is; overrides <see cref="PromptName"/> and <see cref="Purpose"/>. Empty:
    /// none.</summary>
    public string? Prompt { get; init; }

    /// <summary>Name of one of the folder's prompts; overrides <see cref="Purpose"/>.</summary>
    public string? PromptName { get; init; }

    /// <summary>How a text's rows become one vector, whatever the folder says of it; what follows there (dense layers, normalization)
    /// stays. Null: as the folder says, by the mean where it says nothing.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Leading numbers of each vector that are kept (Matryoshka); null: the folder's <c>truncate_dim</c>, or all.</summary>
    public int? Dimensions { get; init; }

    /// <summary>True to divide each vector by its length at the end, after <see cref="Dimensions"/> are cut.</summary>
    public bool Normalize { get; init; }
}
