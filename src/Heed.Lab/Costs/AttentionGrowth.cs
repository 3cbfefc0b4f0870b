using System.Diagnostics;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Costs;

/// <summary>9: attention costs O(N²·d).</summary>
internal sealed class AttentionGrowth : Experiment
{
    private const int Width = 256;

    private static readonly int[] Lengths = [256, 512, 1024, 2048, 4096, 8192, 16384];

    private static readonly LabPlot Operations = new("Operations of one layer of width 256", "tokens", "log₁₀ operations", LogX: true,
        LogY: true);

    public override int Number => 9;

    public override string Name => "attention-growth";

    public override string Claim => "Attention is O(N²·d), so a Transformer is quadratic in the length.";

    public override string Form => "One layer (attention and feed-forward) of width 256, operations counted for 256 … 16,384 tokens.";

    public override string Measure
        => "Slopes of operations over length, log–log; the length at which the two products of attention cost as much as all "
        + "other products.";

    public override string Refutation => "A slope of the attention part that is not 2.00 ± 0.1.";

    public override string Source => "arXiv:1706.03762, table 1; own arithmetic: 12·D² multiply-adds per token beside 2·N·D";

    public override string Condition
        => "the text is longer than about 6·D (full) or 12·D (causal); before that a layer is nearly linear, as its projections cost more";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Near("attention", "slope of the attention part, 256 … 16,384", 2, 0.1),
        Expectation.AtMost("layer_short", "slope of the whole layer, 256 … 1,536", 1.31, Bearing.Limits),
        Expectation.AtLeast("layer_long", "slope of the whole layer, 8,192 … 16,384", 1.8),
        Expectation.Exactly("crossing_full", "tokens at which both halves are equal, full attention", 6 * Width),
        Expectation.Exactly("crossing_causal", "tokens at which both halves are equal, causal attention", 12 * Width),
        Expectation.Time("time", "slope of the time of the attention kernel, 512 … 4,096", "near 2 on a quiet machine"),
    ];

    internal override void Run(LabRun run)
    {
        using ParameterSet parameters = new(ParameterSource.ShapesOnly);
        CustomConfig config = new() { Encoder = true, Vocabulary = 1, Width = Width, Layers = 1, Heads = 4, ContextLength = 1 << 20 };
        CausalLanguageModel model = LabModels.Decoder(config, parameters);
        double linear = 2.0 * parameters.Where(p => p.InputMajor is not null && !p.Name.Contains("embed", StringComparison.Ordinal)).Sum(
            p => p.Shape.Count);
        double head = 2.0 * Width;
        double Whole(int n) => n * (ModelSize.Of(model, 1, n).OperationsPerToken - head);
        double Attention(int n) => Whole(n) - (n * linear);
        run.Set("attention", LabMath.LogLogSlope([.. Lengths.Select(n => (double)n)], [.. Lengths.Select(Attention)]));
        int[] before = [256, 512, 768, 1024, 1280, 1536], after = [8192, 16384];
        run.Set("layer_short", Math.Log(Whole(1536) / Whole(256)) / Math.Log(6));
        run.Set("layer_long", LabMath.LogLogSlope([.. after.Select(n => (double)n)], [.. after.Select(Whole)]));
        int full = 1;
        while (Attention(full) < full * linear) full++;
        // With the mask a token sees half of the keys on average.
        int causal = 1;
        while (Attention(causal) / 2 < causal * linear) causal++;
        run.Set("crossing_full", full);
        run.Set("crossing_causal", causal);
        foreach (int n in before.Concat(Lengths.Where(n => n > 1536)))
        {
            run.Plot(Operations, "attention", n, Attention(n));
            run.Plot(Operations, "projections, feed-forward", n, n * linear);
            run.Plot(Operations, "layer", n, Whole(n));
        }

        if (run.Times) run.Set("time", TimeSlope(run));
    }

    private static double TimeSlope(LabRun run)
    {
        int[] lengths = [512, 1024, 2048, 4096];
        double[] seconds = new double[lengths.Length];
        for (int i = 0; i < lengths.Length; i++)
        {
            using TensorScope scope = TensorScope.Begin();
            int n = lengths[i];
            Tensor q = run.Normal("q", n, Width), k = run.Normal("k", n, Width), v = run.Normal("v", n, Width);
            AttentionOptions options = new() { Heads = 4, HeadWidth = Width / 4, Scale = 0.125f };
            seconds[i] = double.PositiveInfinity;
            for (int repeat = 0; repeat < 3; repeat++)
            {
                run.Report($"times attention over {n} tokens");
                long start = Stopwatch.GetTimestamp();
                _ = AttentionOp.Apply(new(q, 0, Width), new(k, 0, Width), new(v, 0, Width), null, options, [new AttentionSequence(0, n, 0,
                    n)], null);
                seconds[i] = Math.Min(seconds[i], Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }

        return LabMath.LogLogSlope([.. lengths.Select(n => (double)n)], seconds);
    }
}
