using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>A text's rows to the scores of its classes: one row, perhaps a layer with an activation, then the classes. [N, D] → [B,
/// L].</summary>
public class SequenceHead : Module
{
    private readonly Dropout _denseDropout;
    private readonly Dropout _dropout;

    /// <summary>A head made of its parts.</summary>
    /// <param name="classifier">D → L.</param>
    /// <param name="dropout">Probability of dropout before it.</param>
    /// <param name="dense">A layer D → D before it (BERT's pooler, RoBERTa's <c>classifier.dense</c>), or null.</param>
    /// <param name="denseDropout">Probability of dropout before that layer.</param>
    /// <param name="site">Name of the dropout's place.</param>
    public SequenceHead(Linear classifier, float dropout = 0, Linear? dense = null, float denseDropout = 0, string site = "classifier")
    {
        ArgumentNullException.ThrowIfNull(classifier);
        (Classifier, Dense) = (classifier, dense);
        _dropout = new Dropout(dropout, site);
        _denseDropout = new Dropout(denseDropout, $"{site}.dense");
    }

    /// <summary>Rows to scores of the classes.</summary>
    public Projection Classifier { get; private set; }

    /// <summary>The layer before it, or null.</summary>
    public Projection? Dense { get; private set; }

    /// <summary>Applied after <see cref="Dense"/>.</summary>
    public Activation Activation { get; init; } = Activation.Tanh;

    /// <summary>A layer with a norm instead of <see cref="Dense"/> (ModernBERT), or null.</summary>
    internal HeadTransform? Transform { get; init; }

    /// <summary>Where hooks find what <see cref="Dense"/> gives.</summary>
    internal string HookSite { get; init; } = "head";

    /// <summary>True: the mean of a text's rows is read.</summary>
    internal bool IsMean { get; init; }

    /// <summary>True: the last token that is not padding is read, as decoders do; false: the first.</summary>
    public bool LastToken { get; init; }

    /// <summary>The scores of each text.</summary>
    /// <param name="hidden">[N, D].</param>
    /// <param name="batch">Whose rows they are.</param>
    /// <param name="context">Whose dropout decides.</param>
    /// <param name="padding">The padding id, or null.</param>
    /// <returns>[B, L].</returns>
    /// <exception cref="InputException">A text has no token.</exception>
    public Variable Forward(Variable hidden, TokenBatch batch, ForwardContext context, int? padding)
    {
        Variable text = Select(hidden, batch, context, padding);                                                                // [B, D]
        if (Dense is not null)
        {
            text = context.Visit(HookSite, "pre", Dense.Forward(_denseDropout.Forward(text, context), context));                  // [B, D]
            text = context.Visit(HookSite, "post", text.Activate(Activation));
        }

        if (Transform is not null) text = Transform.Forward(text, context);                                                     // [B, D]
        return Classifier.Forward(_dropout.Forward(text, context), context);                                                    // [B, L]
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
    {
        if (ReferenceEquals(old, Classifier)) Classifier = replacement;
        else if (ReferenceEquals(old, Dense)) Dense = replacement;
        else return Transform?.TryExchange(old, replacement) == true;
        return true;
    }

    /// <summary>The row that stands for each text.</summary>
    /// <returns>[B, D].</returns>
    protected virtual Variable Select(Variable hidden, TokenBatch batch, ForwardContext context, int? padding)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (!IsMean) return hidden.Gather(LastToken ? LastRows(batch, padding) : batch.FirstRows());
        _ = batch.FirstRows(); // refuses a text without tokens, which has no mean
        return hidden.Pool(batch.StartArray, Pooling.Mean);
    }

    /// <summary>Row of the rightmost token of each sequence whose id is not the padding id; of a sequence that has no other id, the first,
    /// as in transformers.</summary>
    private static int[] LastRows(TokenBatch batch, int? padding)
    {
        int[] rows = new int[batch.GridRows];
        for (int b = 0; b < rows.Length; b++)
        {
            (int first, int last) = (batch.Starts[b], batch.Starts[b + 1] - 1);
            if (last < first) throw new InputException($"input_ids: row {b} has no real token; a text to classify has at least one.");
            while (last > first && batch.Ids[last] == padding) last--;
            rows[b] = last;
        }

        return rows;
    }
}
