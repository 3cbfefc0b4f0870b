using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Metrics;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>Learning to give texts their label, their labels, or a number.</summary>
internal sealed class ClassificationTask : FinetuningTask
{
    private readonly ClassificationData _data;
    private readonly EncodedText[] _training, _heldOut;
    private readonly Dictionary<string, int> _indices = new(StringComparer.Ordinal);
    private readonly CrossEntropySettings? _loss;

    /// <param name="model">A sequence classifier of the data's labels.</param>
    /// <param name="data">The examples.</param>
    /// <param name="settings">All decided.</param>
    public ClassificationTask(FinetuningModel model, ClassificationData data, FinetuningConfig settings)
        : base(model, data, settings, data.TokenCounts)
    {
        _data = data;
        for (int i = 0; i < data.Labels.Count; i++) _indices[data.Labels[i]] = i;
        Tokenizer tokenizer = data.Tokenizer.WithPadding(null).WithTruncation(new TruncationOptions(settings.MaximumLength));
        _training = [.. data.TrainingExamples.Select(e => EncodedText.Of(tokenizer, e.Text, e.Second))];
        _heldOut = [.. data.HeldOutExamples.Select(e => EncodedText.Of(tokenizer, e.Text, e.Second))];
        if (settings.ClassWeights != ClassWeights.None && data.Kind != LabelKind.Single)
            throw new ConfigException($"class_weights: \"{settings.ClassWeights}\" is for one label per text; leave it at none for "
                + $"several labels or numbers.");
        float[]? weights = ClassWeights.Of(settings.ClassWeights, data.Labels, data.TrainingExamples.SelectMany(e => e.Labels));
        if (settings.LabelSmoothing > 0 && data.Kind != LabelKind.Single)
            throw new ConfigException("label_smoothing: is for one label per text; leave it at 0 for several labels or numbers.");
        _loss = LossOf(settings, weights);
        data.Taught ??= TaughtLabels.Of(settings, data);
    }

    /// <summary>Macro F1 of labels, R² of numbers; of equal figures the lower loss wins.</summary>
    public override TaskMeasure Measure => _data.Kind != LabelKind.Regression ? new TaskMeasure("macro_f1", HigherIsBetter: true)
        : _heldOut.Length > 1 ? new TaskMeasure("r2", HigherIsBetter: true) : TaskMeasure.Loss;   // one number has no spread

    /// <inheritdoc/>
    public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options) => base.Loss(batch, options with { Loss = _loss });

    /// <inheritdoc/>
    internal override TaskAssessment? Assess(CancellationToken cancellationToken)
    {
        if (_heldOut.Length == 0) return null;
        int classes = Math.Max(1, Model.Config.Labels.Count);
        double[] logits = Predictor.Logits(Model, _heldOut, Settings.BatchSize, classes, cancellationToken);
        return _data.Kind switch
        {
            LabelKind.Multiple => ClassificationAssessment.OfSeveral(logits, Several(classes), _data),
            LabelKind.Regression => ClassificationAssessment.OfNumbers(logits, _data),
            _ => ClassificationAssessment.OfOne(logits, Gold(), _data.Labels, _data.HeldOutExamples),
        };
    }

    /// <inheritdoc/>
    internal override ClassCalibration? Calibrate(TaskAssessment assessment)
    {
        if (_data.Kind == LabelKind.Regression) return null;
        double[] logits = assessment.Scores;
        int classes = Model.Config.Labels.Count;
        if (_data.Kind == LabelKind.Single)
        {
            // Where every prediction is right the likelihood asks for ever more confidence: nothing can be fitted.
            return assessment.Examples.All(e => e.IsRight) ? null
                : ClassCalibration.None with { Temperature = Calibration.FitTemperature(logits, Gold(), classes).Temperature };
        }

        IReadOnlyList<LabelThreshold> fitted = Thresholds.Fit(Several(classes), Array.ConvertAll(logits, x => 1 / (1 + Math.Exp(-x))),
            classes);
        Dictionary<string, double> thresholds = new(StringComparer.Ordinal);
        for (int l = 0; l < classes; l++) thresholds[_data.Labels[l]] = Math.Clamp(fitted[l].Threshold, 0, 1);
        return ClassCalibration.None with { Thresholds = thresholds };
    }

    /// <inheritdoc/>
    private protected override ModelInputs Inputs(ReadOnlySpan<int> examples)
    {
        EncodedText[] texts = new EncodedText[examples.Length];
        for (int b = 0; b < texts.Length; b++) texts[b] = _training[examples[b]];
        ModelInputs inputs = EncodedText.Grid(texts, Model.Config);
        if (_data.Kind == LabelKind.Single)
        {
            int[] labels = new int[texts.Length];
            for (int b = 0; b < labels.Length; b++) labels[b] = _indices[_data.TrainingExamples[examples[b]].Labels[0]];
            return inputs with { Labels = new TokenGrid(labels.Length, 1, labels), SoftLabels = _data.Taught?.For(examples, Settings) };
        }

        int outputs = Model.Config.Labels.Count;
        float[] numbers = new float[texts.Length * outputs];
        for (int b = 0; b < texts.Length; b++)
        {
            ClassificationExample example = _data.TrainingExamples[examples[b]];
            if (_data.Kind == LabelKind.Regression) numbers[b] = (float)example.Value;
            else foreach (string label in example.Labels) numbers[(b * outputs) + _indices[label]] = 1;
        }

        return inputs with { NumberLabels = numbers };
    }

    private int[] Gold() => [.. _data.HeldOutExamples.Select(e => _indices[e.Labels[0]])];

    private bool[] Several(int classes)
    {
        bool[] gold = new bool[_heldOut.Length * classes];
        for (int i = 0; i < _heldOut.Length; i++)
            foreach (string label in _data.HeldOutExamples[i].Labels) gold[(i * classes) + _indices[label]] = true;
        return gold;
    }
}
