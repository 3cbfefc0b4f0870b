using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Depth;

/// <summary>20: norms before the parts are more stable than norms after them.</summary>
internal sealed class NormPlacement : Experiment
{
    private const int Tokens = 32, Vocabulary = 64, Draws = 4;

    private static readonly int[] Depths = [6, 12, 24];

    private static readonly LabPlot Norms = new("Gradient norm of the last feed-forward part, L = 6 as 1", "layers L", "norm", LogX: true);

    public override int Number => 20;

    public override string Name => "norm-placement";

    public override string Claim
        => "Pre-norm is more stable than post-norm: its gradients near the output do not stay large as the model gets deeper.";

    public override string Form
        => "Decoders of 6, 12 and 24 layers of width 64 at initialisation (matrices N(0, 1/fan in)), 8 texts of random tokens.";

    public override string Measure
        => "Gradient norm of the last layer's second feed-forward matrix, for one prediction, relative to 6 layers; mean over 4 draws "
            + "per seed.";

    public override string Refutation => "A pre-norm gradient that does not fall as L^−½, or a post-norm gradient that does.";

    public override string Source => "Xiong et al. 2020, arXiv:2002.04745, theorem 1";

    public override string Remark
        => "The setup was corrected after a first run: the gradient is that of a single prediction.";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Within("pre_12", "pre-norm, L 12 over L 6", Math.Sqrt(0.5), 15),
        Expectation.Within("pre_24", "pre-norm, L 24 over L 6", 0.5, 20),
        Expectation.Within("post_12", "post-norm, L 12 over L 6", 1, 20),
        Expectation.Within("post_24", "post-norm, L 24 over L 6", 1, 20),
    ];

    internal override void Run(LabRun run)
    {
        foreach (bool first in (bool[])[true, false])
        {
            double[] norms = [.. Depths.Select(layers => LabMath.Mean([.. Enumerable.Range(0, Draws).Select(draw => Norm(run, draw,
                layers, first))]))];
            for (int i = 0; i < Depths.Length; i++)
            {
                run.Plot(Norms, first ? "pre-norm" : "post-norm", Depths[i], norms[i] / norms[0]);
                if (i > 0) run.Set($"{(first ? "pre" : "post")}_{Depths[i]}", norms[i] / norms[0]);
            }
        }
    }

    private static double Norm(LabRun run, int draw, int layers, bool first)
    {
        run.Report($"{layers} layers");
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = run.Parameters();
        CausalLanguageModel model = LabModels.Decoder(new CustomConfig
        {
            Vocabulary = Vocabulary,
            Width = 64,
            Layers = layers,
            Heads = 4,
            NormFirst = first,
            TiedOutput = false,
            Positions = PositionKind.None,
            Activation = Engine.Kernels.Activation.Relu,
        }, parameters);
        LabModels.KeepSizes(parameters, (run.Seed * Draws) + (ulong)draw);
        int[][] texts = [.. Enumerable.Range(0, 8).Select(i => LabModels.Ids(run.Random($"ids{i}"), Tokens, Vocabulary))];
        int[] targets = LabModels.Ids(run.Random("targets"), 8, Vocabulary);
        Parameter last = parameters[$"model.layers.{layers - 1}.mlp.down_proj.weight"];
        double sum = 0;
        for (int i = 0; i < texts.Length; i++)
        {
            // One prediction alone, as in the theorem: in a deep model rows grow alike, and a sum over them would measure that.
            TokenBatch batch = TokenBatch.Of(texts[i]);
            using Tape tape = Tape.Begin();
            tape.Backward(model.LossSum(model.Hidden(batch, batch.Context()).Slice(0, Tokens - 1, 1), [targets[i]]));
            sum += LabMath.Norm(last.Gradient!.Span);
            parameters.ClearGradients();
        }

        return sum / texts.Length;
    }
}
