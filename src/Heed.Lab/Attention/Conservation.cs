using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Attention;

/// <summary>36: the weights of a row sum to 1, and heads sum to the output.</summary>
internal sealed class Conservation : Experiment
{
    private const int Tokens = 40;

    public override int Number => 36;

    public override string Name => "sums";

    public override string Claim => "The weights of a row sum to 1, and the output of attention is the sum of what its heads write.";

    public override string Form => "Hooks on every layer: the pattern, each head's result, the output.";

    public override string Measure
        => "Largest departure of a row's sum from 1; largest relative difference of Σ heads + bias and the output.";

    public override string Refutation => "A departure above 10⁻⁶ that rounding does not explain.";

    public override string Source => "arXiv:1706.03762, §3.2; Elhage et al. 2021, “A mathematical framework for Transformer circuits”";

    public override bool IsQuick => true;

    public override bool UsesModel => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("rows", "largest departure of a row's sum from 1", 1e-6),
        Expectation.AtMost("heads", "largest relative difference of Σ heads + bias and the output, over layers", 1e-6),
        Expectation.AtLeast("layers", "layers looked at", 1, Bearing.Informs),
    ];

    internal override void Run(LabRun run)
    {
        if (run.Model is { } loaded)
        {
            if (loaded.Model is not (CausalLanguageModel or EncoderModel)) throw LabRun.Skipped("the model is neither a decoder nor an "
                + "encoder");
            Measured(run, loaded.Model);
            return;
        }

        CustomConfig config = new() { Vocabulary = 101, Width = 64, Layers = 3, Heads = 4 };
        using ParameterSet own = run.Parameters();
        CausalLanguageModel model = LabModels.Decoder(config, own);
        LabModels.KeepSizes(own, run.Seed);
        Measured(run, model);
    }

    private static void Measured(LabRun run, Model model)
    {
        int[] ids = LabModels.Ids(run.Random("ids"), Math.Min(Tokens, model.Config.MaximumLength), model.Config.Vocabulary);
        double rows = 0, heads = 0;
        int layers = 0;
        Dictionary<string, float[]> summed = [];
        Hooks hooks = new Hooks()
            .ObserveWhere(name => name.EndsWith(".attn.pattern", StringComparison.Ordinal), (_, x) =>
            {
                int S = x.Shape.Last;
                for (int r = 0; r < x.Value.Count; r += S)
                {
                    double sum = 0;
                    foreach (float weight in x.Value.Span.Slice(r, S)) sum += weight;
                    rows = Math.Max(rows, Math.Abs(sum - 1));
                }

                layers++;
            })
            .ObserveWhere(name => name.EndsWith(".attn.result", StringComparison.Ordinal),
                (name, x) => summed[name[..^".result".Length]] = SumOfHeads(x.Value, Bias(model, name)))
            .ObserveWhere(name => name.EndsWith(".attn.out", StringComparison.Ordinal), (name, x) =>
            {
                if (summed.Remove(name[..^".out".Length], out float[]? own))
                    heads = Math.Max(heads, LabMath.RelativeDifference(x.Value.Span, own));
            });
        using TensorScope scope = TensorScope.Begin();
        _ = model.Run(new ModelInputs { InputIds = TokenGrid.Of([ids]) }, new RunOptions { Hooks = hooks });
        if (layers == 0) throw LabRun.Skipped("the model has no softmax attention");
        run.Set("rows", rows);
        run.Set("heads", heads);
        run.Set("layers", layers);
    }

    private static float[]? Bias(Model model, string name)
        => model.Find(name[..^".result".Length] + ".out") is Linear { Bias: { } bias } ? bias.Value.ToArray() : null;

    /// <summary>Σ over heads in double precision, plus the bias.</summary>
    private static float[] SumOfHeads(Tensor x, float[]? bias)
    {
        (int N, int H, int D) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        float[] y = new float[N * D];
        for (int n = 0; n < N; n++)
        {
            for (int d = 0; d < D; d++)
            {
                double sum = bias?[d] ?? 0;
                for (int h = 0; h < H; h++) sum += x.Span[(((n * H) + h) * D) + d];
                y[(n * D) + d] = (float)sum;
            }
        }

        return y;
    }
}
