using System.Diagnostics;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Custom;
using Heed.Models.Recurrent;

namespace Heed.Lab.Costs;

/// <summary>10: recurrence costs O(N·d²) and N steps in sequence.</summary>
internal sealed class RecurrenceCost : Experiment
{
    private static readonly int[] Widths = [64, 128, 256, 512];

    private static readonly LabPlot Growth = new("Operations per token of one LSTM layer", "width", "log₁₀ operations", LogX: true,
        LogY: true);

    public override int Number => 10;

    public override string Name => "recurrence-cost";

    public override string Claim
        => "Recurrence costs O(N·d²) operations in N sequential steps; attention needs a constant number of steps.";

    public override string Form
        => "One LSTM layer and one Transformer layer; operations from the shapes, steps by calling the layer with no more "
        + "than inputs and the state of the call before, until its rows are those of the whole text.";

    public override string Measure
        => "Slope of an LSTM's operations in width and length; sequential products from the first input to the last output.";

    public override string Refutation => "A slope in width that is not 2, or fewer sequential products than tokens.";

    public override string Source => "arXiv:1706.03762, table 1; the ratio of times: roofline model";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Near("width", "slope of operations in width, LSTM", 2, 0.02),
        Expectation.Near("length", "slope of operations in length, LSTM", 1, 0.001),
        Expectation.Exactly("steps_512", "sequential steps over 512 tokens, LSTM layer", 512),
        Expectation.Exactly("steps_attention", "sequential steps over 512 tokens, attention layer", 1),
        Expectation.Time("ratio", "time per token, LSTM over Transformer of equal parameters, 512 tokens, batch 1",
            "3 to 8 with weights in the cache, up to 20 without"),
    ];

    internal override void Run(LabRun run)
    {
        double[] operations = new double[Widths.Length];
        for (int i = 0; i < Widths.Length; i++)
        {
            operations[i] = OfLstm(Widths[i], 512) - (2.0 * Widths[i]);
            run.Plot(Growth, "LSTM", Widths[i], operations[i]);
        }

        run.Set("width", LabMath.LogLogSlope([.. Widths.Select(w => (double)w)], operations));
        run.Set("length", LabMath.LogLogSlope([512, 1024, 2048], [512 * OfLstm(128, 512), 1024 * OfLstm(128, 1024), 2048 * OfLstm(128,
            2048)]));
        run.Set("steps_512", Steps(run, recurrent: true));
        run.Set("steps_attention", Steps(run, recurrent: false));
        if (run.Times) run.Set("ratio", TimeRatio(run));
    }

    private static double OfLstm(int width, int length)
    {
        using ParameterSet parameters = new(ParameterSource.ShapesOnly);
        return ModelSize.Of(CausalLanguageModel.Create(new LstmConfig { Vocabulary = 1, Width = width }, parameters), 1, length)
            .OperationsPerToken;
    }

    private static int Steps(LabRun run, bool recurrent)
    {
        const int Tokens = 512, Width = 16;
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = run.Parameters();
        Tensor x = run.Normal("x", Tokens, Width);
        return recurrent ? Steps(new Lstm(Width, Width, parameters.Root / "lstm"), x)
            : Steps(new MultiHeadAttention(new AttentionConfig { Width = Width, Heads = 2, Causal = true }, parameters.Root / "attn"), x);
    }

    /// <summary>
    /// The calls that a layer must make one after another until its last output is the right one, if each call may read all inputs and what
    /// earlier calls gave: a recurrent layer needs the state of every earlier token, attention none.  x: [T, H].
    /// </summary>
    /// <returns>T, or −t where row t differs from that of the whole text.</returns>
    internal static int Steps(Lstm lstm, Tensor x)
    {
        int tokens = x.Shape[0];
        Tensor right = lstm.Forward(x, [0, tokens]).Output.Value;
        RecurrentState? state = null;
        int steps = 0;
        for (int t = 0; t < tokens; t++)
        {
            RecurrentOutput one = lstm.Forward(x.Rows(t, 1), [0, 1], state);
            steps++;
            if (LabMath.Differing(one.Output.Value.Span, right.Rows(t, 1).Span) != 0) return -t;
            state = one.State;
        }

        return steps;
    }

    /// <inheritdoc cref="Steps(Lstm, Tensor)"/>
    /// <returns>1: one call from the inputs alone gives every row at once.</returns>
    internal static int Steps(MultiHeadAttention attention, Tensor x)
    {
        int tokens = x.Shape[0];
        ReadOnlySpan<float> whole = attention.Forward(x, ForwardContext.Of(tokens)).Value.Span;
        ReadOnlySpan<float> once = attention.Forward(x, ForwardContext.Of(tokens)).Value.Span;
        return LabMath.Differing(whole, once) == 0 ? 1 : tokens;
    }

    private static double TimeRatio(LabRun run)
    {
        const int Tokens = 512;
        LstmConfig recurrent = new() { Vocabulary = 128, Width = 640 };
        CustomConfig attention = new() { Vocabulary = 128, Width = 512, Layers = 1, Heads = 8 };
        using ParameterSet a = run.Parameters(), b = run.Parameters();
        CausalLanguageModel lstm = CausalLanguageModel.Create(recurrent, a), transformer = LabModels.Decoder(attention, b);
        int[] ids = LabModels.Ids(run.Random("ids"), Tokens, 128);
        return Seconds(lstm, ids) / Seconds(transformer, ids) * b.Values / a.Values;
    }

    private static double Seconds(CausalLanguageModel model, int[] ids)
    {
        double best = double.PositiveInfinity;
        for (int repeat = 0; repeat < 5; repeat++)
        {
            using TensorScope scope = TensorScope.Begin();
            long start = Stopwatch.GetTimestamp();
            _ = LabModels.Rows(model, ids);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }
}
