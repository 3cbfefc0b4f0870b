using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Attention;

/// <summary>3: training without the factor 1/√d_k.</summary>
internal sealed class UnscaledTraining : Experiment
{
    private const int Width = 256, Symbols = 16, Tokens = 32, Back = 8, Steps = 150, Layers = 2;

    private static readonly LabPlot Curves = new("“Repeat the token eight back”, d_k 256", "step", "training loss, nats");

    private static readonly SequenceTask Task = new(8, (draws, text, targets) =>
    {
        for (int t = 0; t < Tokens; t++)
        {
            text.Add(draws.Integer(Symbols));
            targets.Add(t < Back ? SequenceTask.None : text[t - Back]);
        }
    });

    public override int Number => 3;

    public override string Name => "unscaled-training";

    public override string Claim => "Without the factor 1/√d_k training suffers: the softmax starts saturated.";

    public override string Form
        => "Decoders of two layers with one head of width 256 (RoPE; matrices N(0, 1/fan in)) learn to repeat the token eight back; scores "
            + "with 1/√d_k, without, and without but with query matrices smaller by √d_k at the start, as T5 has it. 150 steps of 8 texts "
            + "of 32 tokens, best of the rates 3e-4, 1e-3, 3e-3 for each.";

    public override string Measure
        => "Entropy of the first layer's last row (32 keys; at most ln 32 = 3.47 nats) before the first step; steps until the training "
            + "loss is half of its first value, over those of the scaled model; loss on texts that training never saw, less that of the "
            + "scaled model.";

    public override string Refutation => "Unscaled training that learns as fast as scaled training.";

    public override string Source => "arXiv:1706.03762, §3.2.1; T5: Raffel et al. 2020, arXiv:1910.10683; own";

    public override string Condition => "queries do not start smaller by √d_k: T5 does without the factor in that way";

    public override string Remark
        => "A first form judged the loss after 150 steps alone (seed 1: 0.03 nats unscaled, 0.0001 scaled). By then both have learned, one "
        + "much later than the other, so the steps decide now and the losses are told beside them.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("entropy_scaled", "entropy at the start, scaled, nats", 2.5),
        Expectation.AtMost("entropy_unscaled", "entropy at the start, unscaled, nats", 0.7),
        Expectation.AtLeast("slower", "steps to half of the first loss, unscaled over scaled", 2),
        Expectation.AtMost("slower_small", "steps to half of the first loss, unscaled with small queries over scaled", 2, Bearing.Limits),
        Expectation.AtLeast("gap", "loss at the end, unscaled less scaled, nats", 0.2, Bearing.Informs),
        Expectation.AtMost("gap_small", "loss at the end, unscaled with small queries less scaled, nats", 0.1, Bearing.Informs),
        Expectation.Note("scaled", "loss, scaled, nats"),
        Expectation.Note("rate_scaled", "rate chosen, scaled"),
        Expectation.Note("rate_unscaled", "rate chosen, unscaled"),
    ];

    internal override void Run(LabRun run)
    {
        (double scaled, double steps) = Train(run, "scaled", 1, 1);
        run.Set("scaled", scaled);
        foreach ((string suffix, string name, float start) in ((string, string, float)[])
            [("", "unscaled", 1), ("_small", "small queries", 1 / MathF.Sqrt(Width))])
        {
            (double loss, double own) = Train(run, name, MathF.Sqrt(Width), start);
            run.Set($"gap{suffix}", loss - scaled);
            run.Set($"slower{suffix}", own / steps);
        }
    }

    /// <summary>Trains with scores times <paramref name="factor"/> and first query matrices times <paramref name="start"/>.</summary>
    /// <returns>Loss on unseen texts, and the step, from 1, with half of the first loss; one more than there are if there is
    /// none.</returns>
    private static (double Loss, double Steps) Train(LabRun run, string name, float factor, float start)
    {
        Hooks hooks = new();
        for (int i = 0; i < Layers; i++) hooks.Replace($"blocks.{i}.attn.q", (_, q) => q * factor);
        using TunedModel tuned = RateGrid.Train(
            Task, run, name, p => Model(run, p, start), new SmallPlan(Steps, 0, 20), [3e-4, 1e-3, 3e-3], hooks);
        for (int step = 0; step < tuned.Losses.Length; step += 5) run.Plot(Curves, name, step, tuned.Losses[step]);
        if (start == 1)
        {
            run.Set($"rate_{name}", tuned.Rate);
            using CausalLanguageModel first = Model(run, run.Parameters(), start);
            run.Set($"entropy_{name}", Entropy(run, first, factor));
        }

        int half = Array.FindIndex(tuned.Losses, l => l <= tuned.Losses[0] / 2);
        return (Task.Score(run, tuned.Model, hooks: hooks).Loss, (half < 0 ? tuned.Losses.Length : half) + 1);
    }

    private static CausalLanguageModel Model(LabRun run, ParameterSet parameters, float start)
    {
        CausalLanguageModel model = LabModels.Decoder(new CustomConfig
        {
            Vocabulary = Symbols,
            Width = Width,
            Layers = Layers,
            Heads = 1,
            InnerWidth = Width,
            TiedOutput = false,
        }, parameters);
        LabModels.KeepSizes(parameters, run.Seed);
        foreach (Parameter p in parameters.Where(p => p.Name.EndsWith("q_proj.weight", StringComparison.Ordinal)))
            foreach (ref float v in p.Value.Span) v *= start;
        return model;
    }

    /// <summary>Mean entropy of the first layer's last rows.</summary>
    private static double Entropy(LabRun run, CausalLanguageModel model, float factor)
    {
        using TensorScope scope = TensorScope.Begin();
        double sum = 0;
        Hooks hooks = new Hooks().Replace("blocks.0.attn.q", (_, q) => q * factor).Observe("blocks.0.attn.pattern", (_, pattern) =>
        {
            for (int b = 0; b < Task.Texts; b++)
                foreach (float p in pattern.Value.Span.Slice(((b * Tokens) + Tokens - 1) * Tokens, Tokens))
                    if (p > 0) sum -= p * Math.Log(p);
        });
        TokenBatch tokens = TokenBatch.Of(Task.Batch(run, "start", 0).Ids);
        _ = model.Hidden(tokens, tokens.Context(new RunOptions { Hooks = hooks }));
        return sum / Task.Texts;
    }
}
