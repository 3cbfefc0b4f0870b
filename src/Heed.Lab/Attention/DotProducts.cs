using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Attention;

/// <summary>1: dot products grow with the width of a head.</summary>
internal sealed class DotProducts : Experiment
{
    private static readonly LabPlot Growth = new("Standard deviation of q·k", "width of a head", "standard deviation", LogX: true);

    internal static readonly int[] Widths = [16, 64, 256, 1024, 4096];

    public override int Number => 1;

    public override string Name => "dot-products";

    public override string Claim => "Dot products of queries and keys grow with d_k; that is why they are divided by √d_k.";

    public override string Form => "q and k from N(0, 1) with d = 16 … 4,096; 4,000 queries, each with 64 keys.";

    public override string Measure => "Standard deviation of q·k over all pairs, and of q·k/√d.";

    public override string Refutation => "A standard deviation that is not √d within 2 %.";

    public override string Source => "Vaswani et al. 2017, arXiv:1706.03762, §3.2.1, note 4";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        .. Widths.Select(d => Expectation.Within($"deviation_{d}", $"standard deviation of q·k at d {d}", Math.Sqrt(d), 2)),
        Expectation.Within("scaled", "standard deviation of q·k/√d, largest departure from 1 over all d", 1, 2),
    ];

    internal override void Run(LabRun run)
    {
        double scaled = 1;
        foreach (int d in Widths)
        {
            using TensorScope scope = TensorScope.Begin();
            double deviation = LabMath.StandardDeviation(Products(run, d).Span), one = deviation / Math.Sqrt(d);
            run.Set($"deviation_{d}", deviation);
            run.Plot(Growth, "q·k", d, deviation);
            run.Plot(Growth, "q·k/√d", d, one);
            if (Math.Abs(one - 1) > Math.Abs(scaled - 1)) scaled = one;
        }

        run.Set("scaled", scaled);
    }

    /// <summary>[32, 125, 64]: 4,000 rows of products with 64 keys; 125 queries share their keys.</summary>
    internal static Tensor Products(LabRun run, int d)
        => run.Normal($"q{d}", 32, 125, d).MatMul(run.Normal($"k{d}", 32, 64, d).Transpose());
}
