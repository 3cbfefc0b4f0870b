using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Lab.Memory;

/// <summary>39: what linear attention pays in recall.</summary>
internal sealed class LinearRecall : Experiment
{
    private const int Width = 64, Classes = 64, Queries = 2048;

    private static readonly (int N, double Share)[] Dot = [(64, 1.00), (128, 0.99), (256, 0.89), (512, 0.66)];

    private static readonly int[] Lengths = [4, 8, 16, 32, 64, 128, 256, 512];

    private static readonly LabPlot Recalls = new("Recall of one of 64 values by its key", "pairs", "share right", LogX: true);

    public override int Number => 39;

    public override string Name => "linear-recall";

    public override string Claim => "Linear attention does what softmax attention does in linear time.";

    public override string Form => "N keys from N(0, 1) in 64 dimensions, each with one of 64 values; every key asks for its value.";

    public override string Measure => "Share of keys whose largest output is their value: Σ v·kᵀ, features elu + 1, softmax of k·k'/8.";

    public override string Refutation => "Recall of linear attention as good as softmax's at every N.";

    public override string Source
        => "Katharopoulos et al. 2020, arXiv:2006.16236; expected numbers from a small script in double precision";

    public override string Remark
        => "The keys were unit vectors at first; the numbers to expect belong to Gaussian keys, so they were changed to these.";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        .. Dot.Select(d => Expectation.Near($"dot_{d.N}", $"Σ v·kᵀ, N {d.N}", d.Share, 0.04, Bearing.Informs)),
        Expectation.Near("elu_8", "elu + 1, N 8", 0.79, 0.1, Bearing.Informs),
        Expectation.Near("elu_64", "elu + 1, N 64", 0.12, 0.05, Bearing.Refutes),
        Expectation.AtLeast("softmax_512", "softmax, N 512", 0.995, Bearing.Informs),
    ];

    internal override void Run(LabRun run)
    {
        foreach (int n in Lengths)
        {
            int repeats = Math.Max(4, Queries / n);
            double dot = 0, elu = 0, softmax = 0;
            for (int r = 0; r < repeats; r++)
            {
                using TensorScope scope = TensorScope.Begin();
                Tensor keys = run.Normal($"k{n}/{r}", n, Width), values = Tensor.Zeros(n, Classes);
                int[] value = Support.LabModels.Ids(run.Random($"v{n}/{r}"), n, Classes);
                for (int i = 0; i < n; i++) values[i, value[i]] = 1;
                dot += Right(keys.MatMul(keys.Transpose().MatMul(values)), value);
                elu += Right(Linear(keys, values), value);
                softmax += Right(Softmax(keys, values), value);
            }

            int all = n * repeats;
            if (Dot.Any(d => d.N == n)) run.Set($"dot_{n}", dot / all);
            if (n is 8 or 64) run.Set($"elu_{n}", elu / all);
            if (n == 512) run.Set("softmax_512", softmax / all);
            run.Plot(Recalls, "Σ v·kᵀ", n, dot / all);
            run.Plot(Recalls, "elu + 1", n, elu / all);
            run.Plot(Recalls, "softmax", n, softmax / all);
        }
    }

    private static Tensor Linear(Tensor keys, Tensor values)
    {
        int n = keys.Shape[0];
        Variable features = AttentionFeatures.EluPlusOne(keys);
        AttentionOptions options = new() { Heads = 1, HeadWidth = Width, ValueWidth = Classes, Scale = 1 };
        return LinearAttentionOp.Apply(features, features, values, options, [new AttentionSequence(0, n, 0, n)]).Value;
    }

    private static Tensor Softmax(Tensor keys, Tensor values)
    {
        int n = keys.Shape[0];
        AttentionOptions options = new() { Heads = 1, HeadWidth = Width, ValueWidth = Classes, Scale = 1 / MathF.Sqrt(Width) };
        return AttentionOp.Apply(
            new(keys, 0, Width), new(keys, 0, Width), new(values, 0, Classes), null, options, [new AttentionSequence(0, n, 0, n)], null)
                .Value;
    }

    private static int Right(Tensor outputs, int[] values)
    {
        int[] best = outputs.ArgMax();
        return Enumerable.Range(0, values.Length).Count(i => best[i] == values[i]);
    }
}
