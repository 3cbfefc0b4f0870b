using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Depth;

/// <summary>19: residual connections carry the gradient.</summary>
internal sealed class ResidualGradient : Experiment
{
    private const int Tokens = 24, Width = 64, Layers = 24;

    private static readonly LabPlot Norms = new("Gradient norm at a layer's input, that of layer 24 as 1", "layer", "norm", LogY: true);

    public override int Number => 19;

    public override string Name => "residual-gradient";

    public override string Claim => "Residual connections carry the gradient to the first layers.";

    public override string Form
        => "24 layers of attention and feed-forward at initialisation (N(0, 0.02), width 64): with residuals and norms before each "
        + "part; without residuals; without residuals and norms.";

    public override string Measure => "Norm of the gradient at the input of layer 1 over that at the input of layer 24.";

    public override string Refutation => "A gradient without residuals and norms that arrives.";

    public override string Source => "He et al. 2016, arXiv:1512.03385; own";

    public override string Condition
        => "there are no norms: LayerNorm alone keeps the size of the gradient as well (not its content: experiment 18)";

    public override string Remark
        => "The expectation “below 10⁻⁶ without residuals” was written without a word about norms. With norms it does not come out, "
        + "so both are measured.";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Between("with", "layer 1 over layer 24, residuals and norms", 0.3, 10),
        Expectation.AtMost("without", "layer 1 over layer 24, neither residuals nor norms", 1e-6),
        Expectation.AtLeast("norms", "layer 1 over layer 24, norms without residuals", 0.01, Bearing.Limits),
    ];

    internal override void Run(LabRun run)
    {
        run.Set("with", Ratio(run, "residuals and norms", residual: true, norm: true));
        run.Set("without", LabMath.PowerOfTenAbove(Math.Max(1e-30, Ratio(run, "neither", residual: false, norm: false))));
        run.Set("norms", Ratio(run, "norms alone", residual: false, norm: true));
    }

    private static double Ratio(LabRun run, string name, bool residual, bool norm)
    {
        using ParameterSet parameters = run.Parameters();
        Part[] parts = [.. Enumerable.Range(0, Layers).Select(i => new Part(parameters.Root / "layers" / i))];
        double last = At(run, parts, Layers - 1, residual, norm), first = 0;
        for (int layer = 0; layer < Layers; layer += 1)
        {
            double ratio = At(run, parts, layer, residual, norm) / last;
            if (layer == 0) first = ratio;
            run.Plot(Norms, name, layer + 1, Math.Max(ratio, 1e-30));
        }

        return first;
    }

    /// <summary>The gradient's norm at the input of a layer, counted from 0.</summary>
    private static double At(LabRun run, Part[] parts, int layer, bool residual, bool norm)
    {
        using TensorScope scope = TensorScope.Begin();
        ForwardContext context = ForwardContext.Of(Tokens);
        Variable x = run.Normal("x", Tokens, Width);
        for (int i = 0; i < layer; i++) x = parts[i].Forward(x, context, residual, norm);
        Leaf input = new();
        using Tape tape = Tape.BeginForInputs();
        x = input.Of(x.Value);
        for (int i = layer; i < Layers; i++) x = parts[i].Forward(x, context, residual, norm);
        tape.Backward(x, run.Normal("gradient", Tokens, Width));
        double size = LabMath.Norm(input.Gradient!.Span);
        input.Clear();
        return size;
    }

    private sealed class Part(ParameterScope at)
    {
        private readonly MultiHeadAttention _attention = new(new AttentionConfig { Width = Width, Heads = 4 }, at / "attn");
        private readonly FeedForward _feedForward = new(
            new FeedForwardConfig
            {
                Width = Width,
                InnerWidth = 4 * Width,
                Activation = Activation.Gelu,
                UpName = "up",
                DownName = "down"
            }, at / "mlp");

        private readonly LayerNorm _first = new(Width, 1e-5f, at / "norm1"), _second = new(Width, 1e-5f, at / "norm2");

        public Variable Forward(Variable x, ForwardContext context, bool residual, bool norm)
        {
            Variable y = _attention.Forward(norm ? _first.Forward(x) : x, context);
            x = residual ? x + y : y;
            y = _feedForward.Forward(norm ? _second.Forward(x) : x, context);
            return residual ? x + y : y;
        }
    }
}
