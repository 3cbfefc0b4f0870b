using Heed.Engine.Nn;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Depth;

/// <summary>21: post-norm needs a warm-up.</summary>
internal sealed class NormWarmup : Experiment
{
    private const int Symbols = 64, Tokens = 32, Steps = 300;

    private static readonly LabPlot Curves = new("Training loss, 6 layers", "step", "nats per token");

    /// <summary>Each symbol has four successors, equally likely: ln 4 is the least loss, ln 64 what counts alone give.</summary>
    private static readonly SequenceTask Task = new(16, (draws, text, targets) =>
    {
        text.Add(draws.Integer(Symbols));
        for (int t = 0; t < Tokens; t++)
        {
            int next = ((text[^1] * 29) + (draws.Integer(4) * 17) + 5) % Symbols;
            targets.Add(next);
            if (t + 1 < Tokens) text.Add(next);
        }
    });

    public override int Number => 21;

    public override string Name => "norm-warmup";

    public override string Claim => "Post-norm Transformers need a learning-rate warm-up; pre-norm ones do not.";

    public override string Form
        => "Decoders of 6 layers of width 64 (matrices N(0, 1/fan in)) learn a chain of 64 symbols with four successors each; rate 1e-3 "
            + "at once or after 200 steps of warm-up, 300 steps of 512 tokens.";

    public override string Measure
        => "Mean loss of the last 20 steps; the least possible is ln 4 = 1.386, symbols alone give ln 64 = 4.159.";

    public override string Refutation => "Post-norm without warm-up that learns as the other three do.";

    public override string Source => "Xiong et al. 2020, arXiv:2002.04745, §3.2";

    public override string Remark
        => "At 6 layers and this rate post-norm learns at once. A first run with 12 layers (seed 1) gave what the claim says in "
        + "part: 4.17 without warm-up, 3.82 with it, 1.48 and 1.50 for pre-norm. Depth decides.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("post_0", "post-norm, no warm-up", 3.5),
        Expectation.AtMost("post_200", "post-norm, 200 steps of warm-up", 2.5),
        Expectation.AtMost("pre_0", "pre-norm, no warm-up", 2.5),
        Expectation.AtMost("pre_200", "pre-norm, 200 steps of warm-up", 2.5, Bearing.Informs),
    ];

    internal override void Run(LabRun run)
    {
        foreach (bool first in (bool[])[false, true])
        {
            foreach (int warmup in (int[])[0, 200])
            {
                string name = $"{(first ? "pre" : "post")}_{warmup}";
                using ParameterSet parameters = run.Parameters();
                CausalLanguageModel model = Support.LabModels.Decoder(new CustomConfig
                {
                    Vocabulary = Symbols,
                    Width = 64,
                    Layers = 6,
                    Heads = 4,
                    NormFirst = first,
                    TiedOutput = false,
                    Activation = Engine.Kernels.Activation.Relu,
                }, parameters);
                Support.LabModels.KeepSizes(parameters, run.Seed);
                double[] losses = Task.Train(run, name, model, new SmallPlan(Steps, 1e-3, warmup) { Falls = false }, (step, loss) =>
                {
                    if (step % 10 == 0) run.Plot(Curves, name.Replace('_', ' '), step, loss);
                });
                run.Set(name, SmallTrainer.Last(losses, 20));
            }
        }
    }
}
