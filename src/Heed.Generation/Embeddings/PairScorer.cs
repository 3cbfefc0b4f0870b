using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Tensors;
using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Generation.Embeddings;

/// <summary>A document and its score in a ranking.</summary>
/// <param name="Index">Its place in the caller's list, from 0.</param>
/// <param name="Score">Greater is better.</param>
public sealed record RankedDocument(int Index, float Score);

/// <summary>A cross-encoder: a model that reads two texts at once and scores the pair. Any number of threads may use one.</summary>
/// <example><code>
/// using PairScorer scorer = PairScorer.Open("models/ms-marco-MiniLM-L6-v2");
/// foreach (RankedDocument best in scorer.Rank("where is my parcel?", answers, top: 3)) Console.WriteLine(answers[best.Index]);
/// </code></example>
public sealed class PairScorer : IDisposable
{
    private const int PairsAtOnce = 32;

    private static readonly (string Word, bool Sigmoid)[] Functions =
    [
        ("torch.nn.modules.activation.Sigmoid", true), ("torch.nn.modules.linear.Identity", false),
        ("torch.nn.Sigmoid", true), ("torch.nn.Identity", false),
    ];

    private readonly SequenceClassifier _model;
    private readonly Tokenizer _tokenizer;
    private readonly bool _sigmoid;

    private PairScorer(SequenceClassifier model, Tokenizer tokenizer, bool sigmoid)
    {
        _model = model;
        _tokenizer = tokenizer;
        _sigmoid = sigmoid;
    }

    /// <summary>Numbers per pair: 1 for rankers, else one per class.</summary>
    public int Outputs => _model.Config.Labels.Count;

    /// <summary>Opens a folder with a sequence classification head, as sentence-transformers' CrossEncoder saves it or as an ordinary
    /// classifier.</summary>
    /// <param name="name">The folder, or the name of a model that was fetched before, such as
    /// <c>cross-encoder/ms-marco-MiniLM-L6-v2</c>.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <exception cref="StorageException">There is no such folder, or a file is missing.</exception>
    /// <exception cref="InputException">A file is damaged, or the model does not classify.</exception>
    /// <exception cref="BudgetException">The weights would not fit into the memory allowed.</exception>
    public static PairScorer Open(string name, LoadOptions? options = null) => Open(ModelOpening.Find(name), options);

