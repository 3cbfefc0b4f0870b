using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Logging;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Outsider.Tests;

/// <summary>Fine-tuning with a loss of one's own, and with low-rank adapters over frozen weights.</summary>
public sealed class TrainingTests : IDisposable
{
    private readonly Workshop _workshop = new();

    [Fact]
    public void A_task_with_a_loss_of_ones_own_trains_saves_and_resumes()
    {
        TrainingConfig config = new() { Steps = 30, LearningRate = 3e-3, Schedule = "constant", EvaluateEvery = 10, SaveEvery = 10, Seed = 3 };
        string run = _workshop.At("run"), decoder = _workshop.Decoder();
        Log log = new();
        using CancellationTokenSource stop = new();
        using (TrainingRun<SmoothTask> first = TrainingRun.Prepare(run, config, _ => new SmoothTask(decoder)))
        {
            log.AfterStep = step =>
            {
                if (step == 20) stop.Cancel();
            };
            first.Train([log], cancellationToken: stop.Token);
        }

        using (TrainingRun<SmoothTask> second = TrainingRun.Prepare(run, config, _ => new SmoothTask(decoder)))
        {
            second.Train([log]);
            Assert.Equal(20, second.FirstStep);
            Assert.Equal(30, second.LastStep);
        }

        Assert.Equal(30, log.Losses.Count);
        Assert.True(log.Losses[^1] < 0.7 * log.Losses[0], $"{log.Losses[0]} → {log.Losses[^1]}");
        Assert.NotEmpty(log.Accuracies);
        using HeedModel model = HeedModel.Open(Path.Combine(run, "model"));
        Assert.NotEmpty(model.Generate("The cat", new GenerationConfig { MaxNewTokens = 5 }));
    }

    [Fact]
    public void Adapters_learn_while_the_base_stays_as_it_is()
    {
        using Model model = ModelFolder.Load(_workshop.Decoder(), new LoadOptions { ForTraining = true }).Model;
        string[] places = [.. model.Modules.OfType<Projection>().Where(p => p.Site.EndsWith("mlp.up", StringComparison.Ordinal)).Select(p => p.Site)];
        Assert.Equal(2, places.Length);
        foreach (string place in places) model.Replace(place, inner => new LowRank(inner, rank: 2));
        model.Parameters.Freeze("*");
        Assert.Equal(4, model.Parameters.Unfreeze("*.lora_*"));
        Dictionary<string, float[]> before = model.Parameters.ToDictionary(p => p.Name, p => p.ToTensor().ToArray());

        ModelInputs batch = Batches.Of(Workshop.Tokenizer(), 0);
        using AdamW optimizer = new(model.Parameters);
        double first = 0, last = 0;
        for (int step = 0; step < 20; step++)
        {
            using TensorScope scope = TensorScope.Begin();
            using Tape tape = Tape.Begin();
            LossPart loss = model.Run(batch, new RunOptions { Logits = false }).Losses[0];
            tape.Backward(loss.Sum * (1f / loss.Count));
            optimizer.Step(0.02);
            model.Parameters.ClearGradients();
            last = loss.Sum.Value.ToScalar() / loss.Count;
            if (step == 0) first = last;
        }

        Assert.True(last < first, $"{first} → {last}");
        foreach (Parameter p in model.Parameters)
            Assert.Equal(!p.Name.Contains("lora_", StringComparison.Ordinal), before[p.Name].AsSpan().SequenceEqual(p.ToTensor().Span));
    }

    public void Dispose() => _workshop.Dispose();

    /// <summary>Texts as batches: the same position gives the same texts.</summary>
    private static class Batches
    {
        public static ModelInputs Of(Tokenizer tokenizer, long position)
        {
            int[][] rows = [.. Enumerable.Range(0, 4).Select(i => tokenizer.Encode(Workshop.Texts[(int)(((position * 4) + i) % Workshop.Texts.Count)]).Ids.ToArray())];
            return new ModelInputs
            {
                InputIds = TokenGrid.Of([.. rows.Select(r => r[..^1])]),
                AttentionMask = TokenGrid.Of([.. rows.Select(r => Enumerable.Repeat(1, r.Length - 1).ToArray())]),
                Labels = TokenGrid.Of([.. rows.Select(r => r[1..])], padding: CausalLanguageModel.IgnoredLabel),
                LabelsAreShifted = true,
            };
        }
    }

