using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Files;

namespace Heed.Models.Embeddings;

/// <summary>
/// Texts to vectors, from a folder of sentence-transformers (<c>modules.json</c>) or of a bare encoder: encoder → pooling → normalisation. Ids go in;
/// a text gives the same bits alone and in any batch.
/// </summary>
public sealed class SentenceEmbedder : IDisposable
{
    /// <summary>Most tokens that run at once: it bounds memory and changes no bit.</summary>
    private const int TokensAtOnce = 8192;

    private readonly SentencePipeline _pipeline;

    private SentenceEmbedder(EncoderModel model, SentencePipeline pipeline)
    {
        Model = model;
        _pipeline = pipeline;
    }

    /// <summary>The encoder.</summary>
    public EncoderModel Model { get; }

    /// <summary>Length of a vector: the encoder's width times the number of poolings.</summary>
    public int Width => Model.Config.Width * _pipeline.Poolings.Count;

    /// <summary>Longest text, in tokens; tokenizers cut there.</summary>
    public int MaximumLength => Math.Min(Model.Config.MaximumLength, _pipeline.MaximumLength ?? int.MaxValue);

    /// <summary>How a text's rows become one vector; several are put one behind another.</summary>
    public IReadOnlyList<Pooling> Poolings => _pipeline.Poolings;

    /// <summary>True where vectors have length 1.</summary>
    public bool Normalizes => _pipeline.Normalizes;

    /// <summary>Opens a folder.</summary>
    /// <exception cref="StorageException">The folder or a file is missing.</exception>
    /// <exception cref="InputException">A file is damaged, the model is no encoder, or a module is unknown.</exception>
    public static SentenceEmbedder Load(string folder, LoadOptions? options = null) => Load(new FolderModelFiles(folder), options);

    /// <summary>Opens a model from the files of any store.</summary>
    /// <inheritdoc cref="Load(string, LoadOptions?)" path="/exception"/>
    public static SentenceEmbedder Load(IModelFiles files, LoadOptions? options = null) => Load(files, null, options);

    /// <summary>Opens a model whose configuration may be read already, if it lies at the top.</summary>
    internal static SentenceEmbedder Load(IModelFiles files, ModelDescription? description, LoadOptions? options)
    {
        ArgumentNullException.ThrowIfNull(files);
        SentencePipeline pipeline = SentencePipeline.Read(files);
        IModelFiles below = files.Below(pipeline.EncoderPath);
        string encoder = below.Location;
        description ??= ModelFolder.ReadConfig(below, options);
        ModelFamily family = description.Family;
        string bare = family.Architectures.FirstOrDefault(a => a.EndsWith("Model", StringComparison.Ordinal))
            ?? throw new ConfigException($"{description.File}: a {family.ModelTypes[0]} model gives no embeddings here; use BERT, RoBERTa or DistilBERT.");
        if (options?.Warn is { } warn) description.Warn(warn);
        LoadOptions loading = (options ?? LoadOptions.Default) with { Architecture = bare, AllowMissing = true, Warn = null };
        (Model model, LoadReport report) = ModelFolder.Load(below, description with { Architecture = bare }, loading);
        // Checkpoints of other heads often lack the pooler, which no pooling here reads; anything else must be there.
        string? wrong = report.Missing.FirstOrDefault(n => !n.StartsWith("pooler.", StringComparison.Ordinal)) ?? (report.Mismatched.Count > 0 ? report.Mismatched[0] : null);
        if (wrong is null && model is EncoderModel found) return new SentenceEmbedder(found, pipeline);
        model.Dispose();
        throw new InputException(wrong is null
            ? $"{encoder}: a {bare} gives no embeddings here; use BERT, RoBERTa or DistilBERT."
            : $"{encoder}: the weights do not fit config.json: {wrong} is missing or of another shape. Check that they belong together.");
    }

    /// <summary>Embeds texts.</summary>
    /// <param name="texts">The ids of each text, with the special tokens of the model ([CLS] … [SEP]).</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[B, <see cref="Width"/>].</returns>
    /// <exception cref="InputException">A text is empty or longer than the model's positions, or an id is not in the vocabulary.</exception>
    public Tensor Embed(IReadOnlyList<int[]> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        Tensor vectors = Tensor.Uninitialized(texts.Count, Width);
        for (int first = 0; first < texts.Count;)
        {
            int count = 0, tokens = 0;
            while (first + count < texts.Count && (count == 0 || tokens + texts[first + count].Length <= TokensAtOnce))
            {
                if (texts[first + count].Length == 0) throw new InputException($"input_ids: text {first + count} has no tokens; an empty text still has its special tokens.");
                tokens += texts[first + count++].Length;
            }

            using TensorScope scope = TensorScope.Begin();
            Embed([.. texts.Skip(first).Take(count)], cancellationToken).Span.CopyTo(vectors.Span[(first * Width)..]);
            first += count;
        }

        return vectors;
    }

    /// <summary>Returns the memory of the weights.</summary>
    public void Dispose() => Model.Dispose();

    private Tensor Embed(int[][] texts, CancellationToken cancellationToken)
    {
        ModelInputs inputs = new()
        {
            InputIds = TokenGrid.Of(texts, Model.Config.PaddingId ?? 0),
            AttentionMask = TokenGrid.Of(Array.ConvertAll(texts, text => Array.ConvertAll(text, _ => 1))),
        };
        TokenBatch batch = Model.Pack(inputs);
        Variable hidden = Model.Encode(batch, batch.Context(new RunOptions { Stop = cancellationToken }));                                        // [N, D]
        Variable pooled = Variable.Concatenate(1, [.. Poolings.Select(pooling => hidden.Pool(batch.Starts, pooling))]);              // [B, D·P]
        return (Normalizes ? pooled.Normalize() : pooled).Value;
    }
}
