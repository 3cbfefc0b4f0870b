using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models.Files;

namespace Heed.Models.Embeddings;

/// <summary>
/// Ids to vectors, from a folder of sentence-transformers (<c>modules.json</c>) or of a bare encoder or decoder: rows → pooling → what
/// follows (dense layers, normalization). A text gives the same bits alone and in any batch.
/// </summary>
/// <remarks>Texts to vectors, prompts included: <c>TextEmbedder</c> in Heed.Generation.</remarks>
internal sealed class SentenceEmbedder : IDisposable
{
    /// <summary>Most tokens that run at once: it bounds memory and changes no bit.</summary>
    private const int TokensAtOnce = 8192;

    private readonly SentencePipeline _pipeline;
    private readonly Model? _model;
    private readonly Tensor? _table;
    private readonly List<VectorModule> _following = [];
    private bool _sharesModel;

    private SentenceEmbedder(SentencePipeline pipeline, Model? model, Tensor? table)
    {
        _pipeline = pipeline;
        _model = model;
        _table = table;
        Width = RowWidth * pipeline.Poolings.Count;
    }

    /// <summary>The model that gives the rows; null for a static table.</summary>
    public Model? Model => _model;

    /// <summary>True where each token has one vector whatever its neighbours (StaticEmbedding).</summary>
    public bool IsStatic => _table is not null;

    /// <summary>Length of a vector after the last module.</summary>
    public int Width { get; private set; }

    /// <summary>D, numbers of a row.</summary>
    private int RowWidth => _model?.Config.Width ?? _table!.Shape[1];

    /// <summary>Positions of the encoder, in tokens; <see cref="int.MaxValue"/> where there is no limit.</summary>
    public int Positions => _model?.Config.MaximumLength ?? int.MaxValue;

    /// <summary>How a text's rows become one vector; several are concatenated.</summary>
    public IReadOnlyList<Pooling> Poolings => _pipeline.Poolings;

    /// <summary>False to leave the rows of a prompt out of the pooling (<c>include_prompt</c>).</summary>
    public bool IncludesPrompt => _pipeline.IncludesPrompt;

    /// <summary>What follows the pooling.</summary>
    public IReadOnlyList<VectorModule> Following => _following;

    /// <summary>True where the last module gives vectors of length 1.</summary>
    public bool Normalizes => _following is [.., NormalizeModule];

    /// <summary>Prompts, lengths, dimensions and similarity.</summary>
    public SentenceSettings Settings => _pipeline.Settings;

    /// <summary>Folder of the encoder and its tokenizer, below the opened one; empty where it is the folder itself.</summary>
    public string SourcePath => _pipeline.SourcePath;

    /// <summary>True for a folder whose <c>modules.json</c> makes vectors; false for a cross-encoder's, and where there is none.</summary>
    /// <exception cref="InvalidFileException">The file is damaged.</exception>
    internal static bool IsFor(IModelFiles files) => SentencePipeline.MakesVectors(files);

    /// <summary>Opens a folder.</summary>
    /// <exception cref="StorageException">The folder or a file is missing.</exception>
    /// <exception cref="InputException">A file is damaged, the model gives no rows, or a module is unknown.</exception>
    public static SentenceEmbedder Load(string folder, LoadOptions? options = null) => Load(new FolderModelFiles(folder), options);

    /// <summary>Opens a model from the files of any store.</summary>
    /// <inheritdoc cref="Load(string, LoadOptions?)" path="/exception"/>
    public static SentenceEmbedder Load(IModelFiles files, LoadOptions? options = null) => Load(files, null, options);

    /// <summary>Opens a model whose configuration may have been read already, if it is the folder itself.</summary>
    internal static SentenceEmbedder Load(IModelFiles files, ModelDescription? description, LoadOptions? options)
    {
        ArgumentNullException.ThrowIfNull(files);
        SentencePipeline pipeline = SentencePipeline.Read(files);
        IModelFiles source = files.Below(pipeline.SourcePath);
        SentenceEmbedder embedder = pipeline.IsStatic
            ? new SentenceEmbedder(pipeline, null, LoadTable(source))
            : new SentenceEmbedder(pipeline, LoadModel(source, description, options ?? LoadOptions.Default), null);
        try
        {
            foreach ((string kind, string path) in pipeline.Following)
                embedder.Append(kind == "Dense" ? DenseModule.Read(files.Below(path), embedder.Width) : new NormalizeModule());
            return embedder;
        }
        catch
        {
            embedder.Dispose();
            throw;
        }
    }

    /// <summary>Embeds with a model that is open already, pooled by the mean. It stays the caller's.</summary>
    /// <exception cref="InputException">The model gives no rows.</exception>
    internal static SentenceEmbedder Over(Model model) => model is EncoderModel or CausalLanguageModel
        ? new SentenceEmbedder(new SentencePipeline(), model, null) { _sharesModel = true }
        : throw new InputException($"{model.Architecture} gives no embeddings; use an encoder such as BERT or RoBERTa, or a decoder such "
        + $"as Qwen 3.");

