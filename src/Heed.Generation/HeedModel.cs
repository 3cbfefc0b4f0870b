using Heed.Checkpoints;
using Heed.Engine.Runtime;
using Heed.Hub;
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

    private Tokenizer? _tokenizer;
    private SentenceEmbedder? _embedder;

    private HeedModel(string folder, Model model, GenerationConfig generation, SentenceEmbedder? embedder)
    {
        Folder = folder;
        Model = model;
        Generation = generation;
        _embedder = embedder;
    }

    /// <summary>The folder that was opened.</summary>
    public string Folder { get; }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>Where the model computes; each call enters it.</summary>
    public ComputeContext Context => Model.Context;

    /// <summary>The folder's settings for generation; change them with <c>with</c> and hand them to <see cref="Generate(string, GenerationConfig?, CancellationToken)"/>.</summary>
    public GenerationConfig Generation { get; }

    /// <summary>The folder's tokenizer, without its settings for truncation and padding; read when it is first asked for.</summary>
    /// <exception cref="StorageException">The folder has no tokenizer, or it cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file of the tokenizer is damaged.</exception>
    public Tokenizer Tokenizer => _tokenizer ??= Tokenizer.FromFolder(Folder).WithTruncation(null).WithPadding(null);

    /// <summary>Opens a model folder, or a model that was fetched before by its name on the hub.</summary>
    /// <param name="name">A folder with <c>config.json</c> and weights, or a name such as <c>openai-community/gpt2</c>.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <exception cref="StorageException">There is no such folder, a file is missing or cannot be read.</exception>
    /// <exception cref="InputException">A file is damaged.</exception>
    /// <exception cref="BudgetException">The weights would not fit into the memory allowed.</exception>
    public static HeedModel Open(string name, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        string folder = HubModel.Folder(name);
        SentenceEmbedder? embedder = IsForSentences(folder, options) ? SentenceEmbedder.Load(folder, options) : null;
        Model model = embedder?.Model ?? ModelFolder.Load(folder, options).Model;
        try
        {
            return new HeedModel(folder, model, Settings(folder, model), embedder);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Returns the memory of the weights.</summary>
    public void Dispose()
    {
        Model.Dispose();
        if (!ReferenceEquals(_embedder?.Model, Model)) _embedder?.Dispose();
    }

    /// <summary>True for folders of sentence-transformers, and for encoders without a head: their whole purpose is to embed.</summary>
    private static bool IsForSentences(string folder, LoadOptions? options)
    {
        if (File.Exists(Path.Combine(folder, "modules.json"))) return true;
        (ModelFamily family, string architecture, _) = ModelFolder.ReadConfig(folder, options);
        return architecture.EndsWith("Model", StringComparison.Ordinal) && family.Architectures.Any(a => a.EndsWith("ForMaskedLM", StringComparison.Ordinal));
    }

    private static GenerationConfig Settings(string folder, Model model)
    {
        GenerationConfig config = GenerationConfig.FromFolder(folder);
        if (config.EndIds.Count == 0 && model.Config.EndId is { } end) config = config with { EndIds = [end] };
        config = config with { BeginId = config.BeginId ?? model.Config.BeginId, PaddingId = config.PaddingId ?? model.Config.PaddingId };
        bool lengthIsSet = config.MaxNewTokens is not null || config.MaxLength != new GenerationConfig().MaxLength;
        return lengthIsSet ? config : config with { MaxNewTokens = StandardNewTokens };
    }
}
