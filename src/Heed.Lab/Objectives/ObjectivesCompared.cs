using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;
using Heed.Tokenizers;
using Heed.Tokenizers.Training;
using Heed.Training.Finetuning;
using Heed.Training.Objectives;

namespace Heed.Lab.Objectives;

/// <summary>27: masked and causal language modelling.</summary>
internal sealed class ObjectivesCompared : Experiment
{
    private const int Steps = 600, Texts = 16, Width = 64, MaskId = 2;

    private static readonly LabPlot Curves = new("Training loss", "step", "nats per predicted token");

    private static readonly Lazy<Tokenizer> Words = new(() => TokenizerTrainer.Train(
        new WordPieceTrainerSettings { VocabularySize = 1200, SpecialTokens = ["[PAD]", "[UNK]", "[MASK]"] },
        Letters.Of("train").Select(l => l.Text), TrainingPipeline.Bert));

    public override int Number => 27;

    public override string Name => "objectives";

    public override string Claim => "Masked language models are for understanding, causal ones for generation.";

    public override string Form
        => "Two models of 2 layers of width 64 read 1,000 letters about card payments, 600 steps of 16 letters: one predicts 15 % of "
            + "tokens from both sides, one each token from those before. Then a logistic regression sorts the letters into three classes "
            + "by the mean of the last rows, and both predict the next word.";

    public override string Measure
        => "Right classes on 300 letters of the same wording and on 300 of other wording; right next tokens in 300 letters, cut in the "
            + "middle (the masked model reads a mask there).";

    public override string Refutation => "Classes no better from the masked model, or next words as good.";