    /// <summary>
    /// Embeds with a model that is trained: what the folder's dense modules hold becomes parameters of the model, named by their folder
    /// (<c>2_Dense.linear.weight</c>). The model stays the caller's.
    /// </summary>
    /// <param name="files">The folder; without <c>modules.json</c> rows are pooled by their mean.</param>
    /// <param name="model">Opened from it, with plain weights.</param>
    /// <exception cref="InputException">The model gives no rows, or lies in a folder below; or a module is unknown or damaged.</exception>
    internal static SentenceEmbedder ForTraining(IModelFiles files, Model model)
    {
        if (model is not (EncoderModel or CausalLanguageModel))
            throw new InputException($"{model.Architecture} gives no embeddings; use an encoder such as BERT or RoBERTa, or a decoder "
                + $"such as Qwen 3.");
        SentencePipeline pipeline = SentencePipeline.Read(files);
        if (pipeline.IsStatic || pipeline.SourcePath.Length > 0)
            throw new InputException($"{files.Location}: "
                + $"{(pipeline.IsStatic ? "holds word vectors" : $"holds its encoder in {pipeline.SourcePath}")}, which is not trained "
                + $"here; use a folder with the encoder itself.");
        SentenceEmbedder embedder = new(pipeline, model, null) { _sharesModel = true };
        foreach ((string kind, string path) in pipeline.Following)
            embedder.Append(kind == "Dense" ? DenseModule.Read(files.Below(path), embedder.Width, model.Parameters.Root / path)
                : new NormalizeModule());
        return embedder;
    }

    /// <summary>Folders of the modules behind the rows, in order.</summary>
    internal IEnumerable<string> ModulePaths
        => [.. _pipeline.PoolingPath is { } pooling ? [pooling] : (string[])[], .. _pipeline.Following.Select(f => f.Path)];

    /// <summary>The dense modules with their folders.</summary>
    internal IEnumerable<(string Path, DenseModule Module)> DenseModules
        => _pipeline.Following.Zip(_following).Where(p => p.Second is DenseModule).Select(p => (p.First.Path, (DenseModule)p.Second));

    /// <summary>The vectors of texts, on the tape where one records.</summary>
    /// <param name="texts">Ids; at least one a text.</param>
    /// <param name="promptTokens">As for <see cref="Embed(IReadOnlyList{int[]}, int, Pooling?, CancellationToken)"/>.</param>
    /// <param name="options">Dropout, recomputation.</param>
    /// <returns>[B, <see cref="Width"/>].</returns>
    internal Variable Forward(int[][] texts, int promptTokens, RunOptions options)
        => Pool(Rows(texts, options), texts, promptTokens, Poolings);

    /// <summary>Length of a vector that is pooled otherwise than the folder says.</summary>
    /// <param name="pooling">How; null: as the folder says, <see cref="Width"/>.</param>
    /// <exception cref="InputException">A dense module takes vectors of another length.</exception>
    public int WidthOf(Pooling? pooling)
    {
        if (pooling is null) return Width;
        int width = RowWidth;
        foreach (VectorModule module in _following)
        {
            if (module is DenseModule dense && dense.Inputs != width)
                throw new InputException($"pooling: {pooling} gives vectors of {width} numbers, and the folder's dense module takes "
                    + $"{dense.Inputs}, of {Poolings.Count} poolings one after another. Leave the pooling to the folder.");
            width = module.WidthOf(width);
        }

        return width;
    }

    /// <summary>Embeds texts.</summary>
    /// <param name="texts">The ids of each text, with the special tokens of the model ([CLS] … [SEP]).</param>
    /// <param name="promptTokens">Leading ids of each text that belong to its prompt; they are pooled unless <see cref="IncludesPrompt"/>
    /// is false.</param>
    /// <param name="pooling">How rows become a vector; null: <see cref="Poolings"/>.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[B, <see cref="WidthOf"/>]; a text without tokens gives zeros where rows come from a static table.</returns>
    /// <exception cref="InputException">A text is empty or longer than the model's positions, or an id is not in the
    /// vocabulary.</exception>
    public Tensor Embed(IReadOnlyList<int[]> texts, int promptTokens, Pooling? pooling, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentOutOfRangeException.ThrowIfNegative(promptTokens);
        using ModelUse entered = _model is null ? default : _model.Enter();
        int width = WidthOf(pooling);
        IReadOnlyList<Pooling> poolings = pooling is { } one ? [one] : Poolings;
        Tensor vectors = Tensor.Uninitialized(texts.Count, width);
        for (int first = 0; first < texts.Count;)
        {
            int count = 0, tokens = 0;
            while (first + count < texts.Count && (count == 0 || tokens + texts[first + count].Length <= TokensAtOnce))
            {
                if (texts[first + count].Length == 0 && !IsStatic) throw new InputException($"input_ids: text {first + count} has no "
                    + $"tokens; an empty text still has its special tokens.");
                tokens += texts[first + count++].Length;
            }

            using TensorScope scope = TensorScope.Begin();
            int[][] some = [.. texts.Skip(first).Take(count)];
            Variable rows = Rows(some, new RunOptions { CancellationToken = cancellationToken });
            Pool(rows, some, promptTokens, poolings).Value.Span.CopyTo(vectors.Span[(first * width)..]);
            first += count;
        }

        return vectors;
    }

