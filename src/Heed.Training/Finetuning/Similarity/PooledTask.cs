using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Generation.Embeddings;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Tokenizers;
using Heed.Training.Runs;

namespace Heed.Training.Finetuning;

/// <summary>Learning over the vectors of texts: columns of texts → encoder → pooling and what follows → a loss over the vectors.</summary>
internal abstract class PooledTask : FinetuningTask
{
    private readonly Dictionary<string, int[]> _encoded = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _promptTokens = new(StringComparer.Ordinal);
    private readonly Tokenizer _tokenizer;

    /// <param name="model">An encoder without a head.</param>
    /// <param name="data">The examples.</param>
    /// <param name="settings">All decided.</param>
    /// <param name="lengths">Tokens of each training example.</param>
    protected PooledTask(FinetuningModel model, FinetuningData data, FinetuningConfig settings, int[] lengths)
        : base(model, data, settings, lengths)
    {
        if (model.NewParameters.FirstOrDefault(n => !Model.Parameters[n].MayBeUnused) is { } missing)
            throw new InputException($"{model.Folder}: the weights do not fit config.json: {missing} is missing. Check that they belong "
                + $"together.");
        Embedder = SentenceEmbedder.ForTraining(new FolderModelFiles(model.Folder!), model.Model);
        Tokenizer tokenizer = data.Tokenizer.WithPadding(null).WithTruncation(new TruncationOptions(settings.MaximumLength));
        _tokenizer = Embedder.Settings.LowersCase ? tokenizer.WithLowerCase() : tokenizer;
        foreach (string pattern in settings.Freeze) Model.Parameters.Freeze(pattern);
    }

    /// <summary>Texts to vectors, over the model that is trained.</summary>
    protected SentenceEmbedder Embedder { get; }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<long> CountTargets(ModelInputs batch) => [batch.NumberLabels!.Count];

