using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Depth;

/// <summary>22: LayerNorm makes a layer independent of the size of its weights.</summary>
internal sealed class NormScale : Experiment
{
    private const int Rows = 64, Width = 256;

    public override int Number => 22;

    public override string Name => "norm-scale";

    public override string Claim => "LayerNorm stabilises: what follows does not depend on the size (or the mean) of what comes in.";

    public override string Form
        => "A linear layer and a norm on 64 random rows of width 256; then the layer's weights times 1,000; then a constant "
        + "added to every value.";

    public override string Measure => "Relative change of the output, LayerNorm and RMSNorm.";

    public override string Refutation => "A change by scale above 10⁻⁵, or of LayerNorm by the constant.";

    public override string Source => "Ba et al. 2016, arXiv:1607.06450, table 1; Zhang and Sennrich 2019, arXiv:1910.07467";

    public override string Condition => "the mean counts as well only for LayerNorm: RMSNorm keeps a shift";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("scale_layer", "LayerNorm, weights × 1,000", 1e-5),
        Expectation.AtMost("scale_rms", "RMSNorm, weights × 1,000", 1e-5),
        Expectation.AtMost("shift_layer", "LayerNorm, constant 1 added", 1e-5),
        Expectation.AtLeast("shift_rms", "RMSNorm, constant 1 added", 0.1, Bearing.Limits),
    ];

    internal override void Run(LabRun run)
    {
        using ParameterSet parameters = run.Parameters();
        Linear layer = new(Width, Width, parameters.Root / "layer", bias: false, initializer: Initializer.Normal(1 / MathF.Sqrt(Width)));
        Norm[] norms = [new LayerNorm(Width, 1e-5f, parameters.Root / "norm"), new RmsNorm(Width, 1e-5f, parameters.Root / "rms")];
        Tensor x = run.Normal("x", Rows, Width), y = layer.Forward(x).Value;
        Span<float> weights = layer.Weight.Value.Span;
        for (int i = 0; i < weights.Length; i++) weights[i] *= 1000;
        Tensor scaled = layer.Forward(x).Value;
        for (int i = 0; i < norms.Length; i++)
        {
            string name = i == 0 ? "layer" : "rms";
            ReadOnlySpan<float> before = norms[i].Forward(y).Value.Span;
            run.Set($"scale_{name}", LabMath.RelativeDifference(before, norms[i].Forward(scaled).Value.Span));
            run.Set($"shift_{name}", LabMath.RelativeDifference(before, norms[i].Forward(y + 1f).Value.Span));
        }
    }
}
