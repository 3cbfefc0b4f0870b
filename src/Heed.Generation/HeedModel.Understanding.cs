using Heed.Engine.Tensors;
using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Generation.Embeddings;
using Heed.Tokenizers;

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
            throw new InputException($"{Folder}: {Model.Architecture} gives no embeddings. Open an encoder such as BERT, or a folder of sentence-transformers.");
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

    /// <summary>As <see cref="Classify"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Classify"/>
    public Task<IReadOnlyList<Prediction>> ClassifyAsync(string text, string? pair = null, CancellationToken cancellationToken = default)
        => Task.Run(() => Classify(text, pair, cancellationToken), cancellationToken);

    /// <summary>The classes of a text, the likeliest first; a number where the model does regression.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pair">A second text where the model judges pairs.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <exception cref="InputException">The model does not classify texts, or the text is too long for it.</exception>
    public IReadOnlyList<Prediction> Classify(string text, string? pair = null, CancellationToken cancellationToken = default)
    {
        using IDisposable use = _uses.Enter();
        if (Model is not SequenceClassifier classifier)
            throw new InputException($"{Folder}: {Model.Architecture} does not classify texts. Open a model with a sequence "
                + "classification head.");
        float[] scores = Run(text, pair, cancellationToken, out _, out _);
        bool single = classifier.Kind is ClassificationKind.SingleLabel || (classifier.Kind is null && scores.Length > 1);
        if (single) Probabilities.Softmax([.. scores], scores);
        else if (classifier.Kind is ClassificationKind.MultiLabel) Probabilities.Sigmoid(scores);
        IReadOnlyList<string> labels = Model.Config.Labels;
        Prediction[] predictions = [.. scores.Select((s, i) => new Prediction(i < labels.Count
            ? labels[i]
            : FormattableString.Invariant($"LABEL_{i}"), s))];
        return [.. predictions.OrderByDescending(p => p.Score)];
    }

    /// <summary>What may replace each mask (<c>[MASK]</c>, <c>&lt;mask&gt;</c>) of a text.</summary>
    /// <param name="text">A text with at least one mask token.</param>
    /// <param name="count">How many fillings a mask.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>Mask by mask, the likeliest filling first.</returns>
    /// <exception cref="InputException">The text has no mask, or the model does not fill masks.</exception>
    public IReadOnlyList<Filling> Fill(string text, int count = 5, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        using IDisposable use = _uses.Enter();
        if (Model is not MaskedLanguageModel)
            throw new InputException($"{Folder}: {Model.Architecture} does not fill masks. Open a masked language model such as BERT.");
        string mask = MaskToken() ?? throw new InputException($"{Folder}: the tokenizer has no mask token; a masked language model needs "
            + "one; take the tokenizer that belongs to the model.");
        int id = Tokenizer.TokenToId(mask) ?? throw new InputException($"{Folder}: the mask token {mask} is not in the vocabulary.");
        float[] scores = Run(text, null, cancellationToken, out TokenEncoding encoding, out Shape shape);
        int V = shape.Last, masks = 0;
        List<Filling> fillings = [];
        for (int t = 0; t < encoding.Count; t++)
        {
            if (encoding.Ids[t] != id) continue;
            Span<float> row = scores.AsSpan(t * V, V);
            Probabilities.Softmax(row.ToArray(), row);
            int[] order = Probabilities.Ascending(row);
            for (int k = 1; k <= Math.Min(count, order.Length); k++)
            {
                int token = order[^k];
                fillings.Add(new Filling(masks, Tokenizer.Decode([token]).Trim(), token, row[token]));
            }

            masks++;
        }

        return masks > 0 ? fillings : throw new InputException($"The text has no {mask}; write it where a word is to be filled in.");
    }

    /// <summary>Runs the model on one text and returns its scores.</summary>
    private float[] Run(string text, string? pair, CancellationToken cancellationToken, out TokenEncoding encoding, out Shape shape)
    {
        ArgumentNullException.ThrowIfNull(text);
        encoding = Tokenizer.Encode(text, pair);
        int T = encoding.Count;
        ModelInputs inputs = new() { InputIds = new TokenGrid(1, T, encoding.IdArray), TokenTypeIds = new TokenGrid(1, T, encoding.TypeIdArray) };
        using TensorScope scope = TensorScope.Begin();
        ModelOutput output = Model.Run(inputs, new RunOptions { CancellationToken = cancellationToken });
        if (output.Logits is not { } logits)
            throw new InputException($"{Folder}: {Model.Architecture} gives no scores. Open a model with a head.");
        shape = logits.Shape;
        return logits.ToArray();
    }

    private string? MaskToken()
    {
        if (Tokenizer.SpecialTokens.TryGetValue("mask_token", out string? named)) return named;
        return Tokenizer.TokenToId("[MASK]") is not null ? "[MASK]" : Tokenizer.TokenToId("<mask>") is not null ? "<mask>" : null;
    }
}
