namespace Heed.Models;

/// <summary>A batch as it stands at the door: padded grids with Hugging Face's names. What a model does not use it ignores.</summary>
public sealed record ModelInputs
{
    /// <summary>[B, T]: <c>input_ids</c>.</summary>
    public required TokenGrid InputIds { get; init; }

    /// <summary>[B, T]: <c>attention_mask</c>, 1 for real tokens; null: all are real.</summary>
    public TokenGrid? AttentionMask { get; init; }

    /// <summary>[B, T]: <c>token_type_ids</c>, BERT's segments.</summary>
    public TokenGrid? TokenTypeIds { get; init; }

    /// <summary>[B, T]: <c>position_ids</c>; null: as the architecture counts.</summary>
    public TokenGrid? PositionIds { get; init; }

    /// <summary><c>labels</c>: [B, T] ids for token losses (−100 is ignored), [B, 1] classes for sequence classification.</summary>
    public TokenGrid? Labels { get; init; }

    /// <summary>True where <see cref="Labels"/> of a causal model stand under the token that predicts them; false, as Hugging Face has it:
    /// under themselves, and the model shifts.</summary>
    public bool LabelsAreShifted { get; init; }

    /// <summary><c>labels</c> as numbers: [B·L] for regression (L = number of outputs) and several labels at once.</summary>
    public IReadOnlyList<float>? NumberLabels { get; init; }

    /// <summary>[B]: <c>next_sentence_label</c>, 0 = follows, 1 = random.</summary>
    public IReadOnlyList<int>? NextSentenceLabel { get; init; }

    /// <summary>[B]: <c>start_positions</c> of answers.</summary>
    public IReadOnlyList<int>? StartPositions { get; init; }

    /// <summary>[B]: <c>end_positions</c> of answers.</summary>
    public IReadOnlyList<int>? EndPositions { get; init; }

    /// <summary>True: the softmax of an answer's loss runs over the text's own tokens, whatever stands beside it. False, as in
    /// transformers:
    /// over its row of the grid, padding included.</summary>
    internal bool AnswersLieInTexts { get; init; }

    /// <summary>What a teacher says of each text, for sequence classification; null: only the labels count.</summary>
    internal SoftLabels? SoftLabels { get; init; }

    /// <summary>[B]: a stream of random numbers for each text, of a task that draws while it learns; null draws nothing.</summary>
    internal IReadOnlyList<ulong>? DrawStreams { get; init; }

    /// <summary>[B, T']: <c>decoder_input_ids</c>; null: the labels shifted right.</summary>
    public TokenGrid? DecoderInputIds { get; init; }

    /// <summary>[B, T']: <c>decoder_attention_mask</c>.</summary>
    public TokenGrid? DecoderAttentionMask { get; init; }

    /// <summary>Refuses grids that do not fit together, and inputs without a token.</summary>
    /// <exception cref="InputException">The message names grid and sizes.</exception>
    internal void Check()
    {
        CheckGrid(InputIds, AttentionMask, "input_ids", "attention_mask");
        RequireSize(TokenTypeIds, "token_type_ids", InputIds, "input_ids");
        RequireSize(PositionIds, "position_ids", InputIds, "input_ids");
        if (DecoderInputIds is { } ids) CheckGrid(ids, DecoderAttentionMask, "decoder_input_ids", "decoder_attention_mask");
        else if (Labels is { } labels && DecoderAttentionMask is { } mask) CheckGrid(labels, mask, "labels", "decoder_attention_mask");
    }

    private static void CheckGrid(TokenGrid ids, TokenGrid? mask, string name, string maskName)
    {
        if (ids.Cells.Length == 0)
            throw new InputException($"{name}: is [{ids.Rows}, {ids.Columns}]; at least one text of one id was expected.");
        RequireSize(mask, maskName, ids, name);
        if (mask is not null && !mask.Cells.AsSpan().ContainsAnyExcept(0))
        {
            throw new InputException(
                $"{maskName}: is 0 everywhere: no real token is left to read; 1 stands for one. Leave the mask out if all are real.");
        }
    }

    private static void RequireSize(TokenGrid? grid, string name, TokenGrid ids, string idsName)
    {
        if (grid is null || (grid.Rows == ids.Rows && grid.Columns == ids.Columns)) return;
        throw new InputException(
            $"{name}: is [{grid.Rows}, {grid.Columns}] and {idsName} is [{ids.Rows}, {ids.Columns}]; they must be equal.");
    }

    /// <summary>The attended tokens as rows.</summary>
    public TokenBatch Pack() => TokenBatch.FromGrid(InputIds, AttentionMask, PositionIds, TokenTypeIds);
}

/// <summary>A teacher's scores, which a student's probabilities are drawn to beside its labels (Hinton et al. 2015).</summary>
/// <param name="Logits">[B·L].</param>
/// <param name="Temperature">T, by which both are divided.</param>
/// <param name="Weight">Of the teacher, 0 to 1; the labels have the rest.</param>
internal sealed record SoftLabels(float[] Logits, float Temperature, float Weight);
