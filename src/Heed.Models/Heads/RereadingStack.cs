using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>An encoder-decoder as one stack over a text, for classifiers: the encoder reads it, and the decoder reads it again, one token
/// later. Rows are the decoder's.</summary>
/// <remarks>Lewis et al. 2019, arXiv:1910.13461, §3.1: "the same input is fed into the encoder and decoder".</remarks>
/// <param name="stacks">The two stacks.</param>
/// <param name="at">The place of both.</param>
internal sealed class RereadingStack(EncoderDecoder stacks, ParameterScope at) : TokenStack(stacks.Config, at)
{
    /// <inheritdoc/>
    public override Embedding Tokens => stacks.OutputTokens;

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        ForwardContext reading = Like(context, null);
        Variable memory = stacks.Encode(batch, reading);                                             // [N, D]
        int[][] shifted = new int[batch.GridRows][];
        for (int b = 0; b < shifted.Length; b++)
        {
            ReadOnlySpan<int> ids = batch.IdArray.AsSpan(batch.StartArray[b]..batch.StartArray[b + 1]);
            shifted[b] = ids.Length == 0 ? [] : [stacks.StartId, .. ids[..^1]];
        }

        return stacks.Decode(TokenBatch.Of(shifted), memory, Like(context, reading));                // [N, D]
    }

    /// <summary>A context with the same rows; the decoder's gathers the layers.</summary>
    private static ForwardContext Like(ForwardContext context, ForwardContext? memory) => new([.. context.Starts], context.Positions)
    {
        Memory = memory,
        EachLayer = memory is null ? null : context.EachLayer,
        AttendedRows = context.AttendedRows,
        Hooks = context.Hooks,
        Dropout = context.Dropout,
        Checkpoint = context.Checkpoint,
        CancellationToken = context.CancellationToken,
    };
}

/// <summary>A head that reads the last end token of a text.</summary>
/// <param name="classifier">D → L.</param>
/// <param name="dropout">Probability of dropout before either layer.</param>
/// <param name="dense">A layer D → D before it.</param>
/// <param name="end">The end token.</param>
internal sealed class EndTokenHead(Linear classifier, float dropout, Linear dense, int? end)
    : SequenceHead(classifier, dropout, dense, dropout)
{
    /// <inheritdoc/>
    /// <exception cref="InputException">A text has no end token.</exception>
    protected override Variable Select(Variable hidden, TokenBatch batch, ForwardContext context, int? padding)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int[] rows = new int[batch.GridRows];
        for (int b = 0; b < rows.Length; b++)
        {
            ReadOnlySpan<int> ids = batch.IdArray.AsSpan(batch.StartArray[b]..batch.StartArray[b + 1]);
            int last = end is { } id ? ids.LastIndexOf(id) : -1;
            if (last < 0)
                throw new InputException($"input_ids: row {b} has no end token "
                    + $"({end?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "eos_token_id"}), "
                    + "which this classifier reads. Use the tokenizer that belongs to the model, with special tokens.");
            rows[b] = batch.StartArray[b] + last;
        }

        return hidden.Gather(rows);
    }
}
