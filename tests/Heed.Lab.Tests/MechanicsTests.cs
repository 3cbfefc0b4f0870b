using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Lab.Circuits;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;

namespace Heed.Lab.Tests;

/// <summary>The mechanics of trained experiments, with two steps of training instead of hundreds.</summary>
public sealed class MechanicsTests
{
    /// <summary>Those that train with <see cref="SmallTrainer"/> alone.</summary>
    public static TheoryData<string> Trained =>
    [
        "unscaled-training", "no-positions", "extrapolation", "copy-memory", "head-relations", "norm-warmup", "future-leak",
        "induction-heads", "induction-ablation", "multi-query-recall", "window-reach",
    ];

    [Theory, MemberData(nameof(Trained))]
    public void A_trained_experiment_gives_the_same_bits_on_one_thread_and_two(string name)
    {
        ExperimentResult one = On(name, 1), two = On(name, 2);
        Assert.Equal(
            one.Experiment.Expectations.Where(e => !e.IsTime).Select(e => e.Key), one.Measurements.Select(m => m.Expectation.Key));
        Assert.Equal(Bits(one), Bits(two));
        Assert.Equal(one.Points, two.Points);

        static IEnumerable<long> Bits(ExperimentResult r) => r.Measurements.Select(m => BitConverter.DoubleToInt64Bits(m.Values[0]));

        static ExperimentResult On(string name, int threads)
        {
            using ComputeContext context = new(new ComputeOptions { Threads = threads });
            using ContextScope entered = context.Enter();
            return Experiments.Run(Experiments.Named(name), new LabOptions { Seeds = [1], StepLimit = 2 });
        }
    }

    [Fact]
    public void A_block_stands_twice_and_only_its_second_copy_is_asked_for()
    {
        LabRun run = Run();
        SequenceBatch batch = RepeatedBlocks.Task.Batch(run, "x", 0);
        HashSet<int> lengths = [];
        for (int b = 0; b < batch.Ids.Length; b++)
        {
            int[] text = batch.Ids[b], targets = batch.Targets[(b * RepeatedBlocks.Tokens)..((b + 1) * RepeatedBlocks.Tokens)];
            int block = text.Length - text.Distinct().Count();
            lengths.Add(block);
            Assert.InRange(block, RepeatedBlocks.Shortest, RepeatedBlocks.Longest);
            Assert.Equal(text[^(2 * block)..^block], text[^block..]);
            Assert.All(targets[..^block], t => Assert.Equal(SequenceTask.None, t));
            Assert.Equal(text[^(block - 1)..], targets[^block..^1]);
            Assert.Equal(SequenceTask.None, targets[^1]);
        }

        Assert.True(lengths.Count > 5);
    }

    [Fact]
    public void Untrained_heads_score_as_even_weights_do()
    {
        LabRun run = Run();
        using TensorScope scope = TensorScope.Begin();
        using CausalLanguageModel model = RepeatedBlocks.Decoder(2, run.Parameters());
        double[][] scores = RepeatedBlocks.InductionScores(run, model, 2);
        SequenceBatch batch = RepeatedBlocks.Task.Batch(run, "scores", 0);
        double even = batch.Targets.Select((t, n) => t == SequenceTask.None ? 0 : 1.0 / ((n % RepeatedBlocks.Tokens) + 1)).Sum()
            / batch.Count;
        Assert.All(scores.SelectMany(s => s), s => Assert.InRange(s, 0.9 * even, 1.1 * even));
    }

    [Fact]
    public void A_layer_whose_heads_are_all_silent_adds_the_bias_alone()
    {
        LabRun run = Run();
        using TensorScope scope = TensorScope.Begin();
        using CausalLanguageModel model = RepeatedBlocks.Decoder(1, run.Parameters());
        float[] z = [], with = [];
        Hooks hooks = LabModels.Silence(new Hooks().Observe("blocks.0.attn.z", (_, x) => with = x.Value.ToArray()), 0, 1, 3)
            .Observe("blocks.0.attn.z", (_, x) => z = x.Value.ToArray());
        _ = LabModels.Rows(model, [1, 2, 3, 4], hooks);
        for (int i = 0; i < z.Length; i++) Assert.Equal(i / 16 % 4 is 1 or 3 ? 0 : with[i], z[i]);
        Assert.Contains(with, v => v != 0);
    }

    /// <summary>A slip in the name of a hook would read as a head that does nothing.</summary>
    [Fact]
    public void A_hook_that_no_tensor_answers_is_refused_when_rows_are_computed()
    {
        using CausalLanguageModel model = RepeatedBlocks.Decoder(1, Run().Parameters());
        using TensorScope scope = TensorScope.Begin();
        Hooks hooks = new Hooks().Observe("blocks.1.attn.pattern", (_, _) => { });
        Assert.Contains(
            "'blocks.1.attn.pattern'", Assert.Throws<ArgumentException>(() => LabModels.Rows(model, [1, 2], hooks)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Every_rate_starts_from_the_same_values_and_the_best_is_kept()
    {
        LabRun run = Run();
        using TensorScope scope = TensorScope.Begin();
        List<double> first = [];
        using TunedModel tuned = RateGrid.Train(
            RepeatedBlocks.Task, run, "x", p => RepeatedBlocks.Decoder(1, p), new SmallPlan(2, 0, 0), [1e-3, 1e30, 1e-2], null,
            (_, step, loss) =>
            {
                if (step == 0) first.Add(loss);
            });
        Assert.Equal(3, first.Count);
        Assert.Single(first.Distinct());
        Assert.NotEqual(1e30, tuned.Rate);
        Assert.Equal(tuned.ChosenBy, RepeatedBlocks.Task.Score(run, tuned.Model, 2, null, "choice").Loss);
    }

    private static LabRun Run()
        => new(Experiments.Named("induction-heads"), 1, LabOptions.Default, null, TestContext.Current.CancellationToken);
}
