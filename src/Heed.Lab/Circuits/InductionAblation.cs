using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Training.Objectives;

namespace Heed.Lab.Circuits;

/// <summary>30: induction heads are what copies, not what goes with it.</summary>
internal sealed class InductionAblation : Experiment
{
    private const int Steps = 500, Layers = 2;

    private static readonly LabPlot Silent = new("Loss of the second block", "heads of the second layer silenced", "nats per token");

    public override int Number => 30;

    public override string Name => "induction-ablation";

    public override string Claim => "Induction heads cause the copying: without them it stops.";

    public override string Form
        => "The two layers of experiment 29 (500 steps, rate 3e-3). Then heads of the second layer are silenced (z = 0): the one with the "
            + "largest induction score, and all with a score of at least 0.3; or one weight of each row is cut in all its heads: that of "
            + "the token after the earlier copy, or of another earlier token drawn by lot.";

    public override string Measure => "Loss of the second block on texts that training never saw; nothing known: ln 64 = 4.16.";

    public override string Refutation
        => "A block that is still continued without induction heads, or one that any other cut of the same size stops as well.";

    public override string Source => "Olsson et al. 2022, arXiv:2209.11895, argument 3";

    public override string Remark
        => "All four heads of the second layer become induction heads, so one alone is hardly missed and no other head of the layer is "
        + "left to compare with. A first form compared heads only; the two cuts were added for it.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("whole", "no head silenced, nats", 0.5),
        Expectation.AtLeast("all", "all induction heads silenced, nats", 3),
        Expectation.AtLeast("best", "the head with the largest score silenced, nats", 3, Bearing.Informs),
        Expectation.AtLeast("cut", "the weight of the token after the copy cut, nats", 3),
        Expectation.AtMost("other", "the weight of another token cut, nats", 0.5),
        Expectation.Note("count", "induction heads, of 4 in the layer"),
    ];

    internal override void Run(LabRun run)
    {
        using CausalLanguageModel model = RepeatedBlocks.Decoder(Layers, run.Parameters());
        _ = RepeatedBlocks.Task.Train(
            run, "two layers", model, new SmallPlan(Steps, 3e-3, 50), hooks: RepeatedBlocks.AttentionOnly(Layers));
        double[] scores = RepeatedBlocks.InductionScores(run, model, Layers)[1];
        int best = Array.IndexOf(scores, scores.Max());
        int[] heads = [.. Enumerable.Range(0, RepeatedBlocks.Heads)], induction = [.. heads.Where(h => h == best || scores[h] >= 0.3)];
        for (int count = 0; count <= heads.Length; count++)
            run.Plot(Silent, "by falling score", count, Silenced([.. heads.OrderByDescending(h => scores[h]).Take(count)]));
        run.Set("whole", Silenced([]));
        run.Set("all", Silenced(induction));
        run.Set("best", Silenced([best]));
        run.Set("count", induction.Length);
        run.Set("cut", Cut(run, model, afterCopy: true));
        run.Set("other", Cut(run, model, afterCopy: false));

        double Silenced(int[] silent)
            => RepeatedBlocks.Task.Score(run, model, hooks: LabModels.Silence(RepeatedBlocks.AttentionOnly(Layers), 1, silent)).Loss;
    }

    /// <summary>The loss where each row of the second block gives no weight to one token, in every head of the second layer.</summary>
    private static double Cut(LabRun run, CausalLanguageModel model, bool afterCopy)
    {
        double sum = 0;
        const int Batches = 4;
        DrawSequence draws = new(run.Random("cut"));
        for (int i = 0; i < Batches; i++)
        {
            using TensorScope scope = TensorScope.Begin();
            SequenceBatch batch = RepeatedBlocks.Task.Batch(run, "test", i);
            Hooks hooks = RepeatedBlocks.AttentionOnly(Layers).Replace("blocks.1.attn.masked", (_, masked) =>
            {
                Tensor scores = masked.Value.Clone();                                                   // [B, H, T, S]
                RepeatedBlocks.EachAsked(batch, (text, t, copy) =>
                {
                    int at = afterCopy ? copy + 1 : (copy + 2 + draws.Integer(t - 1)) % t;
                    for (int h = 0; h < RepeatedBlocks.Heads; h++) scores[text, h, t, at] = float.NegativeInfinity;
                });
                return scores;
            });
            sum += SequenceTask.Loss(model, batch, hooks).Value.ToScalar();
        }

        return sum / Batches;
    }
}
