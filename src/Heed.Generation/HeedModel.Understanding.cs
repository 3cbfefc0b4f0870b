using Heed.Generation.Embeddings;
using Heed.Generation.Sampling;
using Heed.Generation.Understanding;
using Heed.Models;

namespace Heed.Generation;

public sealed partial class HeedModel
{
    /// <summary>The vectors of texts: near each other where the texts mean the same.</summary>
    /// <param name="texts">The texts; what is longer than the model reads is cut off.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>One vector per text, all of the same length.</returns>
    /// <exception cref="InputException">The model gives no embeddings.</exception>
    public IReadOnlyList<float[]> Embed(IReadOnlyList<string> texts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        using IDisposable use = _uses.Enter();
        if (Model is not (EncoderModel or CausalLanguageModel))
            throw new InputException($"{Folder}: {Model.Architecture} gives no embeddings. Open an encoder such as BERT, or a "
                + "folder of sentence-transformers.");
        return _embedder.Value.Embed(texts, null, cancellationToken);
    }

    /// <summary>The vector of a text.</summary>
    /// <inheritdoc cref="Embed(IReadOnlyList{string}, CancellationToken)"/>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    public float[] Embed(string text, CancellationToken cancellationToken = default) => Embed([text], cancellationToken)[0];

    /// <summary>As <see cref="Embed(IReadOnlyList{string}, CancellationToken)"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Embed(IReadOnlyList{string}, CancellationToken)"/>
    public Task<IReadOnlyList<float[]>> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken = default)
        => Task.Run(() => Embed(texts, cancellationToken), cancellationToken);

    /// <summary>The rows of the last layer for each token of a text, special tokens included: features for a model of another
    /// kind.</summary>
    /// <param name="text">The text.</param>
    /// <param name="truncate">True: a text that is longer than the model reads is cut; false: it is an error.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>One vector per token, as long as the model is wide.</returns>
    /// <exception cref="InputException">The text is too long, or the model is an encoder-decoder.</exception>
    public IReadOnlyList<float[]> TokenVectors(string text, bool truncate = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        using IDisposable use = _uses.Enter();
        return Understanding.TokenVectors.Of(_reading.Value, text, truncate, cancellationToken);
    }

    /// <summary>As <see cref="TokenVectors"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="TokenVectors"/>
    public Task<IReadOnlyList<float[]>> TokenVectorsAsync(
        string text, bool truncate = false, CancellationToken cancellationToken = default)
        => Task.Run(() => TokenVectors(text, truncate, cancellationToken), cancellationToken);

    /// <summary>The classes of a text, the likeliest first; a number where the model does regression.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pair">A second text where the model judges pairs; an empty one is none.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <exception cref="InputException">The model does not classify texts, or the text is too long for it.</exception>
    public IReadOnlyList<Prediction> Classify(string text, string? pair = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Classify([new TextPair(text, pair ?? "")], cancellationToken: cancellationToken)[0];
    }

    /// <summary>The classes of texts, the likeliest first; a number where the model does regression.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="kind">What the scores mean: softmax for one right class, sigmoids for any number of them, the numbers themselves for
    /// regression (<c>function_to_apply</c>); null: as the folder specifies.</param>
    /// <param name="top">Up to how many classes, best first; null: all.</param>
    /// <param name="truncate">True: a text that is longer than the model reads is cut, of a pair the longer one first. False: it is an
    /// error.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>For each text its classes.</returns>
    /// <inheritdoc cref="Classify(string, string?, CancellationToken)" path="/exception"/>
    public IReadOnlyList<IReadOnlyList<Prediction>> Classify(
        IReadOnlyList<string> texts, ClassificationKind? kind = null, int? top = null, bool truncate = false,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return Classify([.. texts.Select(t => new TextPair(t, ""))], kind, top, truncate, cancellationToken);
    }

    /// <summary>The classes of pairs of texts, the likeliest first; a number where the model does regression.</summary>
    /// <param name="pairs">The pairs; a second text that is empty is none.</param>
    /// <param name="kind">What the scores mean: softmax for one right class, sigmoids for any number of them, the numbers themselves for
    /// regression (<c>function_to_apply</c>); null: as the folder specifies.</param>
    /// <param name="top">Up to how many classes, best first; null: all.</param>
    /// <param name="truncate">True: a text that is longer than the model reads is cut, of a pair the longer one first. False: it is an
    /// error.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>For each pair its classes.</returns>
    /// <inheritdoc cref="Classify(string, string?, CancellationToken)" path="/exception"/>
    public IReadOnlyList<IReadOnlyList<Prediction>> Classify(
        IReadOnlyList<TextPair> pairs, ClassificationKind? kind = null, int? top = null, bool truncate = false,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        if (top is { } most) ArgumentOutOfRangeException.ThrowIfLessThan(most, 1, nameof(top));
        using IDisposable use = _uses.Enter();
        if (Model is not SequenceClassifier && _head.Value is { } head) return OfVectors(head, pairs, kind, top, cancellationToken);
        TextReading reading = _reading.Value;
        TextClassification.Classifier(reading);
        float[][] logits = TextClassification.Logits(reading, pairs, truncate, cancellationToken);
        return Array.ConvertAll(logits, l => TextClassification.Predictions(reading, l, kind, top));
    }

    /// <summary>True for a folder that was learned from few texts: its classes are read from the vectors of texts.</summary>
    internal bool HasVectorHead => Model is not SequenceClassifier && _head.Value is not null;

    /// <summary>The classes that a linear layer reads from the vectors of texts; what is longer than the embedder reads is cut.</summary>
    private Prediction[][] OfVectors(VectorHead head, IReadOnlyList<TextPair> pairs, ClassificationKind? kind, int? top,
        CancellationToken cancellationToken)
    {
        if (pairs.FirstOrDefault(p => p.Second.Length > 0) is not null)
            throw new InputException($"{Folder}: reads classes from the vector of one text, and a pair was given. Give single texts.");
        TextEmbedder embedder = _embedder.Value;
        if (embedder.Dimensions != head.Width)
        {
            throw new InvalidFileException(Folder, VectorHead.FileName,
                $"reads vectors of {head.Width} numbers, and the folder's have {embedder.Dimensions}; take the file that belongs to it");
        }

        return [.. embedder.Embed([.. pairs.Select(p => p.First)], null, cancellationToken).Select(vector =>
        {
            float[] logits = head.Scores(vector), scores = [.. logits];
            if (kind is null or ClassificationKind.SingleLabel) Probabilities.Softmax(logits, scores);
            else if (kind is ClassificationKind.MultiLabel) Probabilities.Sigmoid(scores);
            return (Prediction[])[.. scores.Select((s, i) => new Prediction(TextClassification.LabelOf(Model.Config, i), s))
                .OrderByDescending(p => p.Score).Take(top ?? int.MaxValue)];
        })];
    }

    /// <summary>As <see cref="Classify(string, string?, CancellationToken)"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Classify(string, string?, CancellationToken)"/>
    public Task<IReadOnlyList<Prediction>> ClassifyAsync(string text, string? pair = null, CancellationToken cancellationToken = default)
        => Task.Run(() => Classify(text, pair, cancellationToken), cancellationToken);

    /// <summary>As <see cref="Classify(IReadOnlyList{TextPair}, ClassificationKind?, int?, bool, CancellationToken)"/>, on a thread of the
    /// pool.</summary>
    /// <inheritdoc cref="Classify(IReadOnlyList{TextPair}, ClassificationKind?, int?, bool, CancellationToken)"/>
    public Task<IReadOnlyList<IReadOnlyList<Prediction>>> ClassifyAsync(
        IReadOnlyList<TextPair> pairs, ClassificationKind? kind = null, int? top = null, bool truncate = false,
        CancellationToken cancellationToken = default)
        => Task.Run(() => Classify(pairs, kind, top, truncate, cancellationToken), cancellationToken);

    /// <summary>What may replace each mask (<c>[MASK]</c>, <c>&lt;mask&gt;</c>) of a text.</summary>
    /// <param name="text">A text with at least one mask token.</param>
    /// <param name="count">Up to how many fillings for each mask.</param>
    /// <param name="targets">Only these tokens may fill a mask (of a text that is no token: its first); their probabilities stay those
    /// among
    /// all tokens. Null: all.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>Mask by mask, the likeliest filling first.</returns>
    /// <exception cref="InputException">The text has no mask, or the model does not fill masks.</exception>
    public IReadOnlyList<Filling> Fill(
        string text, int count = 5, IReadOnlyList<string>? targets = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Fill([text], count, targets, cancellationToken)[0];
    }

    /// <summary>What may replace each mask of some texts.</summary>
    /// <inheritdoc cref="Fill(string, int, IReadOnlyList{string}?, CancellationToken)"/>
    /// <param name="texts">Texts with at least one mask token each.</param>
    /// <param name="count">Up to how many fillings for each mask.</param>
    /// <param name="targets">Only these tokens may fill a mask; null: all.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>For each text its fillings, mask by mask, the likeliest first.</returns>
    public IReadOnlyList<IReadOnlyList<Filling>> Fill(
        IReadOnlyList<string> texts, int count = 5, IReadOnlyList<string>? targets = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        using IDisposable use = _uses.Enter();
        return MaskFilling.Fill(_reading.Value, texts, count, targets, cut: false, cancellationToken);
    }

    /// <summary>As <see cref="Fill(IReadOnlyList{string}, int, IReadOnlyList{string}?, CancellationToken)"/>, on a thread of the
    /// pool.</summary>
    /// <inheritdoc cref="Fill(IReadOnlyList{string}, int, IReadOnlyList{string}?, CancellationToken)"/>
    public Task<IReadOnlyList<IReadOnlyList<Filling>>> FillAsync(
        IReadOnlyList<string> texts, int count = 5, IReadOnlyList<string>? targets = null, CancellationToken cancellationToken = default)
        => Task.Run(() => Fill(texts, count, targets, cancellationToken), cancellationToken);
}
