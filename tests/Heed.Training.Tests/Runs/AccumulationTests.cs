using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Gpt2;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;
using Heed.Training.Schedules;

namespace Heed.Training.Tests.Runs;

public class AccumulationTests
{
    private const int Vocabulary = 31, Longest = 12;

    [Fact]
    public void Any_split_of_a_batch_gives_the_gradient_of_the_whole_batch()
    {
        Random random = new(20);
        for (int round = 0; round < 40; round++)
        {
            // Texts of unequal length, of which some have no target at all: a mean of means would be wrong.
            (int[] Ids, int[] Labels)[] texts = [.. Enumerable.Range(0, random.Next(2, 9)).Select(_ => Text(random))];
            if (texts.All(t => t.Labels.All(l => l < 0))) continue;
            (double loss, float[] whole) = Gradient([texts]);
            List<(int[], int[])[]> parts = [];
            for (int at = 0; at < texts.Length;)
            {
                int count = random.Next(1, texts.Length - at + 1);
                parts.Add(texts[at..(at + count)]);
                at += count;
            }

            (double splitLoss, float[] split) = Gradient(parts);
            Assert.Equal(loss, splitLoss, 1e-6 * loss);
            double difference = 0, norm = 0;
            for (int i = 0; i < whole.Length; i++)
            {
                difference += Math.Pow(whole[i] - (double)split[i], 2);
                norm += Math.Pow(whole[i], 2);
            }

            Assert.True(Math.Sqrt(difference) <= 1e-6 * Math.Sqrt(norm), $"round {round}, {parts.Count} of {texts.Length}: relative L2 {Math.Sqrt(difference / norm):G3}");
        }
    }

    [Fact]
    public void A_parameter_without_gradient_is_an_error_that_names_it_unless_it_may_be_unused()
    {
        using CausalLanguageModel model = Model();
        using AdamW optimizer = new(model.Parameters);
        Trainer trainer = new(new Fixed(model, [[([1, 2, 3], [4, 5, 6])]]), optimizer, new ConstantSchedule(0.1), new TrainingConfig { Steps = 1 });
        Parameter unused = (model.Parameters.Root / "head").Parameter("unused", new Shape(2, 2), Initializer.Ones);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => trainer.TakeStep());
        Assert.Contains("'head.unused' got no gradient in step 1", e.Message, StringComparison.Ordinal);
        unused.AllowUnused();
        model.Parameters.ClearGradients();
        Assert.Equal(1, trainer.TakeStep().Step);
    }

    private static (int[] Ids, int[] Labels) Text(Random random)
    {
        int length = random.Next(1, Longest + 1), kept = random.Next(0, 3);
        return ([.. Enumerable.Range(0, length).Select(_ => random.Next(Vocabulary))], [.. Enumerable.Range(0, length).Select(_ => random.Next(2) < kept ? random.Next(Vocabulary) : CausalLanguageModel.IgnoredLabel)]);
    }

    private static CausalLanguageModel Model() => CausalLanguageModel.Create(new Gpt2Config { Layers = 2, Heads = 3, Width = 24, Vocabulary = Vocabulary, ContextLength = Longest, InitialDeviation = 0.2f, EmbeddingDropout = 0, AttentionDropout = 0, ResidualDropout = 0 }, new ParameterSet(ParameterSource.Random(5)));

    /// <summary>The loss and all gradients of one step over micro-batches.</summary>
    private static (double Loss, float[] Gradient) Gradient(IReadOnlyList<(int[] Ids, int[] Labels)[]> parts)
    {
        using CausalLanguageModel model = Model();
        using Watcher watcher = new(model.Parameters);
        StepReport report = new Trainer(new Fixed(model, parts), watcher, new ConstantSchedule(1), new TrainingConfig { Steps = 1, Accumulation = parts.Count, ClipNorm = 0 }).TakeStep();
        return (report.Loss, [.. watcher.Seen.SelectMany(g => g)]);
    }

    private sealed class Fixed(CausalLanguageModel model, IReadOnlyList<(int[] Ids, int[] Labels)[]> parts) : TrainingTask<ModelInputs>(model)
    {
        public override IReadOnlyList<long> CountTargets(ModelInputs batch) => Model.CountTargets(batch);

        public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options) => Model.Run(batch, options).Losses;

        public override ModelInputs Batch(long position)
        {
            (int[] Ids, int[] Labels)[] part = parts[(int)(position % parts.Count)];
            return new ModelInputs
            {
                InputIds = TokenGrid.Of([.. part.Select(t => t.Ids)]),
                AttentionMask = TokenGrid.Of([.. part.Select(t => t.Ids.Select(_ => 1).ToArray())]),
                Labels = TokenGrid.Of([.. part.Select(t => t.Labels)], CausalLanguageModel.IgnoredLabel),
                LabelsAreShifted = true,
            };
        }
    }

    /// <summary>Keeps the gradients and changes nothing.</summary>
    private sealed class Watcher(ParameterSet parameters) : Optimizer(parameters)
    {
        public List<float[]> Seen { get; } = [];

        protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter) => [];

        protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings) => Seen.Add(parameter.Gradient!.ToArray());
    }
}