    /// <summary>The mean loss of a batch, times its examples: with several micro-batches their mean counts.</summary>
    /// <inheritdoc/>
    public sealed override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options)
    {
        Changed();
        int n = batch.NumberLabels!.Count, columns = batch.InputIds!.Rows / n;
        int[][] texts = new int[n * columns][];
        for (int b = 0; b < texts.Length; b++) texts[b] = [.. Row(batch, b)];
        Variable vectors = Vectors(texts, columns, options);                                                        // [C·n, D]
        Variable loss = LossOf(Columns(vectors, n, columns), [.. batch.NumberLabels]);
        return [new LossPart("vectors", loss * n, n)];
    }

    /// <inheritdoc/>
    public sealed override void Save(string folder)
    {
        SentenceModules.Save(Embedder, Source.Folder!, Data.Tokenizer, folder, Source.Adapter);
        SaveMore(folder);
    }

    /// <inheritdoc/>
    public sealed override void Load(string folder)
    {
        Changed();
        SentenceModules.Load(Embedder, folder, Source.Adapter);
        LoadMore(folder);
    }

    /// <summary>The mean loss of a batch.</summary>
    /// <param name="columns">Vectors of each column of texts, [n, D].</param>
    /// <param name="labels">[n]: scores, labels or numbers of classes; NaN if the data have none.</param>
    protected abstract Variable LossOf(IReadOnlyList<Variable> columns, float[] labels);

    /// <summary>The weights are no longer those of the last evaluation.</summary>
    protected virtual void Changed()
    {
    }

    /// <summary>Writes what belongs to the folder beside the embedder.</summary>
    protected virtual void SaveMore(string folder)
    {
    }

    /// <summary>Reads what <see cref="SaveMore"/> wrote and is trained.</summary>
    protected virtual void LoadMore(string folder)
    {
    }

    /// <summary>The text that stands before the texts of a column.</summary>
    protected virtual string PromptOf(int column) => "";

    /// <summary>The inputs of examples: all first texts, then all second ones, and so on; with a number each.</summary>
    protected ModelInputs InputsOf(IReadOnlyList<IReadOnlyList<string>> examples, float[] labels)
    {
        int[][] texts = [.. Enumerable.Range(0, examples[0].Count).SelectMany(c => examples.Select(e => Encode(PromptOf(c) + e[c])))];
        return new ModelInputs
        {
            InputIds = TokenGrid.Of(texts, Model.Config.PaddingId ?? 0),
            AttentionMask = TokenGrid.Of(Array.ConvertAll(texts, t => Array.ConvertAll(t, _ => 1))),
            NumberLabels = labels,
        };
    }

    /// <summary>The vectors of texts, row after row; a text gives the same bits in any batch.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <param name="column">Their column, which has the prompt.</param>
    protected VectorTable Embed(IReadOnlyList<string> texts, CancellationToken cancellationToken, int column = 0)
    {
        using TensorScope scope = TensorScope.Begin();
        string prompt = PromptOf(column);
        float[] values = Embedder.Embed([.. texts.Select(t => Encode(prompt + t))], PromptTokens(prompt), cancellationToken).ToArray();
        return new VectorTable(values, Embedder.Width);
    }

    /// <summary>The mean loss over held-out examples, in batches of the settings' size.</summary>
    /// <param name="vectors">Of each column.</param>
    /// <param name="labels">A number an example.</param>
    protected double HeldOutLoss(IReadOnlyList<VectorTable> vectors, float[] labels)
    {
        double sum = 0;
        int width = Embedder.Width;
        for (int first = 0; first < labels.Length; first += Settings.BatchSize)
        {
            using TensorScope scope = TensorScope.Begin();
            int start = first, n = Math.Min(Settings.BatchSize, labels.Length - first);
            Variable[] columns = [.. vectors.Select(v => (Variable)Tensor.Create(v.Rows(start, n), n, width))];
            sum += LossOf(columns, labels[first..(first + n)]).Value.ToScalar() * n;
        }

        return sum / labels.Length;
    }

    private int[] Encode(string text)
    {
        if (!_encoded.TryGetValue(text, out int[]? ids)) _encoded.Add(text, ids = _tokenizer.Encode(text).IdArray);
        return ids;
    }

    /// <summary>
    /// The vectors of texts: at once, or in parts whose activations are computed again in the backward pass, so that a large batch fits
    /// (cached negatives): the same loss, and the same gradients but for rounding.
    /// </summary>
    private Variable Vectors(int[][] texts, int columns, RunOptions options)
    {
        // Columns whose prompts are left out of the pooling at different lengths run one by one.
        int[] prompts = [.. Enumerable.Range(0, columns).Select(c => PromptTokens(PromptOf(c)))];
        bool isOne = prompts.All(p => p == prompts[0]);
        int most = Settings.MiniBatch == 0 ? texts.Length : Settings.MiniBatch;
        if (isOne && most >= texts.Length) return Embedder.Forward(texts, prompts[0], options);
        Tensor nothing = Tensor.Zeros(1);
        int part = 0;
        return Variable.Concatenate(0, [.. texts.Chunk(isOne ? texts.Length : texts.Length / columns)
            .SelectMany((column, c) => column.Chunk(most).Select(some =>
            {
                // Parts of one micro-batch take streams of dropout of their own.
                RunOptions own = options with { Dropout = options.Dropout is { } d
                    ? d with { Seed = d.Seed + (0x9E3779B97F4A7C15UL * (ulong)part++) } : null };
                return Settings.MiniBatch == 0 ? Embedder.Forward(some, prompts[c], own)
                    : Tape.Checkpoint(_ => Embedder.Forward(some, prompts[c], own), nothing);
            }))]);
    }

    /// <summary>Leading ids that are left out of the pooling.</summary>
    private int PromptTokens(string prompt)
    {
        if (!_promptTokens.TryGetValue(prompt, out int tokens))
            _promptTokens.Add(prompt, tokens = TextEmbedder.PromptTokens(_tokenizer, Embedder, prompt));
        return tokens;
    }

    private static Variable[] Columns(Variable vectors, int n, int columns)
    {
        Variable[] parts = new Variable[columns];
        for (int c = 0; c < columns; c++) parts[c] = vectors.Slice(0, c * n, n);
        return parts;
    }

    private static IEnumerable<int> Row(ModelInputs batch, int b)
    {
        for (int t = 0; t < batch.InputIds!.Columns; t++)
            if (batch.AttentionMask![b, t] != 0) yield return batch.InputIds[b, t];
    }
}