    public override string Source => "Devlin et al. 2019, arXiv:1810.04805, §5.1; Clark et al. 2020, arXiv:2003.10555, §1";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("probe", "classes, same wording: masked less causal", 0.02),
        Expectation.AtLeast("probe_test", "classes, other wording: masked less causal", 0, Bearing.Informs),
        Expectation.AtLeast("next", "next token: causal less masked", 0.05),
        .. ((string[])["masked", "causal", "untrained"]).SelectMany(k => (Expectation[])
        [
            Expectation.Note($"dev_{k}", $"classes, same wording, {k}"), Expectation.Note($"test_{k}", $"classes, other wording, {k}"),
            Expectation.Note($"next_{k}", $"next token, {k}"),
        ]),
        Expectation.Note("loss_masked", "loss of the last 50 steps, masked"),
        Expectation.Note("loss_causal", "loss of the last 50 steps, causal"),
    ];

    internal override void Run(LabRun run)
    {
        int[][] train = Ids("train");
        foreach (string key in (string[])["masked", "causal", "untrained"])
        {
            using ParameterSet parameters = run.Parameters();
            CustomConfig config = new()
            {
                Vocabulary = Words.Value.VocabularySize,
                Width = Width,
                Layers = 2,
                Heads = 4,
                Encoder = key != "causal",
            };
            MaskedLanguageModel? masked = key == "causal" ? null : MaskedLanguageModel.Create(config, parameters);
            CausalLanguageModel? causal = key == "causal" ? LabModels.Decoder(config, parameters) : null;
            if (key != "untrained")
            {
                double[] losses = SmallTrainer.Train(run, key, parameters, new SmallPlan(Steps, 2e-3, 50), step =>
                {
                    DrawSequence draws = new(run.Random($"batch/{step}"));
                    int[][] texts = [.. Enumerable.Range(0, Texts).Select(_ => train[draws.Integer(train.Length)])];
                    return causal is not null ? CausalLoss(causal, texts) : MaskedLoss(masked!, texts, draws);
                }, (step, loss) =>
                {
                    if (step % 20 == 0) run.Plot(Curves, key, step, loss);
                });
                run.Set($"loss_{key}", SmallTrainer.Last(losses, 50));
            }

            Probe(run, key, texts => causal is not null
                ? causal.Hidden(texts, texts.Context()) : masked!.Encode(texts, texts.Context()));
            run.Set($"next_{key}", Next(masked, causal));
        }

        run.Set("probe", run.Values["dev_masked"] - run.Values["dev_causal"]);
        run.Set("probe_test", run.Values["test_masked"] - run.Values["test_causal"]);
        run.Set("next", run.Values["next_causal"] - run.Values["next_masked"]);
    }

    private static int[][] Ids(string part)
        => [.. Letters.Of(part).Select(l => Words.Value.Encode(l.Text, addSpecialTokens: false).IdArray)];

    private static Variable CausalLoss(CausalLanguageModel model, int[][] texts)
    {
        int[] targets = [.. texts.SelectMany(t => (int[])[.. t[1..], SequenceTask.None])];
        return SequenceTask.Loss(model, new SequenceBatch(texts, targets));
    }

    private static Variable MaskedLoss(MaskedLanguageModel model, int[][] texts, DrawSequence draws)
    {
        MaskingSettings settings = new() { MaskId = MaskId };
        CorruptedText[] corrupted = [.. texts.Select(t =>
        {
            bool[] chosen = TokenMasking.Choose([.. Enumerable.Range(0, t.Length)], settings, Uniforms(t.Length), []);
            return TokenMasking.Replace(t, chosen, settings, Uniforms(t.Length), Uniforms(t.Length),
                [.. t.Select(_ => draws.Integer(model.Config.Vocabulary))]);
        })];
        TokenBatch batch = TokenBatch.Of([.. corrupted.Select(c => c.Inputs)]);
        int[] targets = [.. corrupted.SelectMany(c => c.Labels)];
        return model.LossSum(model.Encode(batch, batch.Context()), targets) / Math.Max(1, targets.Count(t => t != SequenceTask.None));

        double[] Uniforms(int count) => [.. Enumerable.Range(0, count).Select(_ => draws.Uniform())];
    }

    private static void Probe(LabRun run, string key, Func<TokenBatch, Variable> rows)
    {
        run.Report($"probe, {key}");
        string[] classes = [.. Letters.Of("train").Select(l => l.Label).Distinct().Order(StringComparer.Ordinal)];
        LogisticHead head = LogisticHead.Fit(Vectors("train"), Width, Labels("train"), classes.Length, strength: 10);
        foreach (string part in (string[])["dev", "test"])
        {
            double right = Vectors(part).Chunk(Width).Zip(Labels(part), (vector, label) =>
            {
                double[] probabilities = head.Probabilities(vector);
                return Array.IndexOf(probabilities, probabilities.Max()) == label ? 1.0 : 0;
            }).Average();
            run.Set($"{part}_{key}", right);
        }

        int[] Labels(string part) => [.. Letters.Of(part).Select(l => Array.IndexOf(classes, l.Label))];

        float[] Vectors(string part)
        {
            List<float> vectors = [];
            foreach (int[][] some in Ids(part).Chunk(50))
            {
                using TensorScope scope = TensorScope.Begin();
                TokenBatch batch = TokenBatch.Of(some);
                vectors.AddRange(rows(batch).Pool(batch.StartArray, Pooling.Mean).Value.Span);
            }

            return [.. vectors];
        }
    }

    /// <summary>Right next tokens of letters that are cut in the middle.</summary>
    private static double Next(MaskedLanguageModel? masked, CausalLanguageModel? causal)
    {
        int right = 0, all = 0;
        foreach (int[] text in Ids("dev"))
        {
            using TensorScope scope = TensorScope.Begin();
            int cut = text.Length / 2;
            TokenBatch batch = TokenBatch.Of(causal is not null ? text[..cut] : [.. text[..cut], MaskId]);
            Variable scores = causal is not null ? causal.Logits(causal.Hidden(batch, batch.Context()))
                : masked!.Logits(masked.Encode(batch, batch.Context()));
            all++;
            if (scores.Value.ArgMax()[^1] == text[cut]) right++;
        }

        return (double)right / all;
    }
}
