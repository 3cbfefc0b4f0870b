using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Tests.Runs;

/// <summary>What holds over many steps of a real run: the same bits with any number of threads, and memory that stands still.</summary>
[Collection(nameof(SteadyTrainingTests))]
[CollectionDefinition(nameof(SteadyTrainingTests), DisableParallelization = true)]
public class SteadyTrainingTests
{
    [Fact]
    public void Logits_gradients_and_weights_of_twenty_steps_have_one_sum_with_1_2_3_and_5_threads()
    {
        HashSet<string> sums = [];
        foreach (int threads in (int[])[1, 2, 3, 5])
        {
            using ComputeContext context = new(new ComputeOptions { Threads = threads });
            using ContextScope entered = context.Enter();
            sums.Add(SumOfTwentySteps());
        }

        Assert.Single(sums);
    }

    [Fact]
    public void Two_hundred_steps_take_no_new_memory()
    {
        const int Warm = 60, Steps = 200;
        const long LargestManagedGrowthAStep = 96 << 10;   // measured: 65 KiB for two micro-batches (batches, nodes of the tape, a line of the log), whatever their size
        using TemporaryFolder folder = new();
        using ComputeContext context = new();
        using ContextScope entered = context.Enter();
        TensorPool pool = context.TensorPool;
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("run"), PretrainingRunTests.Config(folder) with { Steps = Warm + Steps, Dropout = 0.1, Accumulation = 2 });
        MemoryWatch watch = new(pool, Warm, Warm + Steps);
        run.Train([watch]);
        Assert.Equal(watch.BlocksBefore, watch.BlocksAfter);
        Assert.Equal(watch.LiveBefore, watch.LiveAfter);
        long perStep = watch.Allocated / Steps;
        TestContext.Current.TestOutputHelper?.WriteLine($"{perStep:N0} managed bytes a step");
        Assert.True(perStep < LargestManagedGrowthAStep, $"{perStep:N0} managed bytes are allocated a step; {LargestManagedGrowthAStep:N0} are allowed.");
        // Native memory: what the process holds beyond the managed heap may breathe, not grow with the steps.
        Assert.True(watch.ResidentAfter - watch.ResidentBefore < 24L << 20, $"the process grew by {(watch.ResidentAfter - watch.ResidentBefore) / 1024:N0} KiB in {Steps} steps");
    }

    // cases: u14. The first steps are slow, and another program runs for a moment: the pace is that of the others.
    [Theory]
    [InlineData(0.1, new[] { 9, 5, 1, 0.4, 0.1, 0.1, 0.1, 0.1 })]
    [InlineData(0.1, new[] { 0.1, 0.1, 0.1, 0.1, 0.1, 3, 0.1, 0.1 })]
    [InlineData(2, new[] { 7.0, 2 })]
    [InlineData(5, new[] { 5.0 })]
    public void The_pace_is_that_of_warm_steps(double expected, double[] steps) => Assert.Equal(expected, RunTiming.Pace(steps));

    [Fact]
    public void Measuring_changes_no_weight()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { Dropout = 0.1 };
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("run"), config);
        string before = Sum(run.Task.Model.Parameters);
        RunTiming timing = run.Measure(TimeSpan.FromMilliseconds(50));
        Assert.True(timing.StepSeconds > 0 && timing.EvaluationSeconds > 0);
        Assert.Equal(before, Sum(run.Task.Model.Parameters));
        Assert.All(run.Task.Model.Parameters, p => Assert.Null(p.Gradient));
    }

    private static string SumOfTwentySteps()
    {
        using TemporaryFolder folder = new();
        using TrainingRun<TextTask> run = PretrainingRun.Prepare(folder.File("run"), PretrainingRunTests.Config(folder) with { Width = 40, Heads = 4, BlockLength = 37, BatchSize = 3, Accumulation = 2, Steps = 20, Dropout = 0.1 });
        run.Train([]);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Parameter parameter in run.Task.Model.Parameters) hash.AppendData(MemoryMarshal.AsBytes(parameter.Value.Span));
        string checkpoint = new CheckpointStore(run.Folder, 1).Latest()!;
        hash.AppendData(File.ReadAllBytes(Path.Combine(checkpoint, "optimizer.safetensors")));   // the means of all gradients
        using TensorScope scope = TensorScope.Begin();
        hash.AppendData(MemoryMarshal.AsBytes(run.Task.Model.Run(new ModelInputs { InputIds = TokenGrid.Of([run.Task.Corpus.TrainingIds[..37]]) }).Logits!.Span));
        foreach (string line in File.ReadLines(Path.Combine(run.Folder, "log.jsonl"))) hash.AppendData(System.Text.Encoding.UTF8.GetBytes(line.Split(",\"seconds\"")[0]));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static string Sum(ParameterSet parameters)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Parameter parameter in parameters) hash.AppendData(MemoryMarshal.AsBytes(parameter.Value.Span));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>Looks at memory after two steps of a run.</summary>
    private sealed class MemoryWatch(TensorPool pool, long first, long last) : ITrainingObserver
    {
        private long _allocatedBefore;

        public long BlocksBefore { get; private set; }

        public long BlocksAfter { get; private set; }

        public long LiveBefore { get; private set; }

        public long LiveAfter { get; private set; }

        public long Allocated { get; private set; }

        public long ResidentBefore { get; private set; }

        public long ResidentAfter { get; private set; }

        public void Stepped(StepReport report)
        {
            if (report.Step == first) (BlocksBefore, LiveBefore, ResidentBefore, _allocatedBefore) = (pool.Allocations, pool.LiveBlocks, Environment.WorkingSet, GC.GetTotalAllocatedBytes(precise: true));
            if (report.Step == last) (Allocated, BlocksAfter, LiveAfter, ResidentAfter) = (GC.GetTotalAllocatedBytes(precise: true) - _allocatedBefore, pool.Allocations, pool.LiveBlocks, Environment.WorkingSet);
        }
    }
}
