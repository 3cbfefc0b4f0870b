using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Attention;

/// <summary>13: a token attends to any other regardless of distance.</summary>
internal sealed class DirectAttention : Experiment
{
    private const int Width = 16;

    private static readonly int[] Lengths = [16, 149, 512, 1024, 2048, 4096];

    private static readonly LabPlot Dilution = new("Weight of the one matching key", "number of keys", "weight", LogX: true);

    public override int Number => 13;

    public override string Name => "direct-attention";

    public override string Claim => "A token attends directly to any other token, regardless of distance.";

    public override string Form
        => "One matching key whose score is g above the others' among N, in the attention kernel; the key stands first, "
        + "in the middle, last.";

    public override string Measure => "The weight of the matching key, beside eᵍ/(eᵍ + N − 1).";

    public override string Refutation => "A weight that changes with the key's place.";

    public override string Source => "closed form";

    public override string Condition => "the matching key's score stands out by about ln N: softmax dilutes a fixed gap as the text grows";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("place", "largest relative difference between places, N 4,096, g 5", 1e-6),
        Expectation.Near("weight_149", "weight at N 149, g 5", 0.5, 0.002),
        Expectation.Near("weight_4096", "weight at N 4,096, g 5", 0.035, 0.0005, Bearing.Limits),
        Expectation.Near("weight_gap", "weight at N 4,096 with g = ln 4,095", 0.5, 0.0005),
        Expectation.AtMost("formula", "largest relative difference from the formula", 1e-5),
    ];

    internal override void Run(LabRun run)
    {
        double formula = 0;
        foreach (int n in Lengths)
        {
            foreach (double gap in (double[])[2, 5, 8])
            {
                double weight = Weight(n, n / 2, gap), expected = Math.Exp(gap) / (Math.Exp(gap) + n - 1);
                formula = Math.Max(formula, Math.Abs(weight - expected) / expected);
                run.Plot(Dilution, $"gap {gap:0}", n, weight);
            }
        }

        double middle = Weight(4096, 2048, 5);
        run.Set("weight_149", Weight(149, 74, 5));
        run.Set("weight_4096", middle);
        run.Set("weight_gap", Weight(4096, 2048, Math.Log(4095)));
        run.Set("place", Math.Max(Math.Abs(Weight(4096, 0, 5) - middle), Math.Abs(Weight(4096, 4095, 5) - middle)) / middle);
        run.Set("formula", LabMath.PowerOfTenAbove(formula));
    }

    private static double Weight(int keys, int place, double gap)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor q = Tensor.Zeros(1, Width), k = Tensor.Zeros(keys, Width), v = Tensor.Zeros(keys, Width);
        q.Span[0] = 1;
        k.Span[place * Width] = (float)gap;
        v.Span[place * Width] = 1;
        AttentionOptions options = new() { Heads = 1, HeadWidth = Width, Scale = 1 };
        AttentionSequence[] all = [new AttentionSequence(0, 1, 0, keys)];
        return AttentionOp.Apply(new(q, 0, Width), new(k, 0, Width), new(v, 0, Width), null, options, all, null).Value.Span[0];
    }
}
