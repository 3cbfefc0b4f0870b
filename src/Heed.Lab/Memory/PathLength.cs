using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Memory;

/// <summary>12: the path between two tokens.</summary>
internal sealed class PathLength : Experiment
{
    private const int Width = 64;

    private static readonly int[] Recurrent = [2, 4, 8, 16, 32, 64], Attending = [2, 4, 8, 16, 32, 64, 128, 256, 512];

    private static readonly LabPlot Gradients = new("‖∂ last output / ∂ first input‖ at initialisation", "tokens", "log₁₀", LogX: true,
        LogY: true);

    public override int Number => 12;

    public override string Name => "path-length";

    public override string Claim
        => "In attention the path between any two tokens has length 1, in a recurrent network N: no information degrades.";

    public override string Form
        => "One LSTM layer and one causal attention layer of width 64 at initialisation; the last output differentiated by the "
        + "first input.";

    public override string Measure
        => "Norm of vᵀ·∂output_N/∂input_1 for 16 random texts and v: slope of its logarithm per token (LSTM), log–log slope over N "
        + "(attention).";

    public override string Refutation => "An LSTM gradient that does not fall exponentially; an attention gradient that does.";

    public override string Source => "arXiv:1706.03762, table 1";

    public override string Condition => "only the path is meant, not “no”: at initialisation attention passes 1/N of the signal";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("lstm", "LSTM: slope of ln ‖gradient‖ per token, N 8 … 64", -0.2),
        Expectation.Near("attention", "attention: log–log slope, N 8 … 512", -1, 0.1, Bearing.Limits),
        Expectation.AtLeast("advantage", "attention over LSTM at N 64", 1000),
    ];

    internal override void Run(LabRun run)
    {
        double[] lstm = [.. Recurrent.Select(n => OfLstm(run, n))], attention = [.. Attending.Select(n => OfAttention(run, n))];
        for (int i = 0; i < lstm.Length; i++) run.Plot(Gradients, "LSTM", Recurrent[i], lstm[i]);
        for (int i = 0; i < attention.Length; i++) run.Plot(Gradients, "attention", Attending[i], attention[i]);
        run.Set("lstm", LabMath.Slope([.. Recurrent[2..].Select(n => (double)n)], [.. lstm[2..].Select(v => Math.Log(v))]));
        run.Set("attention", LabMath.LogLogSlope([.. Attending[2..].Select(n => (double)n)], [.. attention.Skip(2)]));
        run.Set("advantage", attention[5] / lstm[5]);
    }

    private static double OfLstm(LabRun run, int tokens)
    {
        using ParameterSet parameters = run.Parameters();
        Lstm lstm = new(Width, Width, parameters.Root / "lstm");
        return Gradient(run, tokens, x => lstm.Forward(x, [0, x.Shape[0]]).Output);
    }

    private static double OfAttention(LabRun run, int tokens)
    {
        using ParameterSet parameters = run.Parameters();
        AttentionConfig config = new() { Width = Width, Heads = 4, Causal = true, Initializer = Initializer.Normal(1 / MathF.Sqrt(Width)) };
        MultiHeadAttention attention = new(config, parameters.Root / "attn");
        ForwardContext context = ForwardContext.Of(tokens);
        return Gradient(run, tokens, x => attention.Forward(x, context));
    }

    private static double Gradient(LabRun run, int tokens, Func<Variable, Variable> layer)
    {
        double squares = 0;
        for (int i = 0; i < 16; i++)
        {
            using TensorScope scope = TensorScope.Begin();
            using Tape tape = Tape.BeginForInputs();
            Leaf input = new();
            Tensor all = run.Normal($"x{i}", 512, Width), upstream = Tensor.Zeros(tokens, Width);
            run.Random($"v{i}").Normal(upstream.Rows(tokens - 1, 1).Span, 0, 1);
            tape.Backward(layer(input.Of(all.Rows(0, tokens).Clone())), upstream);
            double norm = LabMath.Norm(input.Gradient!.Rows(0, 1).Span);
            squares += norm * norm;
            input.Clear();
        }

        return Math.Sqrt(squares / 16);
    }
}
