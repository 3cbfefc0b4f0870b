using Heed.Engine.Autograd;
using Heed.Models;
using Heed.Training.Collators;
using Heed.Training.Metrics;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>Learning to find the answers of questions in contexts.</summary>
internal sealed class QuestionTask : FinetuningTask
{
    private readonly QuestionData _data;
    private readonly QuestionWindow[] _training, _heldOut;
    private readonly int[] _questions;
    private readonly CrossEntropySettings? _loss;

    /// <param name="model">A question answerer.</param>
    /// <param name="data">The examples.</param>
    /// <param name="settings">All decided.</param>
    public QuestionTask(FinetuningModel model, QuestionData data, FinetuningConfig settings)
        : base(model, data, settings, [.. data.Windows(settings).SelectMany(w => w).Select(w => w.Ids.Count)])
    {
        _data = data;
        _training = [.. data.Windows(settings).SelectMany(w => w)];
        IReadOnlyList<QuestionWindow>[] heldOut = data.Windows(data.HeldOutExamples, settings);
        _heldOut = [.. heldOut.SelectMany(w => w)];
        _questions = [.. heldOut.SelectMany((w, i) => w.Select(_ => i))];
        _loss = LossOf(settings, null);
    }

    /// <summary>Mean F1 of words, 0 to 100.</summary>
    public override TaskMeasure Measure => new(QuestionAssessment.F1, HigherIsBetter: true);

    /// <inheritdoc/>
    internal override string Unit => "windows";

    /// <inheritdoc/>
    private protected override double TokensPerTarget => _training.Length == 0 ? 1 : _training.Average(w => w.Ids.Count);

    /// <inheritdoc/>
    public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options) => base.Loss(batch, options with { Loss = _loss });

    /// <inheritdoc/>
    internal override TaskAssessment? Assess(CancellationToken cancellationToken)
    {
        if (_heldOut.Length == 0) return null;
        AnswerWindow[] windows = new AnswerWindow[_heldOut.Length];
        Predictor.Run(Model, [.. _heldOut.Select(Encoded)], Settings.BatchSize, (output, b, i) =>
        {
            QuestionWindow window = _heldOut[i];
            int row = b * output.StartLogits!.Shape[1];                                                  // [B, T]
            windows[i] = new AnswerWindow
            {
                Starts = window.Starts,
                Ends = window.Ends,
                StartLogits = Row(output.StartLogits.Span.Slice(row, window.Ids.Count)),
                EndLogits = Row(output.EndLogits!.Span.Slice(row, window.Ids.Count)),
            };
        }, cancellationToken);
        return QuestionAssessment.Of(windows, _heldOut, _questions, _data);

        static double[] Row(ReadOnlySpan<float> logits)
        {
            double[] row = new double[logits.Length];
            for (int t = 0; t < row.Length; t++) row[t] = logits[t];
            return row;
        }
    }

    /// <inheritdoc/>
    private protected override ModelInputs Inputs(ReadOnlySpan<int> examples)
    {
        QuestionWindow[] windows = new QuestionWindow[examples.Length];
        for (int b = 0; b < windows.Length; b++) windows[b] = _training[examples[b]];
        return EncodedText.Grid([.. windows.Select(Encoded)], Model.Config) with
        {
            StartPositions = [.. windows.Select(w => w.StartPosition)],
            EndPositions = [.. windows.Select(w => w.EndPosition)],
            AnswersLieInTexts = true,
        };
    }

    private static EncodedText Encoded(QuestionWindow window) => new([.. window.Ids], [.. window.TypeIds]);
}
