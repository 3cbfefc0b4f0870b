using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models;

/// <summary>A model that finds where in a text an answer starts and ends.</summary>
/// <remarks>Devlin et al. 2019, §4.2. The softmax of the loss runs over the whole row of the grid, as in transformers: in training padding
/// runs, too.</remarks>
public sealed class QuestionAnswerer : EncoderModel
{
    private readonly Dropout _dropout;

    /// <summary>An encoder with a layer to the two scores.</summary>
    /// <param name="architecture">Hugging Face's class name.</param>
    /// <param name="parameters">All parameters.</param>
    /// <param name="stack">The layers.</param>
    /// <param name="outputs">Rows to scores of start and end, D → 2.</param>
    /// <param name="dropout">Probability of dropout before it.</param>
    public QuestionAnswerer(string architecture, ParameterSet parameters, TokenStack stack, Linear outputs, float dropout = 0)
        : base(architecture, parameters, stack)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        Outputs = outputs;
        _dropout = new Dropout(dropout, "qa_outputs");
    }

    /// <summary>Rows to scores of start and end.</summary>
    public Projection Outputs { get; private set; }

    /// <summary>What is done to the rows before that layer (ModernBERT), or null.</summary>
    internal HeadTransform? Transform { get; init; }

    /// <summary>Builds the question answerer of a configuration's family.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">The family has no such head, or the sizes do not fit together.</exception>
    public static new QuestionAnswerer Create(ModelConfig config, ParameterSet parameters)
        => (QuestionAnswerer)ModelFamilies.Build(HeadKind.QuestionAnswerer, config, parameters);

    /// <inheritdoc/>
    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        bool withLoss = !inputs.AnswersLieInTexts && (inputs.StartPositions is not null || inputs.EndPositions is not null);
        TokenBatch batch = withLoss ? PaddingRows.All(Stack.WithPositions(inputs)) : Pack(inputs);
        ForwardContext context = run.Context(batch);
        Variable hidden = Encode(batch, context);                                                        // [N, D]
        if (Transform is not null) hidden = Transform.Forward(hidden, context);
        Variable scores = Outputs.Forward(_dropout.Forward(hidden, context), context);                   // [N, 2]
        int B = batch.GridRows, T = batch.GridColumns;
        Variable grid = withLoss ? scores.Reshape(B, T, 2) : new Variable(batch.ToGrid(scores.Value));   // [B, T, 2]
        Variable starts = grid.Columns(0, 1).Reshape(B, T), ends = grid.Columns(1, 1).Reshape(B, T);
        List<LossPart> losses = [];
        Add("start", inputs.StartPositions, starts);
        Add("end", inputs.EndPositions, ends);
        return new ModelOutput { Losses = losses, StartLogits = starts.Value, EndLogits = ends.Value };

        void Add(string name, IReadOnlyList<int>? positions, Variable logits)
        {
            if (Targets(positions, inputs.InputIds) is not { } targets) return;
            Variable sum = inputs.AnswersLieInTexts ? LossInTexts(scores.Columns(losses.Count, 1), targets, batch, run)
                : Loss.CrossEntropy(logits, targets, run.Loss());
            losses.Add(new LossPart(name, sum, Count(targets), 0.5f));
        }
    }

    /// <summary>The sum over texts, each under a softmax over its own rows.</summary>
    /// <param name="scores">[N, 1].</param>
    /// <param name="targets">[B]: columns of the grid.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="run">Says how losses are summed.</param>
    private static Variable LossInTexts(Variable scores, int[] targets, TokenBatch batch, ModelRun run)
    {
        Variable? sum = null;
        for (int b = 0; b < targets.Length; b++)
        {
            int start = batch.StartArray[b], count = batch.StartArray[b + 1] - start;
            int target = targets[b] == CausalLanguageModel.IgnoredLabel ? targets[b]
                : Array.IndexOf(batch.CellArray, (b * batch.GridColumns) + targets[b], start, count) - start;
            if (target < 0 && target != CausalLanguageModel.IgnoredLabel)
                throw new InputException($"start_positions, end_positions: text {b} has no token at column {targets[b]}; "
                    + "an answer lies in its text.");
            Variable one = Loss.CrossEntropy(scores.Slice(0, start, count).Reshape(1, count), [target], run.Loss());
            sum = sum is { } before ? before + one : one;
        }

        return sum!.Value;
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
    {
        if (!ReferenceEquals(old, Outputs))
            return Transform?.TryExchange(old, replacement) == true || base.Exchange(old, replacement);
        Outputs = replacement;
        return true;
    }

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        List<long> counts = [];
        foreach (IReadOnlyList<int>? positions in (IReadOnlyList<int>?[])[inputs.StartPositions, inputs.EndPositions])
            if (Targets(positions, inputs.InputIds) is { } targets) counts.Add(Count(targets));
        return [.. counts];
    }

    /// <summary>Positions before the text count as its first token, positions after it not at all, as in transformers.</summary>
    private static int[]? Targets(IReadOnlyList<int>? positions, TokenGrid grid)
    {
        if (positions is null) return null;
        if (positions.Count != grid.Rows)
            throw new InputException($"start_positions, end_positions: {positions.Count} were given for {grid.Rows} texts; "
                + "one a text was expected.");
        return [.. positions.Select(p => p >= grid.Columns ? CausalLanguageModel.IgnoredLabel : Math.Max(p, 0))];
    }
}