    /// <summary>Cross-entropy, and a square of the logarithm of the sum of exponentials that keeps logits small (Chowdhery et al. 2022, §5).</summary>
    private sealed class SmoothTask(string folder)
        : TrainingTask<ModelInputs>(ModelFolder.Load(folder, new LoadOptions { ForTraining = true }).Model)
    {
        private readonly Tokenizer _tokenizer = Tokenizer.FromFolder(folder);

        public override TaskMeasure Measure { get; } = new("accuracy", HigherIsBetter: true);

        public override ModelInputs Batch(long position) => Batches.Of(_tokenizer, position);

        public override IReadOnlyList<long> CountTargets(ModelInputs batch)
        {
            long count = Model.CountTargets(batch)[0];
            return [count, count];
        }

        public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options)
        {
            (Variable logits, int[] targets) = Logits(batch, options);
            long count = targets.LongCount(t => t != CausalLanguageModel.IgnoredLabel);
            CrossEntropySettings sum = new() { Reduction = Reduction.Sum, IgnoreIndex = CausalLanguageModel.IgnoredLabel };
            Variable normalizer = logits.Exp().Sum(1).Log();                                         // [N]
            return
            [
                new LossPart("tokens", Heed.Engine.Autograd.Loss.CrossEntropy(logits, targets, sum), count),
                new LossPart("normalizer", (normalizer * normalizer).Sum(), count, Weight: 1e-3f),
            ];
        }

        public override EvaluationReport Evaluate(bool all, CancellationToken cancellationToken)
        {
            using TensorScope scope = TensorScope.Begin();
            (Variable logits, int[] targets) = Logits(Batch(70), RunOptions.Default);
            int[] predicted = logits.Value.ArgMax(1);
            int right = targets.Zip(predicted).Count(p => p.First == p.Second), counted = targets.Count(t => t >= 0);
            return new EvaluationReport(1, counted) { Measures = new Dictionary<string, double> { ["accuracy"] = (double)right / counted } };
        }

        public override void Save(string folder)
        {
            base.Save(folder);
            _tokenizer.Save(Path.Combine(folder, "tokenizer.json"));
        }

        private (Variable Logits, int[] Targets) Logits(ModelInputs inputs, RunOptions options)
        {
            CausalLanguageModel model = (CausalLanguageModel)Model;
            TokenBatch batch = inputs.Pack();
            return (model.Logits(model.Hidden(batch, batch.Context(options))), batch.Pick(inputs.Labels!));
        }
    }

    /// <summary>y = W·x + B·A·x, with B zero at first (Hu et al. 2021).</summary>
    private sealed class LowRank(Projection inner, int rank) : Projection(inner.Scope / "lora")
    {
        private readonly Linear _down = new(inner.Scope.Weight("lora_a", new Shape(rank, inner.Inputs), Initializer.Normal(0.2f)), null);
        private readonly Linear _up = new(inner.Scope.Weight("lora_b", new Shape(inner.Outputs, rank), Initializer.Zeros), null);

        public override int Inputs => inner.Inputs;

        public override int Outputs => inner.Outputs;

        public override Variable Forward(Variable x) => inner.Forward(x) + _up.Forward(_down.Forward(x));
    }

    private sealed class Log : ITrainingObserver
    {
        public List<double> Losses { get; } = [];

        public List<double> Accuracies { get; } = [];

        public Action<long>? AfterStep { get; set; }

        public void Stepped(StepReport report)
        {
            Losses.Add(report.Loss);
            AfterStep?.Invoke(report.Step);
        }

        public void Evaluated(EvaluationReport report) => Accuracies.Add(report["accuracy"]!.Value);
    }
}
