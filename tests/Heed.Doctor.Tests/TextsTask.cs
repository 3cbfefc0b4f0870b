using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Logging;
using Heed.Training.Tasks;

namespace Heed.Doctor.Tests;

/// <summary>Learning texts, as a user writes it.</summary>
internal sealed class TextsTask(CausalLanguageModel model, Tokenizer tokenizer, IReadOnlyList<string>? texts = null)
    : TrainingTask<ModelInputs>(model)
{
    private const int Rows = 8;
    private readonly int[][] _texts = [.. (texts ?? Workshop.Texts).Select(t
        => (int[])[.. tokenizer.Encode(t).Ids, model.Config.EndId ?? 0])];

    /// <summary>False leaves the attention mask out.</summary>
    public bool Masks { get; init; } = true;

    /// <summary>True to count padding in the loss.</summary>
    public bool CountsPadding { get; init; }

    /// <summary>Columns by which labels are moved to the left, and whether the task says so.</summary>
    public int Shift { get; init; }

    /// <summary>As <see cref="ModelInputs.LabelsAreShifted"/>.</summary>
    public bool SaysShifted { get; init; }

    /// <summary>Dropout of evaluations; null: none.</summary>
    public DropoutPlan? Evaluation { get; init; }

    /// <summary>Micro-batches after which the loss weighs a thousand times as much.</summary>
    public long HeavyAfter { get; init; } = long.MaxValue;

    private long _loaded;

    /// <summary>Hooks of training; null: none.</summary>
    public Func<Hooks>? Hooks { get; init; }

    public override ModelInputs Batch(long position)
    {
        _loaded = position;
        int[][] rows = [.. Enumerable.Range(0, Rows).Select(i => _texts[((position * Rows) + i) % _texts.Length])];
        int columns = rows.Max(r => r.Length), padding = Model.Config.PaddingId!.Value;
        int[] labels = new int[Rows * columns];
        for (int b = 0; b < Rows; b++)
        {
            for (int t = 0; t < columns; t++)
                labels[(b * columns) + t] = t + Shift < rows[b].Length ? rows[b][t + Shift] : CountsPadding ? padding
                    : CausalLanguageModel.IgnoredLabel;
        }

        return new ModelInputs
        {
            InputIds = TokenGrid.Of(rows, padding),
            AttentionMask = Masks ? TokenGrid.Of([.. rows.Select(r => Array.ConvertAll(r, _ => 1))]) : null,
            Labels = new TokenGrid(Rows, columns, labels),
            LabelsAreShifted = SaysShifted,
        };
    }

    public override IReadOnlyList<long> CountTargets(ModelInputs batch) => Model.CountTargets(batch);

    public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options)
        => [.. Model.Run(batch, options with { Hooks = Hooks?.Invoke() }).Losses.Select(l => _loaded < HeavyAfter ? l
            : l with { Weight = 1000 })];

    public override EvaluationReport Evaluate(bool all, CancellationToken cancellationToken)
    {
        using TensorScope scope = TensorScope.Begin();
        LossPart part = Model.Run(Batch(0), new RunOptions { Dropout = Evaluation, Logits = false }).Losses[0];
        return new EvaluationReport(part.Sum.Value.ToScalar() / part.Count, part.Count);
    }

    public override void Save(string folder)
    {
        base.Save(folder);
        tokenizer.Save(Path.Combine(folder, "tokenizer.json"));
    }
}
