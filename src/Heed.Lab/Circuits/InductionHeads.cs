using Heed.Lab.Training;
using Heed.Models;

namespace Heed.Lab.Circuits;

/// <summary>29: induction heads bring copying from the context, and need two layers.</summary>
internal sealed class InductionHeads : Experiment
{
    private const int Steps = 500, Every = 10;

    private static readonly LabPlot Losses = new("Loss of the second block", "step", "nats per token"),
        Scores = new("Largest induction score", "step", "weight");

    public override int Number => 29;

    public override string Name => "induction-heads";

    public override string Claim => "Induction heads, made of two layers, bring copying from the context; one layer cannot.";

    public override string Form
        => "Decoders of attention alone (width 64, 4 heads, RoPE), of one layer and of two, learn to continue a block of 12 to 24 "
            + "different symbols of 64 that stands twice at the end of 48 tokens; 500 steps of 32 texts, best of the rates 1e-3, 3e-3, "
            + "1e-2 for both.";

    public override string Measure
        => "Loss of the second block on texts that training never saw; induction score: the mean weight of a head from a symbol of the "
            + "second block to the token after its earlier copy.";

    public override string Refutation => "One layer that continues the block, or two that do it without a head that looks after the copy.";

    public override string Source => "Olsson et al. 2022, arXiv:2209.11895, arguments 1 and 2";

    public override string Remark
        => "Where every block has the same length, one layer continues it by looking that many tokens back and no induction head is needed "
        + "(the row on blocks of 24): lengths must differ. Even weights score 0.03, which is also what untrained heads score.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("one_loss", "one layer, nats (choosing evenly among the block: about ln 18 = 2.9)", 2.3),
        Expectation.AtMost("one_score", "one layer, largest induction score", 0.15),
        Expectation.AtMost("two_loss", "two layers, nats", 0.5),
        Expectation.AtLeast("two_score", "two layers, largest induction score", 0.5),
        Expectation.Near("together", "steps until the score is half of its last value, over steps until the loss is half of its first", 1,
            0.25),
        Expectation.Exactly("layer", "layer of the head with the largest score, from 0", 1, Bearing.Informs),
        Expectation.AtMost("fixed", "one layer, every block of 24: it can look 23 back without finding anything, nats", 0.5,
            Bearing.Informs),
        Expectation.Note("rate_1", "rate chosen, one layer"),
        Expectation.Note("rate_2", "rate chosen, two layers"),
    ];

    internal override void Run(LabRun run)
    {
        foreach (int layers in (int[])[1, 2])
        {
            string name = layers == 1 ? "one" : "two", label = $"{name} layer{(layers == 1 ? "" : "s")}";
            Dictionary<CausalLanguageModel, List<(int Step, double Loss, double Score)>> curves = [];
            using TunedModel tuned = RateGrid.Train(
                RepeatedBlocks.Task, run, label, p => RepeatedBlocks.Decoder(layers, p), new SmallPlan(Steps, 0, 50), [1e-3, 3e-3, 1e-2],
                RepeatedBlocks.AttentionOnly(layers), (model, step, loss) =>
                {
                    if (step % Every != 0) return;
                    if (!curves.TryGetValue(model, out var curve)) curves[model] = curve = [];
                    curve.Add((step, loss, RepeatedBlocks.Best(RepeatedBlocks.InductionScores(run, model, layers)).Score));
                });
            foreach ((int step, double loss, double score) in curves[tuned.Model])
            {
                run.Plot(Losses, label, step, loss);
                run.Plot(Scores, label, step, score);
            }

            (int layer, _, double last) = RepeatedBlocks.Best(RepeatedBlocks.InductionScores(run, tuned.Model, layers));
            run.Set($"{name}_loss", RepeatedBlocks.Task.Score(run, tuned.Model, hooks: RepeatedBlocks.AttentionOnly(layers)).Loss);
            run.Set($"{name}_score", last);
            run.Set($"rate_{layers}", tuned.Rate);
            if (layers == 1) continue;
            run.Set("layer", layer);
            run.Set("together", Together(curves[tuned.Model], last));
        }

        SequenceTask alike = RepeatedBlocks.Of(RepeatedBlocks.Longest);
        using TunedModel counts = RateGrid.Train(
            alike, run, "one layer, blocks of 24", p => RepeatedBlocks.Decoder(1, p), new SmallPlan(Steps, 0, 50), [3e-3],
            RepeatedBlocks.AttentionOnly(1));
        run.Set("fixed", alike.Score(run, counts.Model, hooks: RepeatedBlocks.AttentionOnly(1)).Loss);
    }

    /// <summary>Where the score has half of its last value, over where the loss has half of its first; steps counted from 1.</summary>
    private static double Together(List<(int Step, double Loss, double Score)> curve, double last)
    {
        int score = curve.FindIndex(p => p.Score >= last / 2), loss = curve.FindIndex(p => p.Loss <= curve[0].Loss / 2);
        return score < 0 || loss < 0 ? double.NaN : (curve[score].Step + 1.0) / (curve[loss].Step + 1);
    }
}
