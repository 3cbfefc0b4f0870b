using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;

namespace Heed.Lab.Attention;

/// <summary>17: small heads have a low-rank bottleneck.</summary>
internal sealed class HeadRank : Experiment
{
    private const int Tokens = 64, Width = 256;

    private static readonly int[] HeadWidths = [4, 8, 16, 32, 64, 128];

    private static readonly LabPlot Ranks = new("Rank of the scores of 64 tokens", "width of a head", "rank", LogX: true);

    public override int Number => 17;

    public override string Name => "head-rank";

    public override string Claim => "A head can express any pattern of attention.";

    public override string Form => "Scores of 64 random tokens in an attention of width 256 with one head of 4 … 128.";

    public override string Measure
        => "Rank of q·kᵀ: singular values above 10⁻⁹ of the largest; q and k as the layer computes them, the product in "
        + "double precision.";

    public override string Refutation => "A rank below the number of tokens.";

    public override string Source => "Bhojanapalli et al. 2020, arXiv:2002.07028, theorem 1";

    public override string Condition => "a head is at least as wide as the text is long: scores of n tokens have rank min(n, d_k)";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
        [.. HeadWidths.Select(k => Expectation.Exactly(
            $"rank_{k}", $"rank at d_k {k}", Math.Min(Tokens, k), k < Tokens ? Bearing.Limits : Bearing.Supports))];

    internal override void Run(LabRun run)
    {
        foreach (int k in HeadWidths)
        {
            using TensorScope scope = TensorScope.Begin();
            AttentionConfig config = new()
            {
                Width = Width,
                Heads = 1,
                HeadWidth = k,
                Initializer = Initializer.Normal(1 / MathF.Sqrt(
                Width))
            };
            using ParameterSet parameters = run.Parameters();
            MultiHeadAttention attention = new(config, (parameters.Root / "attn").As("attn"));
            float[] queries = [], keys = [];
            Hooks hooks = new Hooks().Observe("attn.q", (_, x) => queries = x.Value.ToArray()).Observe("attn.k", (_, x)
                => keys = x.Value.ToArray());
            _ = attention.Forward(run.Normal("x", Tokens, Width), new ForwardContext([0, Tokens], [.. Enumerable.Range(0,
                Tokens)])
            { Hooks = hooks });
            double[][] scores = new double[Tokens][];
            for (int i = 0; i < Tokens; i++)
            {
                scores[i] = new double[Tokens];
                for (int j = 0; j < Tokens; j++)
                    for (int c = 0; c < k; c++) scores[i][j] += (double)queries[(i * k) + c] * keys[(j * k) + c];
            }

            double[] values = LabMath.SingularValues(scores);
            int rank = values.Count(v => v > 1e-9 * values[0]);
            run.Set($"rank_{k}", rank);
            run.Plot(Ranks, "rank", k, rank);
        }
    }
}