    /// <summary>Embeds texts, pooled as the folder says.</summary>
    /// <inheritdoc cref="Embed(IReadOnlyList{int[]}, int, Pooling?, CancellationToken)"/>
    public Tensor Embed(IReadOnlyList<int[]> texts, int promptTokens = 0, CancellationToken cancellationToken = default)
        => Embed(texts, promptTokens, null, cancellationToken);

    /// <summary>Returns the memory of the weights.</summary>
    public void Dispose()
    {
        if (!_sharesModel) _model?.Dispose();
        _table?.Dispose();
        foreach (VectorModule module in _following) (module as IDisposable)?.Dispose();
    }

    private void Append(VectorModule module)
    {
        _following.Add(module);
        Width = module.WidthOf(Width);
    }

    /// <summary>[N, D]: the rows of the texts, one text after another.</summary>
    private Variable Rows(int[][] texts, RunOptions options)
    {
        switch (_model)
        {
            case null:
                int[] ids = [.. texts.SelectMany(text => text)];
                foreach (int id in ids)
                    if (id < 0 || id >= _table!.Shape[0]) throw new InputException($"input_ids: {id} is not in the vocabulary of "
                        + $"{_table!.Shape[0]} ids; use the tokenizer of the model.");
                return new Variable(_table!).Gather(ids);
            case EncoderModel encoder:
                TokenBatch batch = encoder.Pack(new ModelInputs
                {
                    InputIds = TokenGrid.Of(texts, encoder.Config.PaddingId ?? 0),
                    AttentionMask = TokenGrid.Of(Array.ConvertAll(texts, text => Array.ConvertAll(text, _ => 1))),
                });
                return encoder.Encode(batch, batch.Context(options));
            default:
                TokenBatch sequences = TokenBatch.Of(texts);
                return ((CausalLanguageModel)_model).Hidden(sequences, sequences.Context(options));
        }
    }

    /// <summary>[N, D] → [B, <see cref="WidthOf"/>].</summary>
    private Variable Pool(Variable rows, int[][] texts, int promptTokens, IReadOnlyList<Pooling> poolings)
    {
        int[] starts = new int[texts.Length + 1];
        for (int b = 0; b < texts.Length; b++) starts[b + 1] = starts[b] + texts[b].Length;
        int skip = IncludesPrompt ? 0 : promptTokens;
        Variable x = Variable.Concatenate(1, [.. poolings.Select(pooling => rows.Pool(starts, pooling, skip))]);       // [B, D·P]
        foreach (VectorModule module in _following) x = module.Forward(x);
        return x;
    }

    private static Tensor LoadTable(IModelFiles files)
    {
        using CheckpointFolder weights = CheckpointFolder.Open(files);
        RawTensor tensor = weights.TryGet("embedding.weight", out RawTensor? named) ? named : weights["embeddings"];
        if (tensor.Sizes.Length != 2) throw new InvalidFileException(weights.Path, tensor.Name,
            $"is [{string.Join(", ", tensor.Sizes)}]; a table [V, D] was expected");
        Tensor table = Tensor.Uninitialized((int)tensor.Shape[0], (int)tensor.Shape[1]).LeaveScope();
        tensor.ReadFloats(table.Span);
        return table;
    }

    /// <summary>Opens the stack without its head; what only a head or a pooler holds may be missing.</summary>
    private static Model LoadModel(IModelFiles files, ModelDescription? description, LoadOptions options)
    {
        description ??= ModelFolder.ReadConfig(files, options);
        string folder = files.Location;
        IReadOnlyList<string> heads = ModelFamilies.Heads(description.Family, description.Config.ModelType);
        string name = heads.FirstOrDefault(a => description.Family.HeadOf(a) == HeadKind.None)
            ?? heads.FirstOrDefault(a => description.Family.HeadOf(a) == HeadKind.LanguageModel) ?? description.Architecture;
        if (options.Warnings is { } warnings) description.ReportTo(warnings);
        LoadOptions loading = options with { Architecture = name, AllowMissing = true, Warnings = null };
        (Model model, LoadReport report) = ModelFolder.Load(files, description with { Architecture = name }, loading);
        string[] unneeded = ["pooler.", "lm_head."];
        string? wrong = report.Missing.FirstOrDefault(n => !unneeded.Any(u => n.StartsWith(u, StringComparison.Ordinal)))
            ?? (report.Mismatched.Count > 0 ? report.Mismatched[0] : null);
        if (wrong is null && model is EncoderModel or CausalLanguageModel) return model;
        model.Dispose();
        throw new InputException(wrong is null
            ? $"{folder}: a {name} gives no embeddings; use an encoder such as BERT or RoBERTa, or a decoder such as Qwen 3."
            : $"{folder}: the weights do not fit config.json: {wrong} is missing or of another shape. Check that they belong together.");
    }
}
