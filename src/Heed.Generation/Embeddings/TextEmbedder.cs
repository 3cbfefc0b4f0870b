using Heed.Checkpoints;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Generation.Embeddings;

/// <summary>
/// Texts to vectors, as the folder specifies: prompt → lower case → tokenizer, cut at its length → encoder → pooling → what follows →
/// dimensions. Any number of threads may use one.
/// </summary>
/// <example><code>
/// using TextEmbedder embedder = TextEmbedder.Open("models/all-MiniLM-L6-v2");
/// float[] question = embedder.Embed("where is my parcel?", new EmbeddingOptions { Purpose = EmbeddingPurpose.Query });
/// </code></example>
public sealed class TextEmbedder : IDisposable
{
    private readonly SentenceEmbedder _embedder;
    private readonly Tokenizer _tokenizer;

    private TextEmbedder(SentenceEmbedder embedder, Tokenizer tokenizer, int maximumLength, string folder)
    {
        _embedder = embedder;
        _tokenizer = tokenizer;
        MaximumLength = maximumLength;
        Folder = folder;
    }

    /// <summary>The folder that was opened.</summary>
    public string Folder { get; }

    /// <summary>The model that gives the rows; null for a static table.</summary>
    public Model? Model => _embedder.Model;

    /// <summary>Prompts, similarity and other settings of the folder.</summary>
    public SentenceSettings Settings => _embedder.Settings;

    /// <summary>Longest text in tokens, prompt and special tokens included: what is longer is cut. <see cref="int.MaxValue"/>: no
    /// limit.</summary>
    public int MaximumLength { get; }

    /// <summary>Length of a vector with the folder's settings.</summary>
    public int Dimensions => Math.Min(_embedder.Width, Settings.Dimensions ?? int.MaxValue);

    /// <summary>Opens a folder of sentence-transformers, or a bare encoder (mean pooling).</summary>
    /// <param name="name">The folder, or the name of a model that was fetched before, such as
    /// <c>sentence-transformers/all-MiniLM-L6-v2</c>.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <exception cref="StorageException">There is no such folder, or a file is missing.</exception>
    /// <exception cref="InputException">A file is damaged, or gives no vectors.</exception>
    /// <exception cref="BudgetException">The weights would not fit into the memory allowed.</exception>
    public static TextEmbedder Open(string name, LoadOptions? options = null) => Open(ModelOpening.Find(name), options);

    /// <summary>Opens a model from the files of any store.</summary>
    /// <param name="files">The files.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <inheritdoc cref="Open(string, LoadOptions?)" path="/exception"/>
    public static TextEmbedder Open(IModelFiles files, LoadOptions? options = null) => Open(files, null, options);

    /// <inheritdoc cref="OpenAsync(IModelFiles, LoadOptions?, IProgress{LoadProgress}?, CancellationToken)"/>
    /// <param name="name">The folder, or the name of a model that was fetched before.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <param name="progress">Receives the bytes of weights read; may be null.</param>
    /// <param name="cancellationToken">Stops before the next tensor; nothing is kept.</param>
    public static async Task<TextEmbedder> OpenAsync(
        string name, LoadOptions? options = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
        => await OpenAsync(ModelOpening.Find(name), options, progress, cancellationToken).ConfigureAwait(false);

    /// <summary>Opens without blocking the calling thread. In a browser, files at an address are first brought into memory.</summary>
    /// <param name="files">The files.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <param name="progress">Receives the bytes of weights read; may be null.</param>
    /// <param name="cancellationToken">Stops before the next tensor; nothing is kept.</param>
    /// <inheritdoc cref="Open(string, LoadOptions?)" path="/exception"/>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static Task<TextEmbedder> OpenAsync(
        IModelFiles files, LoadOptions? options = null, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default)
        => ModelOpening.OpenAsync(files, options, progress, (source, loading) => Open(source, null, loading), cancellationToken);

    internal static TextEmbedder Open(IModelFiles files, ModelDescription? description, LoadOptions? options)
    {
        ArgumentNullException.ThrowIfNull(files);
        (files, options) = OpenedFiles.ForOpening(files, options);
        return WithTokenizer(files, SentenceEmbedder.Load(files, description, options));
    }

    /// <summary>Embeds with a model that was opened from the files and stays the caller's: no second copy of its weights.</summary>
    internal static TextEmbedder Over(IModelFiles files, Model model) => WithTokenizer(files.ReadOnce(), SentenceEmbedder.Over(model));

    private static TextEmbedder WithTokenizer(IModelFiles files, SentenceEmbedder embedder)
    {
        try
        {
            IModelFiles source = files.Below(embedder.SourcePath);
            Tokenizer tokenizer = Tokenizer.FromFiles(source);
            if (embedder.Settings.LowersCase) tokenizer = tokenizer.WithLowerCase();
            int length = embedder.Settings.MaximumLength ?? Math.Min(TokenizerLength.Read(source) ?? int.MaxValue, embedder.Positions);
            // A length without room for a word: the reference does not cut then.
            bool cuts = length < int.MaxValue && length > (embedder.IsStatic ? 0 : tokenizer.Encode("").Count);
            tokenizer = tokenizer.WithPadding(null).WithTruncation(cuts ? new TruncationOptions(length) : null);
            return new TextEmbedder(embedder, tokenizer, cuts ? length : int.MaxValue, files.Location);
        }
        catch
        {
            embedder.Dispose();
            throw;
        }
    }

