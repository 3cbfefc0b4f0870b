using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Attention;

/// <summary>14: heads in parallel capture different relations.</summary>
internal sealed class HeadRelations : Experiment
{
    private const int Words = 8, Marks = 8, Tokens = 24, Width = 64, Steps = 400;

    private static readonly int[] Counts = [1, 2, 4, 8, 32];

    private static readonly LabPlot Shares = new("Two relations at once, width 64", "heads", "share right", LogX: true);

    /// <summary>
    /// Words with marks stand at even places, the mark of a word the same throughout a text; at odd places stands a word that came before,
    /// without its mark. Asked there are two marks at once: the previous token's and the word's own.
    /// </summary>
    private static readonly SequenceTask Task = new(32, (draws, text, targets) =>
    {
        int[] marks = [.. Enumerable.Range(0, Words).Select(_ => draws.Integer(Marks))];
        List<int> seen = [];
        for (int t = 0; t < Tokens; t += 2)
        {
            int shown = draws.Integer(Words);
            seen.Add(shown);
            int asked = seen[draws.Integer(seen.Count)];
            text.Add((shown * Marks) + marks[shown]);
            text.Add((Words * Marks) + asked);
            targets.Add(SequenceTask.None);
            targets.Add((marks[shown] * Marks) + marks[asked]);
        }
    });

    public override int Number => 14;

    public override string Name => "head-relations";

    public override string Claim => "Several heads capture several relations at once, and too many are too narrow.";

    public override string Form
        => "One layer of attention alone, width 64 in 1, 2, 4, 8 or 32 heads (equal parameters), is asked at each second token for two "
            + "things at once: the mark of the token before and the mark of the earlier token with the same word. 400 steps of 32 texts, "
            + "best of the rates 1e-3, 3e-3, 1e-2 for each.";

    public override string Measure
        => "Share of right pairs on texts that training never saw (chance: 1 in 64); with four heads, the largest weight that a head "
            + "gives to each of the two tokens.";

    public override string Refutation => "One head that does as well as four, or one head of four that serves both relations.";

    public override string Source => "arXiv:1706.03762, table 3 (A): 24.9 BLEU with 1 head, 25.8 with 8, 25.4 with 32";

    public override string Condition => "heads keep enough width: narrow ones lose again";

    public override string Remark
        => "Several heads do divide the work, but one of full width serves both relations: see "
        + "its weights. A first form with 4 marks instead of 8 came out alike (seed 1: 0.993 with "
        + "one head, 1 with four, 0.694 with 32). The loss of many narrow heads is far larger than in the paper, whose heads keep 16 "
        + "dimensions.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("gain", "share right, 4 heads less 1", 0.1),
        Expectation.AtLeast("narrow", "share right, best less 32 heads", 0.01, Bearing.Limits),
        Expectation.AtLeast("previous", "4 heads: largest weight on the token before", 0.5),
        Expectation.AtLeast("same", "4 heads: largest weight on the same word", 0.5),
        Expectation.Exactly("apart", "4 heads: the two are different heads (1: yes)", 1),
        Expectation.Note("one_previous", "1 head: weight on the token before"),
        Expectation.Note("one_same", "1 head: weight on the same word"),
        .. Counts.Select(h => Expectation.Note($"right_{h}", $"share right, {h} head{(h == 1 ? "" : "s")} of width {Width / h}")),
    ];

    internal override void Run(LabRun run)
    {
        Hooks alone = Circuits.RepeatedBlocks.AttentionOnly(1);
        double[] right = new double[Counts.Length];
        for (int i = 0; i < Counts.Length; i++)
        {
            int heads = Counts[i];
            using TunedModel tuned = RateGrid.Train(Task, run, $"{heads} heads", p => LabModels.Decoder(new CustomConfig
            {
                Vocabulary = (Words * Marks) + Words,
                Width = Width,
                Layers = 1,
                Heads = heads,
                InnerWidth = 1,
                TiedOutput = false,
            }, p), new SmallPlan(Steps, 0, 50), [1e-3, 3e-3, 1e-2], alone);
            right[i] = Task.Score(run, tuned.Model, hooks: alone).Accuracy;
            run.Set($"right_{heads}", right[i]);
            run.Plot(Shares, "share right", heads, right[i]);
            if (heads is not (1 or 4)) continue;
            (double[] previous, double[] same) = Weights(run, tuned.Model, heads);
            if (heads == 1)
            {
                run.Set("one_previous", previous[0]);
                run.Set("one_same", same[0]);
                continue;
            }

            run.Set("previous", previous.Max());
            run.Set("same", same.Max());
            run.Set("apart", Array.IndexOf(previous, previous.Max()) == Array.IndexOf(same, same.Max()) ? 0 : 1);
        }

        run.Set("gain", right[2] - right[0]);
        run.Set("narrow", right.Max() - right[^1]);
    }

    /// <summary>Mean weight of each head on the token before, and on all earlier tokens with the same word.</summary>
    private static (double[] Previous, double[] Same) Weights(LabRun run, CausalLanguageModel model, int heads)
    {
        using TensorScope scope = TensorScope.Begin();
        SequenceBatch batch = Task.Batch(run, "weights", 0);
        double[] previous = new double[heads], same = new double[heads];
        Hooks hooks = Circuits.RepeatedBlocks.AttentionOnly(1).Observe("blocks.0.attn.pattern", (_, pattern) =>
        {
            for (int b = 0; b < batch.Ids.Length; b++)
            {
                for (int t = 1; t < Tokens; t += 2)
                {
                    int word = batch.Ids[b][t] - (Words * Marks);
                    for (int h = 0; h < heads; h++)
                    {
                        ReadOnlySpan<float> row = pattern.Value.Span.Slice((((((b * heads) + h) * Tokens) + t) * Tokens), Tokens);
                        previous[h] += row[t - 1] / batch.Count;
                        for (int s = 0; s < t; s += 2)
                            if (batch.Ids[b][s] / Marks == word) same[h] += row[s] / batch.Count;
                    }
                }
            }
        });
        TokenBatch tokens = TokenBatch.Of(batch.Ids);
        _ = model.Hidden(tokens, tokens.Context(new RunOptions { Hooks = hooks }));
        return (previous, same);
    }
}
