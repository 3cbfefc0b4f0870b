using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

/// <summary>Properties of whole models: bits, memory, accumulation, recomputation.</summary>
[Collection(nameof(TapeTests))]
[CollectionDefinition(nameof(TapeTests), DisableParallelization = true)]
public class TapeTests
{
    private static readonly TransformerConfig Config = new() { Width = 32, Heads = 4, InnerWidth = 48, EncoderLayers = 3, Activation = Activation.Gelu, NormFirst = true, Dropout = 0.1f };

    private static readonly int[] Ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];
    private static readonly int[] Targets = [1, 4, 1, 5, -100, 2, 6, 5, 3, 5, 8, -100];

    [Fact]
    public void Loss_and_gradients_have_the_same_bits_with_any_number_of_threads()
    {
        int before = WorkerPool.Threads;
        try
        {
            float[]? expected = null;
            foreach (int threads in new[] { 1, 2, 3, 5 })
            {
                WorkerPool.Threads = threads;
                float[] actual = Step(checkpoint: false);
                expected ??= actual;
                Assert.Equal(expected, actual);
            }
        }
        finally
        {
            WorkerPool.Threads = before;
        }
    }

    [Fact]
    public void Recomputed_layers_give_the_same_bits() => Assert.Equal(Step(checkpoint: false), Step(checkpoint: true));

    [Fact]
    public void Recomputation_holds_less()
    {
        Assert.True(HeldAfterForward(checkpoint: true) < HeldAfterForward(checkpoint: false) / 2);
    }

    [Fact]
    public void The_backward_pass_lets_go_of_activations_as_it_goes_by()
    {
        using Leaks leaks = new();
        Leaf leaf = new();
        using Tape tape = Tape.Begin();
        Variable x = leaf.Of(Tensor.Full(new Shape(64, 64), 0.5f));
        List<long> held = [];
        for (int i = 0; i < 8; i++)
        {
            using TensorScope layer = TensorScope.Begin();
            Variable y = Probe.Apply(x.Activate(Activation.Gelu), () => held.Add(leaks.Pool.LiveBytes));
            layer.Keep(y.Value);
            if (i > 0) x.Value.Dispose();
            x = y;
        }

        tape.Backward(x);
        Assert.Equal(8, held.Count);
        for (int i = 1; i < held.Count; i++) Assert.True(held[i] < held[i - 1], $"Layer {i} of the backward pass held {held[i]} bytes, the one before it {held[i - 1]}.");
        leaf.Clear();
    }

    [Fact]
    public void Steady_training_takes_no_new_blocks()
    {
        TensorPool pool = new();
        using IDisposable use = pool.Use();
        Train(pool, 3);
        long before = pool.Allocations;
        Train(pool, 3);
        Assert.Equal(before, pool.Allocations);
        Assert.Equal(0, pool.LiveBlocks);
    }

    [Fact]
    public void A_parameter_that_the_loss_does_not_depend_on_has_no_gradient()
    {
        using Leaks leaks = new();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        Linear used = new(3, 2, parameters.Root / "used"), unused = new(3, 2, parameters.Root / "unused");
        used.Bias!.NeedsGradient = false;
        using (Tape tape = Tape.Begin()) tape.Backward(used.Forward(Tensor.Full(new Shape(1, 3), 1)).Sum());
        Assert.Equal(["used.bias", "unused.weight", "unused.bias"], parameters.Where(p => p.Gradient is null).Select(p => p.Name));
    }

    [Fact]
    public void Micro_batches_add_up_to_the_batch()
    {
        using Leaks leaks = new();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        Linear head = new(4, 7, parameters.Root);
        Tensor x = Tensor.Uninitialized(12, 4);
        new CounterRandom(2, 3).Normal(x.Span, 0, 1);
        int[] targets = [.. Targets.Select(t => t < 0 ? t : t % 7)];
        CrossEntropySettings settings = new() { Divisor = targets.Count(t => t >= 0) };
        float[] Gradient(params int[] cuts)
        {
            parameters.ClearGradients();
            for (int i = 0; i < cuts.Length - 1; i++)
            {
                using TensorScope scope = TensorScope.Begin();
                using Tape tape = Tape.Begin();
                tape.Backward(Loss.VocabularyCrossEntropy(x.Rows(cuts[i], cuts[i + 1] - cuts[i]), head.Weight.AsWeight(), head.Bias!.ToVariable(), targets[cuts[i]..cuts[i + 1]], settings));
            }

            return head.Weight.Gradient!.ToArray();
        }

        Close.Relative("three micro-batches", Gradient(0, 5, 7, 12), Gradient(0, 12), 1e-6);
    }

    /// <summary>Loss and all gradients of one step of a small encoder.</summary>
    private static float[] Step(bool checkpoint)
    {
        using Leaks leaks = new();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        (Embedding tokens, TransformerEncoder encoder) = Build(parameters);
        float loss = Backward(tokens, encoder, checkpoint, null);
        return [loss, .. parameters.SelectMany(p => p.Gradient!.ToArray())];
    }

    private static long HeldAfterForward(bool checkpoint)
    {
        using Leaks leaks = new();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        (Embedding tokens, TransformerEncoder encoder) = Build(parameters);
        long before = leaks.Pool.LiveBytes, held = 0;
        Backward(tokens, encoder, checkpoint, () => held = leaks.Pool.LiveBytes - before);
        return held;
    }

    private static void Train(TensorPool pool, int steps)
    {
        using ParameterSet parameters = new(ParameterSource.Random(1));
        (Embedding tokens, TransformerEncoder encoder) = Build(parameters);
        for (int i = 0; i < steps; i++)
        {
            using TensorScope scope = TensorScope.Begin();
            Backward(tokens, encoder, checkpoint: false, null);
            parameters.ClearGradients();
        }

        Assert.True(pool.LiveBlocks > 0);
    }

    private static (Embedding Tokens, TransformerEncoder Encoder) Build(ParameterSet parameters) =>
        (new Embedding(10, Config.Width, parameters.Root / "tokens"), new TransformerEncoder(Config, parameters.Root / "encoder"));

    private static float Backward(Embedding tokens, TransformerEncoder encoder, bool checkpoint, Action? behindForward)
    {
        ForwardContext rows = ForwardContext.Of(5, 7);
        ForwardContext context = new(rows.Starts.ToArray(), rows.Positions) { Checkpoint = checkpoint, Dropout = new DropoutPlan(7, 3) };
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        Variable hidden = encoder.Forward(tokens.Forward(Ids), context);
        behindForward?.Invoke();
        Variable loss = Loss.VocabularyCrossEntropy(hidden, tokens.Weight.AsWeight(), null, Targets);
        tape.Backward(loss);
        return loss.Value.ToScalar();
    }

    /// <summary>y = x, and a call when its gradient passes: what an op outside the engine looks like.</summary>
    private sealed class Probe : Op
    {
        private readonly Variable _x;
        private readonly Action _passes;

        private Probe(Variable x, Action passes) => (_x, _passes) = (x, passes);

        public static Variable Apply(Variable x, Action passes) => Tape.Record(new Probe(x, passes), x.Value.Clone());

        protected override void Backward(Tensor dy)
        {
            _passes();
            HandOver(_x, dy);
        }
    }
}