    /// <summary>The vectors of texts.</summary>
    /// <param name="texts">The texts; what is longer than <see cref="MaximumLength"/> is cut.</param>
    /// <param name="options">Prompt, pooling, dimensions, normalization; null: as the folder specifies.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>One vector per text, all of the same length.</returns>
    /// <exception cref="InputException">The prompt's name is unknown, <see cref="EmbeddingOptions.Dimensions"/> is out of range, the
    /// pooling does not fit the folder's dense module, or a text does not fit the model.</exception>
    public IReadOnlyList<float[]> Embed(IReadOnlyList<string> texts, EmbeddingOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        options ??= new EmbeddingOptions();
        string prompt = PromptOf(options);
        int width = _embedder.WidthOf(options.Pooling), dimensions = DimensionsOf(options);
        int[][] ids = [.. texts.Select(text => Encode(prompt + text))];
        using TensorScope scope = TensorScope.Begin();
        int promptTokens = PromptTokens(_tokenizer, _embedder, prompt);
        Tensor vectors = _embedder.Embed(ids, promptTokens, options.Pooling, cancellationToken);      // [B, D]
        float[][] result = new float[texts.Count][];
        for (int b = 0; b < result.Length; b++)
        {
            result[b] = vectors.Span.Slice(b * width, dimensions).ToArray();
            if (options.Normalize) NormalizeInPlace(result[b]);
        }

        return result;
    }

    /// <summary>Length of a vector with these options.</summary>
    /// <exception cref="InputException">The dimensions are out of range, or the pooling does not fit the folder's dense module.</exception>
    internal int DimensionsOf(EmbeddingOptions options)
    {
        int width = _embedder.WidthOf(options.Pooling), dimensions = options.Dimensions ?? Settings.Dimensions ?? width;
        return dimensions >= 1 ? Math.Min(dimensions, width)
            : throw new InputException($"dimensions: is {dimensions}; a whole number from 1 to {width} was expected.");
    }

    /// <summary>The vector of a text.</summary>
    /// <inheritdoc cref="Embed(IReadOnlyList{string}, EmbeddingOptions?, CancellationToken)"/>
    /// <param name="text">The text.</param>
    /// <param name="options">Prompt, dimensions, normalization; null: as the folder specifies.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    public float[] Embed(string text, EmbeddingOptions? options = null, CancellationToken cancellationToken = default)
        => Embed([text], options, cancellationToken)[0];

    /// <summary>As <see cref="Embed(IReadOnlyList{string}, EmbeddingOptions?, CancellationToken)"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Embed(IReadOnlyList{string}, EmbeddingOptions?, CancellationToken)"/>
    public Task<IReadOnlyList<float[]>> EmbedAsync(
        IReadOnlyList<string> texts, EmbeddingOptions? options = null, CancellationToken cancellationToken = default)
        => Task.Run(() => Embed(texts, options, cancellationToken), cancellationToken);

    /// <summary>As <see cref="Embed(string, EmbeddingOptions?, CancellationToken)"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Embed(string, EmbeddingOptions?, CancellationToken)"/>
    public Task<float[]> EmbedAsync(string text, EmbeddingOptions? options = null, CancellationToken cancellationToken = default)
        => Task.Run(() => Embed(text, options, cancellationToken), cancellationToken);

    /// <summary>The ids of a text as the model reads them, prompt included.</summary>
    /// <param name="text">The text.</param>
    /// <param name="options">Which prompt; null: the folder's default.</param>
    public IReadOnlyList<int> Ids(string text, EmbeddingOptions? options = null) => Encode(PromptOf(options ?? new EmbeddingOptions()) + text);

    /// <summary>Compares two vectors as the folder specifies: greater is nearer.</summary>
    public double Similarity(ReadOnlySpan<float> first, ReadOnlySpan<float> second) => Settings.Similarity.Of(first, second);

    /// <summary>Returns the memory of the weights.</summary>
    public void Dispose() => _embedder.Dispose();

    private string PromptOf(EmbeddingOptions options)
    {
        if (options.Prompt is { } given) return given;
        string? name = options.PromptName ?? options.Purpose switch
        {
            EmbeddingPurpose.Query => "query",
            EmbeddingPurpose.Document => "document",
            _ => Settings.DefaultPromptName,
        };
        if (name is null) return "";
        return Settings.Prompts.TryGetValue(name, out string? prompt)
            ? prompt
            : throw new InputException($"prompt: the folder has no prompt '{Printable.Shorten(name)}'; it has {string.Join(", ", Settings.Prompts.Keys)}. Name one of them, or give the text of a prompt.");
    }

    /// <summary>Static tables read a text's own tokens, without special ones.</summary>
    private int[] Encode(string text) => _tokenizer.Encode(text, addSpecialTokens: !_embedder.IsStatic).IdArray;

    /// <summary>Leading ids that a prompt takes: those of the prompt alone, without the special token that ends it.</summary>
    /// <param name="tokenizer">As it encodes texts.</param>
    /// <param name="embedder">Says whether a prompt's rows are pooled.</param>
    /// <param name="prompt">The prompt.</param>
    /// <returns>0 where they are.</returns>
    internal static int PromptTokens(Tokenizer tokenizer, SentenceEmbedder embedder, string prompt)
    {
        if (prompt.Length == 0 || embedder.IncludesPrompt) return 0;
        TokenEncoding alone = tokenizer.Encode(prompt, addSpecialTokens: !embedder.IsStatic);
        return alone.Count > 0 && alone.SpecialTokensMask[^1] != 0 ? alone.Count - 1 : alone.Count;
    }

    private static void NormalizeInPlace(Span<float> vector)
    {
        double square = 0;
        foreach (float v in vector) square += (double)v * v;
        float norm = (float)Math.Max(Math.Sqrt(square), 1e-12);
        foreach (ref float v in vector) v /= norm;
    }
}
