using Heed.Engine.Nn;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Positions;

/// <summary>7: learned and sinusoidal positions at the trained length.</summary>
internal sealed class PositionKinds : Experiment
{
    private const int Steps = 400, Tokens = 64;

    private static readonly (string Key, PositionKind Kind)[] Kinds =
    [
        ("learned", PositionKind.Learned), ("sinusoidal", PositionKind.Sinusoidal), ("rope", PositionKind.Rope),
        ("alibi", PositionKind.Alibi),
    ];

    private static readonly LabPlot Curves = new("Training loss by kind of positions", "step", "nats per character");

    public override int Number => 7;

    public override string Name => "position-kinds";

    public override string Claim => "Learned positions do as well as sinusoidal ones.";

    public override string Form
        => "A decoder of 2 layers of width 64 reads letters about card payments, character by character, 400 steps of 16 × 64 characters, "
            + "with learned, sinusoidal, rotary (RoPE) and ALiBi positions; rate 2e-3 for all.";

    public override string Measure => "Loss on letters that are not learned from, at the trained length.";

    public override string Refutation => "A loss that differs by more than 1 %.";

    public override string Source => "Vaswani et al. 2017, arXiv:1706.03762, table 3, row E (BLEU 25.8 and 25.7)";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Between("ratio", "loss, learned over sinusoidal", 0.99, 1.01),
        Expectation.AtMost("rope_ratio", "loss, RoPE over sinusoidal", 1.01, Bearing.Informs),
        .. Kinds.Select(k => Expectation.Note($"loss_{k.Key}", $"loss, {k.Key}")),
    ];

    internal override void Run(LabRun run)
    {
        foreach ((string key, PositionKind kind) in Kinds)
        {
            using ParameterSet parameters = run.Parameters();
            CausalLanguageModel model = LabModels.Decoder(new CustomConfig
            {
                Vocabulary = LetterTask.Vocabulary,
                Width = 64,
                Layers = 2,
                Heads = 4,
                Positions = kind,
                ContextLength = Tokens,
            }, parameters);
            _ = LetterTask.ToLearn(16, Tokens).Train(run, key, model, new SmallPlan(Steps, 2e-3, 40), (step, loss) =>
            {
                if (step % 20 == 0) run.Plot(Curves, key, step, loss);
            });
            run.Set($"loss_{key}", LetterTask.ToJudge(64, Tokens).Score(run, model, batches: 2).Loss);
        }

        run.Set("ratio", run.Values["loss_learned"] / run.Values["loss_sinusoidal"]);
        run.Set("rope_ratio", run.Values["loss_rope"] / run.Values["loss_sinusoidal"]);
    }
}
