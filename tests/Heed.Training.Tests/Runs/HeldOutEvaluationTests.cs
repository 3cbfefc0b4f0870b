using Heed.Models;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models.Gpt2;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Tests.Runs;

public class HeldOutEvaluationTests
{
    [Fact]
    public void Every_id_but_the_first_is_a_target_where_all_blocks_are_read()
    {
        using CausalLanguageModel model = CausalLanguageModel.Create(new Gpt2Config { Layers = 1, Heads = 2, Width = 16, Vocabulary = 50, ContextLength = 32, InitialDeviation = 0.2f }, new ParameterSet(ParameterSource.Random(1)));
        int[] ids = [.. Enumerable.Range(0, 23).Select(i => i * i % 50)];
        EvaluationReport Run(int most, int batch = 2) => new HeldOutEvaluation(model, ids, bytes: 100, length: 5, batch).Run(most);
        EvaluationReport all = Run(0);
        Assert.Equal(22, all.Targets);
        Assert.Equal(all.Loss / Math.Log(2) * 23 / 100, all["bits_per_byte"]!.Value, 1e-12);
        // The last block is the mean's only difference from the four whole ones.
        EvaluationReport whole = Run(4), last = new HeldOutEvaluation(model, ids[20..], 100, 5, 1).Run();
        Assert.Equal((20, 2), (whole.Targets, last.Targets));
        Assert.Equal(((whole.Loss * 20) + (last.Loss * 2)) / 22, all.Loss, 1e-6);
        Assert.Equal((10, 22), (Run(2).Targets, Run(5).Targets));
        Assert.Equal(all, Run(0));
        Assert.Equal(all.Loss, Run(0, batch: 100).Loss, 1e-6);
        Assert.Throws<ArgumentOutOfRangeException>(() => Run(0, batch: 0));
    }

    [Theory]
    [InlineData("f32")]
    [InlineData("bf16")]
    [InlineData("q8_0")]
    public void A_tied_table_of_150_000_rows_is_never_copied(string format)
    {
        const int Vocabulary = 150_000, Width = 64;
        Gpt2Config config = new() { Layers = 1, Heads = 2, Width = Width, Vocabulary = Vocabulary, ContextLength = 32, TiedOutput = true };
        // The model computes in the context in which it is made.
        using ComputeContext context = new();
        using ContextScope entered = context.Enter();
        using CausalLanguageModel model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
        foreach (Parameter p in model.Parameters) p.Pack(WeightFormat.Find(format));
        Parameter table = model.Parameters["transformer.wte.weight"];
        Assert.True(table.IsPacked);
        Assert.Equal(WeightFormat.Find(format), table.Format);
        int[] ids = [.. Enumerable.Range(0, 17).Select(i => i * 7919 % Vocabulary)];
        context.Trim();
        context.Memory.ResetPeak();
        long held = context.Memory.UsedBytes, live = context.TensorPool.LiveBytes;
        EvaluationReport report = new HeldOutEvaluation(model, ids, bytes: 100, length: 8, batch: 1).Run(0);
        long taken = context.Memory.PeakBytes - held;
        Assert.Equal(16, report.Targets);
        Assert.InRange(report.Loss, 0, 30);
        // Eight rows of logits, and little else: far below the table, as float32 or as it is held.
        long logits = 8L * Vocabulary * sizeof(float);
        Assert.InRange(taken, logits, 3 * logits);
        Assert.True(taken < Vocabulary * (long)Width * sizeof(float) / 2, $"{taken:N0} bytes were held at once.");
        Assert.Equal(live, context.TensorPool.LiveBytes);
    }
}
