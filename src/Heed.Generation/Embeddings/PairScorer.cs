using System.Text.Json;
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
    /// <param name="folder">The folder.</param>
    /// <param name="options">How to load; null: for inference.</param>
    /// <exception cref="StorageException">The folder or a file is missing.</exception>
    /// <exception cref="InputException">A file is damaged, or the model does not classify.</exception>
    public static PairScorer Open(string folder, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        (IModelFiles files, options) = OpenedFiles.Of(new FolderModelFiles(folder), options);
        Model model = ModelFolder.Load(files, options).Model;
        try
        {
            if (model is not SequenceClassifier classifier)
                throw new InputException($"{folder}: {model.Architecture} does not score pairs of texts. Open a model with a sequence classification head.");
            int? asked = SentenceSettings.Read(files, "").MaximumLength;
            int length = asked is > 0 ? asked.Value : Math.Min(TokenizerLength.Read(files) ?? int.MaxValue, model.Config.MaximumLength);
            Tokenizer tokenizer = Tokenizer.FromFiles(files).WithPadding(null).WithTruncation(length < int.MaxValue ? new TruncationOptions(length) : null);
            return new PairScorer(classifier, tokenizer, ReadFunction(files, classifier.Config));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

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
    public IReadOnlyList<RankedDocument> Rank(string query, IReadOnlyList<string> documents, int? top = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(documents);
        if (Outputs > 1) throw new InvalidOperationException($"The model gives {Outputs} numbers per pair; documents are ranked by one. Use Score and choose a class.");
        IReadOnlyList<float[]> scores = Score([.. documents.Select(d => new TextPair(query, d))], cancellationToken);
        return [.. scores.Select((s, i) => new RankedDocument(i, s[0])).OrderByDescending(r => r.Score).Take(top ?? int.MaxValue)];
    }

    /// <summary>Returns the memory of the weights.</summary>
    public void Dispose() => _model.Dispose();

    /// <summary>True where scores go through a sigmoid: <c>activation_fn</c> of sentence-transformers' file, its older key in config.json,
    /// or one label.</summary>
    private static bool ReadFunction(IModelFiles files, ModelConfig config)
    {
        if (files.Contains(SentenceSettings.ConfigName))
        {
            using JsonDocument document = files.ReadJson(SentenceSettings.ConfigName, 1L << 20);
            ConfigReader file = new(document.RootElement, files.PathOf(SentenceSettings.ConfigName));
            if (file.Has("activation_fn")) return file.Choice("activation_fn", "", Functions);
        }

        if (config.Original?["sbert_ce_default_activation_function"]?.ToString() is not { } old) return config.Labels.Count <= 1;
        foreach ((string word, bool sigmoid) in Functions)
            if (word == old) return sigmoid;
        throw new InvalidFileException(files.PathOf(ModelFolder.ConfigName), "$.sbert_ce_default_activation_function",
            $"is \"{Printable.Shorten(old)}\"; one of {string.Join(", ", Functions.Select(f => f.Word))} was expected");
    }
}
