using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Attention;

/// <summary>24: masking by setting weights to zero after the softmax.</summary>
internal sealed class MaskAfterSoftmax : Experiment
{
    private const int Tokens = 64, Width = 32;

    private static readonly LabPlot Sums = new("Sum of a row's weights", "row", "sum of weights");

    public override int Number => 24;

    public override string Name => "mask-after-softmax";

    public override string Claim => "The causal mask sets α_ij = 0 for j > i (as many formulas write it, after the softmax).";

    public override string Form => "Uniform scores of 64 tokens; once weights after the softmax are set to 0, once scores before it to −∞ "
        + "(what the attention layer does).";

    public override string Measure => "Sum of each row's weights.";

    public override string Refutation => "A row whose weights do not sum to 1.";

    public override string Source => "own";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Near("after_first", "first row, zeros after the softmax", 1.0 / Tokens, 1e-6, Bearing.Refutes),
        Expectation.Near("after_mean", "mean of all rows, zeros after the softmax", (Tokens + 1) / (2.0 * Tokens), 1e-5, Bearing.Informs),
        Expectation.AtMost("before", "largest departure from 1, −∞ before the softmax", 1e-6, Bearing.Informs),
    ];

    internal override void Run(LabRun run)
    {
        Tensor weights = Tensor.Zeros(Tokens, Tokens).Softmax();
        double[] after = new double[Tokens];
        for (int i = 0; i < Tokens; i++)
            for (int j = 0; j <= i; j++) after[i] += weights[i, j];
        AttentionConfig config = new() { Width = Width, Heads = 1, Causal = true };
        using ParameterSet parameters = run.Parameters();
        MultiHeadAttention attention = new(config, (parameters.Root / "attn").As("attn"));
        double worst = 0;
        Hooks hooks = new Hooks().Observe("attn.pattern", (_, x) =>
        {
            for (int i = 0; i < Tokens; i++)
            {
                double sum = 0;
                for (int j = 0; j < Tokens; j++) sum += x.Value[0, 0, i, j];
                worst = Math.Max(worst, Math.Abs(sum - 1));
                run.Plot(Sums, "−∞ before", i, sum);
            }
        });
        _ = attention.Forward(run.Normal("x", Tokens, Width), new ForwardContext([0, Tokens], [.. Enumerable.Range(0,
            Tokens)])
        { Hooks = hooks });
        for (int i = 0; i < Tokens; i++) run.Plot(Sums, "0 after", i, after[i]);
        run.Set("after_first", after[0]);
        run.Set("after_mean", LabMath.Mean(after));
        run.Set("before", worst);
    }
}
