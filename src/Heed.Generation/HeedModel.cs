using Heed.Checkpoints;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Generation;

/// <summary>A model and its tokenizer, opened from a folder: text in, text (or classes, or fillings) out.</summary>
/// <example><code>
/// using HeedModel model = HeedModel.Open("models/gpt2");
/// Console.WriteLine(model.Generate("Once upon a time"));
/// </code></example>
/// <remarks>Not safe for several threads at once; several models are.</remarks>
public sealed partial class HeedModel : IDisposable
{
    /// <summary>New tokens where neither the folder nor the caller sets a length.</summary>
    private const int StandardNewTokens = 128;

    private readonly IModelFiles _files;
    private Tokenizer? _tokenizer;
    private SentenceEmbedder? _embedder;

    private HeedModel(IModelFiles files, Model model, ModelDescription? description, SentenceEmbedder? embedder)
    {
        _files = files;
        Model = model;
        Generation = Settings(files, model, description);
        _embedder = embedder;
    }

    /// <summary>The folder or address that was opened.</summary>
    public string Folder => _files.Location;

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>The folder's settings for generation; change them with <c>with</c> and hand them to <see cref="Generate(string, GenerationConfig?, CancellationToken)"/>.</summary>
    public GenerationConfig Generation { get; }

    /// <summary>The folder's tokenizer, without its settings for truncation and padding; read when it is first asked for.</summary>
    /// <exception cref="StorageException">The folder has no tokenizer, or it cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file of the tokenizer is damaged.</exception>
    public Tokenizer Tokenizer => _tokenizer ??= Tokenizer.FromFiles(_files).WithTruncation(null).WithPadding(null);

    /// <summary>Returns the memory of the weights.</summary>
    public void Dispose()
    {
        Model.Dispose();
        if (!ReferenceEquals(_embedder?.Model, Model)) _embedder?.Dispose();
    }

    private static GenerationConfig Settings(IModelFiles files, Model model, ModelDescription? description)
    {
        GenerationConfig config = description is null ? GenerationConfig.FromFiles(files) : GenerationConfig.FromFiles(files, description);
        if (config.EndIds.Count == 0 && model.Config.EndId is { } end) config = config with { EndIds = [end] };
        config = config with { BeginId = config.BeginId ?? model.Config.BeginId, PaddingId = config.PaddingId ?? model.Config.PaddingId };
        bool lengthIsSet = config.MaxNewTokens is not null || config.MaxLength != new GenerationConfig().MaxLength;
        return lengthIsSet ? config : config with { MaxNewTokens = StandardNewTokens };
    }
}
