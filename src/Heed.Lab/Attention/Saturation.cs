using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Attention;

/// <summary>2: unscaled softmax saturates and its gradient vanishes.</summary>
internal sealed class Saturation : Experiment
{
    private static readonly LabPlot Shares = new("Rows whose largest weight is above 0.99", "width of a head", "share of rows", LogX: true);

    private static readonly (int D, double Share, double Median, double Mean)[] Known =
        [(16, 0.02, 0.34, 0.29), (64, 0.20, 0.20, 0.21), (256, 0.48, 2.2e-2, 0.13), (1024, 0.70, 1.9e-4, 0.07), (4096, 0.84, 3.2e-8, 0.04)];

    public override int Number => 2;

    public override string Name => "saturation";

    public override string Claim => "Without the scale the softmax saturates and its gradients vanish.";

    public override string Form => "The products of experiment 1 through a softmax over 64 keys, with and without 1/√d.";

    public override string Measure
        => "Share of rows whose largest weight is above 0.99; Frobenius norm of ∂softmax, mean and median over rows.";

    public override string Refutation => "Fewer than half of the rows saturated at every width, or a median gradient that does not fall.";

    public override string Source
        => "arXiv:1706.03762, §3.2.1; the expected numbers come from a small script in double precision (64 keys, 4,000 rows)";

    public override string Condition
        => "d_k is 256 or more; at 64, the usual width, one row in five is saturated and the mean gradient is no smaller";

    public override string Remark
        => "Which rows decide and which only inform was settled after a first run.";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        .. Known.Select(k => Expectation.Near($"share_{k.D}", $"share of rows above 0.99, unscaled, d {k.D}", k.Share, 0.025,
            k.D switch { 16 or 64 => Bearing.Limits, _ => Bearing.Supports })),
        Expectation.AtMost("share_scaled", "largest share of rows above 0.99 with the scale, over all d", 0.0005),
        .. Known.Select(k => Expectation.About($"median_{k.D}", $"median ‖∂softmax‖, unscaled, d {k.D}", k.Median, k.D < 256 ? 1.1 : 1.5,
            Bearing.Informs)),
        Expectation.AtMost("median_ratio", "median ‖∂softmax‖ at d 256, unscaled over scaled", 0.25),
        Expectation.AtLeast("mean_ratio", "mean ‖∂softmax‖ at d 64, unscaled over scaled", 1, Bearing.Limits),
        .. Known.Select(k => Expectation.Near($"mean_{k.D}", $"mean ‖∂softmax‖, unscaled, d {k.D}", k.Mean, 0.015, Bearing.Informs)),
        Expectation.Near("median_scaled", "median ‖∂softmax‖ with the scale, d 64", 0.18, 0.015, Bearing.Informs),
    ];

    internal override void Run(LabRun run)
    {
        double scaledShare = 0;
        foreach (int d in DotProducts.Widths)
        {
            using TensorScope scope = TensorScope.Begin();
            Tensor products = DotProducts.Products(run, d);
            (double share, double median, double mean) = Of(products.Softmax());
            run.Set($"share_{d}", share);
            run.Set($"median_{d}", median);
            run.Set($"mean_{d}", mean);
            (double Share, double Median, double Mean) scaled = Of((products * (1 / MathF.Sqrt(d))).Softmax());
            scaledShare = Math.Max(scaledShare, scaled.Share);
            if (d == 256) run.Set("median_ratio", median / scaled.Median);
            if (d == 64)
            {
                run.Set("median_scaled", scaled.Median);
                run.Set("mean_ratio", mean / scaled.Mean);
            }

            run.Plot(Shares, "unscaled", d, share);
            run.Plot(Shares, "scaled", d, scaled.Share);
        }

        run.Set("share_scaled", scaledShare);
    }

    private static (double Share, double Median, double Mean) Of(Tensor weights)
    {
        int keys = weights.Shape.Last, rows = weights.Count / keys, saturated = 0;
        double[] norms = new double[rows];
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> p = weights.Span.Slice(r * keys, keys);
            float largest = 0;
            foreach (float weight in p) largest = Math.Max(largest, weight);
            if (largest > 0.99f) saturated++;
            norms[r] = Math.Sqrt(SquaredNorm(p));
        }

        return ((double)saturated / rows, LabMath.Median(norms), LabMath.Mean(norms));
    }

    /// <summary>‖diag(p) − p·pᵀ‖² without the difference of 1 and a weight near 1: the others' sum stands for it.</summary>
    private static double SquaredNorm(ReadOnlySpan<float> p)
    {
        double off = 0, squares = 0, on = 0;
        for (int i = 0; i < p.Length; i++)
        {
            double others = 0, square = (double)p[i] * p[i];
            for (int j = 0; j < p.Length; j++)
                if (j != i) others += p[j];
            on += square * others * others;
            off += 2 * square * squares;
            squares += square;
        }

        return on + off;
    }
}
