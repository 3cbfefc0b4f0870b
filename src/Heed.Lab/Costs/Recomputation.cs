using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Costs;

/// <summary>38: activation checkpointing.</summary>
internal sealed class Recomputation : Experiment
{
    private const int Layers = 12, Tokens = 512, Vocabulary = 64;

    public override int Number => 38;

    public override string Name => "checkpointing";

    public override string Claim => "Activation checkpointing trades memory for one more forward pass.";

    public override string Form
        => "A decoder of 12 layers of width 64 reads 512 tokens, forward and backward, with each layer recomputed and without.";

    public override string Measure
        => "Largest number of bytes held beside weights and gradients; layers computed forward and backward (backward counts "
        + "twice); gradients.";

    public override string Refutation => "A saving below 60 %, or another gradient.";

    public override string Source => "Chen et al. 2016, arXiv:1604.06174, §4";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Between("saved", "memory saved, %", 60, 90),
        Expectation.Within("operations", "passes through layers, relative", 4.0 / 3, 1),
        Expectation.Exactly("gradients", "values of gradients that differ in a bit", 0),
    ];

    internal override void Run(LabRun run)
    {
        (double held, double passes, float[] gradient) = Step(run, recompute: false);
        (double less, double more, float[] again) = Step(run, recompute: true);
        run.Set("saved", 100 * (1 - (less / held)));
        run.Set("operations", more / passes);
        run.Set("gradients", LabMath.Differing(gradient, again));
    }

    private static (double Bytes, double Passes, float[] Gradient) Step(LabRun run, bool recompute)
    {
        run.Report(recompute ? "recomputes layers" : "holds activations");
        using ComputeContext context = new(new ComputeOptions { Threads = 1 });
        using ContextScope entered = context.Enter();
        using ParameterSet parameters = run.Parameters();
        CausalLanguageModel model = LabModels.Decoder(new CustomConfig
        {
            Vocabulary = Vocabulary,
            Width = 64,
            Layers = Layers,
            Heads = 4,
        }, parameters);
        int[] ids = LabModels.Ids(run.Random("ids"), Tokens, Vocabulary), targets = LabModels.Ids(run.Random("targets"), Tokens,
            Vocabulary);
        long weights = context.Memory.UsedBytes;
        int forward = 0;
        using (TensorScope scope = TensorScope.Begin())
        using (Tape tape = Tape.Begin())
        {
            TokenBatch batch = TokenBatch.Of(ids);
            tape.Backward(model.LossSum(model.Hidden(batch, batch.Context(new RunOptions { Checkpoint = recompute })), targets));
        }

        double peak = context.Memory.PeakBytes - (2.0 * weights);
        float[] gradient = [.. parameters.SelectMany(p => p.Gradient!.ToArray())];
        Hooks count = new Hooks().ObserveWhere(n => n.EndsWith(".resid_pre", StringComparison.Ordinal), (_, _) => forward++);
        using (TensorScope scope = TensorScope.Begin())
        using (Tape tape = Tape.Begin())
        {
            TokenBatch batch = TokenBatch.Of(ids);
            tape.Backward(model.LossSum(
                model.Hidden(batch, batch.Context(new RunOptions { Checkpoint = recompute, Hooks = count })), targets));
        }

        return (peak, forward + (2.0 * Layers), gradient);
    }
}
