using Heed.Engine.Nn;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;
using Heed.Training.Metrics;

namespace Heed.Lab.Costs;

/// <summary>50: loss against parameters.</summary>
internal sealed class ModelScaling : Experiment
{
    private const int Steps = 300, Tokens = 64;

    private static readonly int[] Widths = [16, 32, 64, 128];

    private static readonly LabPlot Losses = new("Loss by size", "parameters without tables", "nats per character", LogX: true, LogY: true);

    public override int Number => 50;

    public override string Name => "model-scaling";

    public override string Claim => "Models scale: the loss falls with the number of parameters as a power law.";

    public override string Form
        => "Decoders of 2 layers of width 16, 32, 64 and 128 read letters about card payments, character by character, 300 steps of 16 × "
            + "64 characters each; rate 3e-3, 1e-3 for the widest.";

    public override string Measure
        => "Loss on letters that are not learned from, against the parameters without tables of tokens: slope of the line through "
            + "logarithms, and how much of the variance it explains.";

    public override string Refutation => "A line that explains less than 95 %, or a loss that grows.";

    public override string Source => "Kaplan et al. 2020, arXiv:2001.08361, §3 (exponent 0.076)";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("explained", "variance that the line explains", 0.95),
        Expectation.AtLeast("exponent", "exponent: loss ∝ parameters to the power of less this", 0.02),
        Expectation.Between("kaplan", "the same", 0.05, 0.12, Bearing.Informs),
        .. Widths.Select(w => Expectation.Note($"loss_{w}", $"loss, width {w}")),
        .. Widths.Select(w => Expectation.Note($"parameters_{w}", $"parameters without tables, width {w}")),
    ];

    internal override void Run(LabRun run)
    {
        List<double> sizes = [], losses = [];
        foreach (int width in Widths)
        {
            using ParameterSet parameters = run.Parameters();
            CausalLanguageModel model = LabModels.Decoder(
                new CustomConfig { Vocabulary = LetterTask.Vocabulary, Width = width, Layers = 2, Heads = 4 }, parameters);
            _ = LetterTask.ToLearn(16, Tokens).Train(run, $"width {width}", model, new SmallPlan(Steps, width == 128 ? 1e-3 : 3e-3, 30));
            double loss = LetterTask.ToJudge(64, Tokens).Score(run, model, batches: 2).Loss;
            long size = parameters.Values - ((long)LetterTask.Vocabulary * width);
            run.Set($"loss_{width}", loss);
            run.Set($"parameters_{width}", size);
            run.Plot(Losses, "letters", size, loss);
            sizes.Add(Math.Log(size));
            losses.Add(Math.Log(loss));
        }

        double slope = -LabMath.Slope([.. sizes], [.. losses]);
        run.Set("exponent", slope);
        run.Set("kaplan", slope);
        run.Set("explained", Math.Pow(Correlation.Pearson([.. sizes], [.. losses]), 2));
    }
}
