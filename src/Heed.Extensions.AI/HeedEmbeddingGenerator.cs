using Heed.Generation.Embeddings;
using Microsoft.Extensions.AI;

namespace Heed.Extensions.AI;

/// <summary>A <see cref="TextEmbedder"/> as an <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>.</summary>
public sealed class HeedEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly TextEmbedder _embedder;
    private readonly EmbeddingPurpose _purpose;
    private readonly EmbeddingGeneratorMetadata _metadata;

    /// <summary>Takes an embedder, which stays the caller's.</summary>
    /// <param name="embedder">The model.</param>
    /// <param name="purpose">What the texts are, which decides their prompt.</param>
    public HeedEmbeddingGenerator(TextEmbedder embedder, EmbeddingPurpose purpose = EmbeddingPurpose.Text)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        (_embedder, _purpose) = (embedder, purpose);
        _metadata = new EmbeddingGeneratorMetadata("heed", null, Path.GetFileName(Path.TrimEndingDirectorySeparator(embedder.Folder)),
            embedder.Dimensions);
    }

    /// <summary>The vectors of texts.</summary>
    /// <param name="values">The texts.</param>
    /// <param name="options"><see cref="EmbeddingGenerationOptions.Dimensions"/> cuts the vectors; null: as the folder specifies.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">The dimensions are out of range, or a text does not fit the model.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        string[] texts = [.. values];
        long tokens = 0;
        IReadOnlyList<float[]> vectors = texts.Length == 0 ? []
            : await _embedder.EmbedAsync(texts, new EmbeddingOptions { Purpose = _purpose, Dimensions = options?.Dimensions },
            cancellationToken)
                .ConfigureAwait(false);
        foreach (string text in texts) tokens += _embedder.Ids(text, new EmbeddingOptions { Purpose = _purpose }).Count;
        return new GeneratedEmbeddings<Embedding<float>>(vectors.Select(v
            => new Embedding<float>(v) { ModelId = _metadata.DefaultModelId }))
        {
            Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens },
        };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata
            : serviceType.IsInstanceOfType(_embedder) ? _embedder
            : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Nothing: the embedder is the caller's.</summary>
    public void Dispose()
    {
    }
}