    /// <summary>Opens a model from the files of any store.</summary>
    /// <param name="files">The files.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <inheritdoc cref="Open(string, LoadOptions?)" path="/exception"/>
    public static PairScorer Open(IModelFiles files, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        (files, options) = OpenedFiles.ForOpening(files, options);
        Model model = ModelFolder.Load(files, options).Model;
        try
        {
            if (model is not SequenceClassifier classifier)
                throw new InputException(
                    $"{files.Location}: {model.Architecture} does not score pairs of texts. Open a model with a sequence classification head.");
            int? asked = SentenceSettings.Read(files, "").MaximumLength;
            int length = asked is > 0 ? asked.Value : Math.Min(TokenizerLength.Read(files) ?? int.MaxValue, model.Config.MaximumLength);
            Tokenizer tokenizer = Tokenizer.FromFiles(files).WithPadding(null)
                .WithTruncation(length < int.MaxValue ? new TruncationOptions(length) : null);
            return new PairScorer(classifier, tokenizer, ReadFunction(files, classifier.Config));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="OpenAsync(IModelFiles, LoadOptions?, IProgress{LoadProgress}?, CancellationToken)"/>
    /// <param name="name">The folder, or the name of a model that was fetched before.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <param name="progress">Receives the bytes of weights read; may be null.</param>
    /// <param name="cancellationToken">Stops before the next tensor; nothing is kept.</param>
    public static async Task<PairScorer> OpenAsync(
        string name, LoadOptions? options = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
        => await OpenAsync(ModelOpening.Find(name), options, progress, cancellationToken).ConfigureAwait(false);

    /// <summary>Opens without blocking the calling thread. In a browser, files at an address are first brought into memory.</summary>
    /// <param name="files">The files.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <param name="progress">Receives the bytes of weights read; may be null.</param>
    /// <param name="cancellationToken">Stops before the next tensor; nothing is kept.</param>
    /// <inheritdoc cref="Open(string, LoadOptions?)" path="/exception"/>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static Task<PairScorer> OpenAsync(
        IModelFiles files, LoadOptions? options = null, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default)
        => ModelOpening.OpenAsync(files, options, progress, Open, cancellationToken);

    /// <summary>The scores of pairs, after the folder's function (sigmoid for one number unless it specifies another).</summary>
    /// <param name="pairs">First and second text; what is too long is cut, the longer text first.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns><see cref="Outputs"/> numbers per pair.</returns>
    public IReadOnlyList<float[]> Score(IReadOnlyList<TextPair> pairs, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<float[]> logits = Logits(pairs, cancellationToken);
        if (_sigmoid)
            foreach (float[] row in logits) Probabilities.Sigmoid(row);
        return logits;
    }

    /// <summary>As <see cref="Score"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Score"/>
    public Task<IReadOnlyList<float[]>> ScoreAsync(IReadOnlyList<TextPair> pairs, CancellationToken cancellationToken = default)
        => Task.Run(() => Score(pairs, cancellationToken), cancellationToken);

    /// <summary>The scores of pairs before any function.</summary>
    /// <inheritdoc cref="Score" path="/param"/>
    /// <inheritdoc cref="Score" path="/returns"/>
    public IReadOnlyList<float[]> Logits(IReadOnlyList<TextPair> pairs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        using ModelUse entered = _model.Enter();
        List<float[]> rows = new(pairs.Count);
        foreach (TextPair[] some in pairs.Chunk(PairsAtOnce))
        {
            TokenEncoding[] encodings = Array.ConvertAll(some, pair => _tokenizer.Encode(pair.First, pair.Second));
            using TensorScope scope = TensorScope.Begin();
            ModelInputs inputs = new()
            {
                InputIds = TokenGrid.Of(Array.ConvertAll(encodings, e => e.IdArray), _model.Config.PaddingId ?? 0),
                TokenTypeIds = TokenGrid.Of(Array.ConvertAll(encodings, e => e.TypeIdArray)),
                AttentionMask = TokenGrid.Of(Array.ConvertAll(encodings, e => Array.ConvertAll(e.IdArray, _ => 1))),
            };
            Tensor scores = _model.Run(inputs, new RunOptions { CancellationToken = cancellationToken }).Logits!;     // [B, C]
            for (int b = 0; b < some.Length; b++) rows.Add(scores.Rows(b, 1).ToArray());
        }

        return rows;
    }

    /// <summary>The ids of a pair as the model reads them.</summary>
    public IReadOnlyList<int> Ids(TextPair pair)
    {
        ArgumentNullException.ThrowIfNull(pair);
        return _tokenizer.Encode(pair.First, pair.Second).Ids;
    }

    /// <summary>The documents that answer a query best.</summary>
    /// <param name="query">The query.</param>
    /// <param name="documents">The documents.</param>
    /// <param name="top">Up to how many; null: all.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>Best first; of equal scores the earlier document.</returns>
    /// <exception cref="InvalidOperationException">The model gives more than one number per pair.</exception>
    public IReadOnlyList<RankedDocument> Rank(string query, IReadOnlyList<string> documents, int? top = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(documents);
        if (Outputs > 1) throw new InvalidOperationException($"The model gives {Outputs} numbers per pair; documents are ranked by one. Use Score and choose a class.");
        IReadOnlyList<float[]> scores = Score([.. documents.Select(d => new TextPair(query, d))], cancellationToken);
        return [.. scores.Select((s, i) => new RankedDocument(i, s[0])).OrderByDescending(r => r.Score).Take(top ?? int.MaxValue)];
    }

    /// <summary>As <see cref="Rank"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Rank"/>
    public Task<IReadOnlyList<RankedDocument>> RankAsync(
        string query, IReadOnlyList<string> documents, int? top = null, CancellationToken cancellationToken = default)
        => Task.Run(() => Rank(query, documents, top, cancellationToken), cancellationToken);

    /// <summary>Returns the memory of the weights.</summary>
    public void Dispose() => _model.Dispose();

    /// <summary>True where scores go through a sigmoid: <c>activation_fn</c> of sentence-transformers' file or of its object in config.json,
    /// its older key there, or one label.</summary>
    private static bool ReadFunction(IModelFiles files, ModelConfig config)
    {
        if (files.Contains(SentenceSettings.ConfigName))
        {
            using JsonDocument document = files.ReadJson(SentenceSettings.ConfigName, 1L << 20);
            ConfigReader file = new(document.RootElement, files.PathOf(SentenceSettings.ConfigName));
            if (file.Has("activation_fn")) return file.Choice("activation_fn", "", Functions);
        }

        (string key, string? named) = (config.Original?["sentence_transformers"] as JsonObject)?["activation_fn"]?.ToString() is { } current
            ? ("sentence_transformers.activation_fn", current)
            : ("sbert_ce_default_activation_function", config.Original?["sbert_ce_default_activation_function"]?.ToString());
        if (named is null) return config.Labels.Count <= 1;
        foreach ((string word, bool sigmoid) in Functions)
            if (word == named) return sigmoid;
        throw new InvalidFileException(files.PathOf(ModelFolder.ConfigName), $"$.{key}",
            $"is \"{Printable.Shorten(named)}\"; one of {string.Join(", ", Functions.Select(f => f.Word))} was expected");
    }
}
