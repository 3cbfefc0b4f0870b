using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Transformer2017;
using Heed.Training.Metrics;

namespace Heed.Lab.Objectives;

/// <summary>42: label smoothing.</summary>
internal sealed class LabelSmoothing : Experiment
{
    private const int Length = 8, Steps = 600, Known = 400;

    public override int Number => 42;

    public override string Name => "label-smoothing";

    public override string Claim => "Label smoothing of 0.1 hurts perplexity and improves accuracy and calibration.";

    public override string Form
        => "A Transformer (2 + 2 layers of 64) learns a made-up language of 16 words from 400 texts of 8 tokens in which 15 % of the words "
            + "are translated by lot, 600 steps of 16 texts, with smoothing 0.1 and without.";

    public override string Measure
        => "On 512 new texts of the same kind: perplexity, share of right tokens, expected calibration error (15 bins); the best possible "
            + "share of right tokens is 0.86.";

    public override string Refutation => "A model that is better calibrated, or no worse in perplexity, without smoothing.";

    public override string Source
        => "Vaswani et al. 2017, arXiv:1706.03762, §5.4; Müller et al. 2019, arXiv:1906.02629; Guo et al. 2017, arXiv:1706.04599 for the "
            + "error of calibration";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("perplexity", "perplexity with smoothing less without", 0),
        Expectation.AtLeast("accuracy", "share of right tokens with smoothing less without", -0.005),
        Expectation.AtMost("calibration", "error of calibration with smoothing less without", 0),
        .. ((string[])["smoothed", "plain"]).SelectMany(k => (Expectation[])
        [
            Expectation.Note($"perplexity_{k}", $"perplexity, {k}"), Expectation.Note($"accuracy_{k}", $"share of right tokens, {k}"),
            Expectation.Note($"calibration_{k}", $"error of calibration, {k}"),
        ]),
    ];

    internal override void Run(LabRun run)
    {
        TranslationTask learned = new(16) { Noise = 0.15, Known = Known }, judged = new(512) { Noise = 0.15 };
        Transformer2017Config config = Transformer2017Config.Tiny with
        {
            Vocabulary = TranslationTask.Vocabulary,
            NormFirst = true,
            Dropout = 0,
            LabelSmoothing = 0,
        };
        foreach (string key in (string[])["smoothed", "plain"])
        {
            using ParameterSet parameters = run.Parameters();
            SequenceToSequenceModel model = SequenceToSequenceModel.Create(config, parameters);
            CrossEntropySettings settings = new() { LabelSmoothing = key == "smoothed" ? 0.1f : 0 };
            _ = SmallTrainer.Train(run, key, parameters, new SmallPlan(Steps, 2e-3, 50),
                step => TranslationTask.Loss(model, learned.Batch(run, "train", step, Length), settings));
            using TensorScope scope = TensorScope.Begin();
            ModelInputs batch = judged.Batch(run, "test", 0, Length);
            run.Set($"perplexity_{key}", Math.Exp(TranslationTask.Loss(model, batch).Value.ToScalar()));
            double[] logits = Array.ConvertAll(model.Run(batch).Logits!.ToArray(), v => (double)v);
            CalibrationReport report = Calibration.Evaluate(
                Calibration.Softmax(logits, TranslationTask.Vocabulary), batch.Labels!.Cells, TranslationTask.Vocabulary);
            run.Set($"calibration_{key}", report.ExpectedError);
            run.Set($"accuracy_{key}", logits.Chunk(TranslationTask.Vocabulary)
                .Zip(batch.Labels.Cells, (row, right) => Array.IndexOf(row, row.Max()) == right ? 1.0 : 0).Average());
        }

        foreach (string what in (string[])["perplexity", "accuracy", "calibration"])
            run.Set(what, run.Values[$"{what}_smoothed"] - run.Values[$"{what}_plain"]);
    }
}
