using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Costs;

/// <summary>37: fused attention does not hold the pattern.</summary>
internal sealed class AttentionMemory : Experiment
{
    private const int Width = 64;

    private static readonly int[] Lengths = [512, 1024, 2048];

    private static readonly LabPlot Peaks = new("Largest memory of one head, forward and backward", "tokens", "log₁₀ bytes", LogX: true,
        LogY: true);

    public override int Number => 37;

    public override string Name => "attention-memory";

    public override string Claim => "Fused (flash) attention needs memory linear in the length instead of quadratic.";

    public override string Form
        => "One head of width 64, forward and backward, 512 to 2,048 tokens: step by step (products, softmax, products) and by the "
        + "fused kernel.";

    public override string Measure => "Largest number of bytes held by tensors, counted; log–log slopes.";

    public override string Refutation => "A slope of the fused kernel near 2.";

    public override string Source => "Dao et al. 2022, arXiv:2205.14135, §3";

    public override bool IsQuick => false;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Near("plain", "slope, step by step", 2, 0.2),
        Expectation.AtMost("fused", "slope, fused", 1.1),
        Expectation.AtLeast("ratio", "step by step over fused at 2,048 tokens", 5),
        Expectation.Within("copy", "bytes of one pattern at 8,192 tokens and 12 heads, 10⁹", 3.22, 1, Bearing.Informs),
    ];

    internal override void Run(LabRun run)
    {
        double[] plain = [.. Lengths.Select(n => Peak(run, n, fused: false))], fused = [.. Lengths.Select(n => Peak(run, n, fused: true))];
        for (int i = 0; i < Lengths.Length; i++)
        {
            run.Plot(Peaks, "step by step", Lengths[i], plain[i]);
            run.Plot(Peaks, "fused", Lengths[i], fused[i]);
        }

        double[] lengths = [.. Lengths.Select(n => (double)n)];
        run.Set("plain", LabMath.LogLogSlope(lengths, plain));
        run.Set("fused", LabMath.LogLogSlope(lengths, fused));
        run.Set("ratio", plain[^1] / fused[^1]);
        run.Set("copy", 8192.0 * 8192 * 12 * sizeof(float) / 1e9);
    }

    private static double Peak(LabRun run, int tokens, bool fused)
    {
        run.Report($"{tokens} tokens, {(fused ? "fused" : "step by step")}");
        using ComputeContext context = new(new ComputeOptions { Threads = 1 });
        using ContextScope entered = context.Enter();
        using TensorScope scope = TensorScope.Begin();
        Leaf[] leaves = [new(), new(), new()];
        Variable[] inputs = [.. leaves.Select((leaf, i) => leaf.Of(run.Normal($"x{i}", tokens, Width)))];
        using (Tape tape = Tape.BeginForInputs())
        {
            Variable z = fused
                ? AttentionOp.Apply(
                    new(inputs[0], 0, Width), new(inputs[1], 0, Width), new(inputs[2], 0, Width), null,
                    new AttentionOptions { Heads = 1, HeadWidth = Width, Scale = 0.125f }, [new AttentionSequence(0, tokens, 0, tokens)],
                        null)
                : (inputs[0].MatMul(inputs[1].Transpose()) * 0.125f).Softmax().MatMul(inputs[2]);
            tape.Backward(z, run.Normal("gradient", tokens, Width));
        }

        foreach (Leaf leaf in leaves) leaf.Clear();
        return context.Memory.PeakBytes;
    }
}
