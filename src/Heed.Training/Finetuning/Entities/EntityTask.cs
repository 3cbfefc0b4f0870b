using Heed.Engine.Autograd;
using Heed.Models;
using Heed.Training.Collators;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>Learning to find names, amounts and the like in texts.</summary>
internal sealed class EntityTask : FinetuningTask
{
    private readonly EntityData _data;
    private readonly TaggedText[] _training, _heldOut;
    private readonly CrossEntropySettings? _loss;

    /// <param name="model">A token classifier of the data's labels.</param>
    /// <param name="data">The examples.</param>
    /// <param name="settings">All decided.</param>
    public EntityTask(FinetuningModel model, EntityData data, FinetuningConfig settings)
        : base(model, data, settings, data.TokenCounts)
    {
        _data = data;
        _training = data.Align(data.TrainingExamples, settings.MaximumLength);
        _heldOut = data.Align(data.HeldOutExamples, settings.MaximumLength);
        _loss = LossOf(settings, ClassWeights.Of(settings.ClassWeights, data.Labels, _training.SelectMany(t => t.Labels)
            .Where(l => l != IgnoredLabel.Value).Select(l => data.Labels[l])));
    }

    /// <summary>F1 of entities, or the share of right tags where tags are no entities.</summary>
    public override TaskMeasure Measure
        => new(EntityLabels.MarkEntities(_data.Labels) ? EntityAssessment.F1 : EntityAssessment.Accuracy, HigherIsBetter: true);

    /// <inheritdoc/>
    internal override string Unit => "words";

    /// <inheritdoc/>
    private protected override double TokensPerTarget
        => (double)_training.Sum(t => t.Labels.Length) / Math.Max(1, _training.Sum(t => t.Labels.Count(l => l != IgnoredLabel.Value)));

    /// <inheritdoc/>
    public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options) => base.Loss(batch, options with { Loss = _loss });

    /// <inheritdoc/>
    internal override TaskAssessment? Assess(CancellationToken cancellationToken)
    {
        if (_heldOut.Length == 0) return null;
        int classes = _data.Labels.Count;
        double[][] logits = new double[_heldOut.Length][];
        Predictor.Run(Model, [.. _heldOut.Select(t => t.Encoded)], Settings.BatchSize, (output, b, text) =>
        {
            int[] labels = _heldOut[text].Labels;
            ReadOnlySpan<float> grid = output.Logits!.Span;                                              // [B, T, L]
            int row = b * output.Logits.Shape[1];
            List<double> kept = [];
            for (int t = 0; t < labels.Length; t++)
            {
                if (labels[t] == IgnoredLabel.Value) continue;
                for (int c = 0; c < classes; c++) kept.Add(grid[((row + t) * classes) + c]);
            }

            logits[text] = [.. kept];
        }, cancellationToken);
        return EntityAssessment.Of(logits, _heldOut, _data);
    }

    /// <inheritdoc/>
    private protected override ModelInputs Inputs(ReadOnlySpan<int> examples)
    {
        TaggedText[] texts = new TaggedText[examples.Length];
        for (int b = 0; b < texts.Length; b++) texts[b] = _training[examples[b]];
        return EncodedText.Grid([.. texts.Select(t => t.Encoded)], Model.Config) with
        {
            Labels = TokenGrid.Of([.. texts.Select(t => t.Labels)], IgnoredLabel.Value),
        };
    }
}
