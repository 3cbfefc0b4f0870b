using Heed.Engine.Nn;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Recurrent;
using Heed.Models.Transformer2017;
using Heed.Training.Objectives;

namespace Heed.Lab.Memory;

/// <summary>48: one vector for a whole source does not hold long ones.</summary>
internal sealed class FixedVector : Experiment
{
    private const int Shortest = 3, Longest = 18, Steps = 1200;

    private static readonly int[] Lengths = [4, 8, 12, 16];

    private static readonly LabPlot Exact = new("Exact translations by the length of the source", "source tokens", "share");

    private static readonly (string Key, string What, double Rate)[] Models =
    [
        ("vector", "LSTM with one vector", 3e-3), ("attention", "LSTM with attention", 3e-3), ("transformer", "Transformer", 2e-3),
    ];

    public override int Number => 48;

    public override string Name => "fixed-vector";

    public override string Claim
        => "Attention in translation beats the fixed vector: without it, quality falls with the length of the source.";

    public override string Form
        => "An LSTM encoder-decoder that is given one vector for the source, one that attends, and a Transformer of about as many "
            + "parameters (2 + 2 layers of 64) learn a made-up language of 16 words whose neighbours change places, from 3 to 18 tokens, "
            + "1,200 steps of 16 texts.";

    public override string Measure => "Share of 64 new texts of each length that are translated exactly.";

    public override string Refutation => "An LSTM without attention that translates 16 tokens as well as 4.";

    public override string Source => "Bahdanau et al. 2015, arXiv:1409.0473, §5 and figure 2; Cho et al. 2014, arXiv:1406.1078";

    public override string Remark
        => "The measured fall on real pairs (dates, names, amounts) is in the guide on translation: 33 points without attention, 16 with "
            + "it, none in the Transformer.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("fall_vector", "one vector: exact at 4 tokens less at 16", 0.3),
        Expectation.AtMost("fall_attention", "LSTM with attention: the same", 0.1),
        Expectation.AtMost("fall_transformer", "Transformer: the same", 0.1, Bearing.Informs),
        .. Models.SelectMany(m => Lengths, (m, n) => Expectation.Note($"{m.Key}_{n}", $"{m.What}, exact at {n} tokens")),
        .. Models.Select(m => Expectation.Note($"{m.Key}_parameters", $"{m.What}, parameters")),
    ];

    internal override void Run(LabRun run)
    {
        TranslationTask learned = new(16), judged = new(64);
        foreach ((string key, string what, double rate) in Models)
        {
            using ParameterSet parameters = run.Parameters();
            SequenceToSequenceModel model = SequenceToSequenceModel.Create(ConfigOf(key), parameters);
            run.Set($"{key}_parameters", parameters.Values);
            _ = SmallTrainer.Train(run, what, parameters, new SmallPlan(Steps, rate, 50), step =>
            {
                int length = Shortest + new DrawSequence(run.Random($"length/{step}")).Integer(Longest - Shortest + 1);
                return TranslationTask.Loss(model, learned.Batch(run, "train", step, length));
            });
            foreach (int length in Lengths)
            {
                double exact = TranslationTask.Exact(model, judged.Batch(run, "test", length, length));
                run.Set($"{key}_{length}", exact);
                run.Plot(Exact, what, length, exact);
            }

            run.Set($"fall_{key}", run.Values[$"{key}_{Lengths[0]}"] - run.Values[$"{key}_{Lengths[^1]}"]);
        }
    }

    private static ModelConfig ConfigOf(string key) => key == "transformer"
        ? Transformer2017Config.Tiny with { Vocabulary = TranslationTask.Vocabulary, NormFirst = true, Dropout = 0, LabelSmoothing = 0 }
        : new LstmConfig
        {
            Task = LstmTask.SequenceToSequence,
            Vocabulary = TranslationTask.Vocabulary,
            Width = key == "vector" ? 112 : 104,
            EmbeddingWidth = 32,
            Attends = key == "attention",
            PaddingId = TranslationTask.Padding,
            BeginId = TranslationTask.Begin,
            EndId = TranslationTask.End,
        };
}
