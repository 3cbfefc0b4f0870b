using Heed.Checkpoints;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Generation.Embeddings;
using Heed.Models.Files;

namespace Heed.Generation;

public sealed partial class HeedModel
{
    /// <summary>Opens a model folder, or a model that was fetched before by its name on the hub. The folder of an adapter
    /// (<c>adapter_config.json</c>) opens as its base model with the adapter in the weights.</summary>
    /// <param name="name">A folder with <c>config.json</c> and weights, or a name such as <c>openai-community/gpt2</c>.</param>
    /// <param name="options">How to load; null: for inference. <see cref="LoadOptions.Warnings"/> also gets what is odd about later
    /// calls.</param>
    /// <param name="inference">How calls share time and memory; null: the standard.</param>
    /// <exception cref="StorageException">There is no such folder, a file is missing or cannot be read.</exception>
    /// <exception cref="InputException">A file is damaged.</exception>
    /// <exception cref="BudgetException">The weights would not fit into the memory allowed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A value of <paramref name="inference"/> is out of range.</exception>
    public static HeedModel Open(string name, LoadOptions? options = null, InferenceOptions? inference = null)
        => Open(ModelOpening.Find(name), options, inference);

    /// <summary>Opens a model from the files of any store: a folder, memory, a download.</summary>
    /// <param name="files">The files; the tokenizer is read from them when it is first asked for.</param>
    /// <param name="options">How to load; null: for inference. <see cref="LoadOptions.Warnings"/> also gets what is odd about later
    /// calls.</param>
    /// <param name="inference">How calls share time and memory; null: the standard.</param>
    /// <inheritdoc cref="Open(string, LoadOptions?, InferenceOptions?)" path="/exception"/>
    public static HeedModel Open(IModelFiles files, LoadOptions? options = null, InferenceOptions? inference = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        inference?.Validate();
        (files, options) = OpenedFiles.Of(files, options);
        (IModelFiles once, _) = OpenedFiles.ForOpening(files, options);
        ModelDescription? description = SentenceEmbedder.IsFor(once) ? null : ModelFolder.ReadConfig(once, options);
        TextEmbedder? embedder = description is null || IsBareEncoder(description) ? TextEmbedder.Open(once, description, options) : null;
        if (embedder is { Model: null })
        {
            embedder.Dispose();
            throw new InputException($"{files.Location}: holds static word vectors and no model; open it with TextEmbedder.Open.");
        }

        Model model = embedder?.Model ?? ModelFolder.Load(once, description!, options).Model;
        try
        {
            return new HeedModel(
                files, model, Settings(once, model, description, options?.Warnings), embedder, options?.Warnings, inference);
        }
        catch
        {
            embedder?.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="OpenAsync(IModelFiles, LoadOptions?, IProgress{LoadProgress}?, InferenceOptions?, CancellationToken)"/>
    /// <param name="name">A folder with <c>config.json</c> and weights, or a name such as <c>openai-community/gpt2</c>.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <param name="progress">Receives the bytes of weights read; may be null.</param>
    /// <param name="inference">How calls share time and memory; null: the standard.</param>
    /// <param name="cancellationToken">Stops before the next tensor; nothing is kept.</param>
    public static async Task<HeedModel> OpenAsync(
        string name, LoadOptions? options = null, IProgress<LoadProgress>? progress = null, InferenceOptions? inference = null,
        CancellationToken cancellationToken = default)
        => await OpenAsync(ModelOpening.Find(name), options, progress, inference, cancellationToken).ConfigureAwait(false);

    /// <summary>Opens a model without blocking the calling thread. In a browser, files at an address are first brought into
    /// memory.</summary>
    /// <param name="files">The files; the tokenizer is read from them when it is first asked for.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <param name="progress">Receives the bytes of weights read; may be null.</param>
    /// <param name="inference">How calls share time and memory; null: the standard.</param>
    /// <param name="cancellationToken">Stops before the next tensor; nothing is kept.</param>
    /// <exception cref="StorageException">A file is missing or cannot be read.</exception>
    /// <exception cref="InputException">A file is damaged.</exception>
    /// <exception cref="BudgetException">The weights would not fit into the memory allowed.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static async Task<HeedModel> OpenAsync(
        IModelFiles files, LoadOptions? options = null, IProgress<LoadProgress>? progress = null, InferenceOptions? inference = null,
        CancellationToken cancellationToken = default)
        => await ModelOpening.OpenAsync(files, options, progress, (source, loading) => Open(source, loading, inference), cancellationToken)
            .ConfigureAwait(false);

    /// <summary>True for encoders without a head: their whole purpose is to embed, as that of folders of sentence-transformers.</summary>
    private static bool IsBareEncoder(ModelDescription model)
        => model.Architecture.EndsWith("Model", StringComparison.Ordinal)
            && model.Family.Architectures.Any(a => a.EndsWith("ForMaskedLM", StringComparison.Ordinal));
}
