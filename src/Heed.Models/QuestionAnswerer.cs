using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>A model that finds where in a text an answer starts and ends.</summary>
/// <remarks>Devlin et al. 2019, §4.2. The softmax of the loss runs over the whole row of the grid, as in transformers: in training padding runs, too.</remarks>
public abstract class QuestionAnswerer : EncoderModel
{
    /// <summary>For derived classes.</summary>
    protected QuestionAnswerer(ModelConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
    }

    /// <summary>Scores of each token as start and as end.</summary>
    /// <param name="hidden">[N, D].</param>
    /// <param name="context">Whose dropout decides.</param>
    /// <returns>[N, 2].</returns>
    protected abstract Variable Score(Variable hidden, ForwardContext context);

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        bool withLoss = inputs.StartPositions is not null || inputs.EndPositions is not null;
        (TokenBatch batch, ForwardContext context, Variable hidden, RunDetails? details) = Encode(inputs, options ?? RunOptions.Default, keepPadding: withLoss);
        Variable scores = Score(hidden, context);                                                        // [N, 2]
        int B = batch.GridRows, T = batch.GridColumns;
        Variable grid = withLoss ? scores.Reshape(B, T, 2) : new Variable(batch.ToGrid(scores.Value));   // [B, T, 2]
        Variable starts = grid.Columns(0, 1).Reshape(B, T), ends = grid.Columns(1, 1).Reshape(B, T);
        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        tensors["start_logits"] = starts.Value;
        tensors["end_logits"] = ends.Value;
        List<LossPart> losses = [];
        foreach ((string name, int[]? positions, Variable logits) in new[] { ("start", inputs.StartPositions, starts), ("end", inputs.EndPositions, ends) })
        {
            if (Targets(positions, inputs.InputIds) is not { } targets) continue;
            losses.Add(new LossPart(name, Loss.CrossEntropy(logits, targets, SumOfNats), Count(targets), 0.5f));
        }

        options?.Hooks?.CheckUsed();
        return new ModelOutput { Losses = losses, Tensors = tensors };
    }

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        List<long> counts = [];
        foreach (int[]? positions in (int[]?[])[inputs.StartPositions, inputs.EndPositions])
            if (Targets(positions, inputs.InputIds) is { } targets) counts.Add(Count(targets));
        return [.. counts];
    }

    /// <summary>Positions before the text count as its first token, positions behind it not at all, as in transformers.</summary>
    private static int[]? Targets(int[]? positions, TokenGrid grid)
    {
        if (positions is null) return null;
        if (positions.Length != grid.Rows) throw new InputException($"start_positions, end_positions: {positions.Length} were given for {grid.Rows} texts; one a text was expected.");
        return Array.ConvertAll(positions, p => p >= grid.Columns ? CausalLanguageModel.IgnoredLabel : Math.Max(p, 0));
    }
}
