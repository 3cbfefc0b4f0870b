using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Positions;

/// <summary>8: texts longer than those of training.</summary>
internal sealed class Extrapolation : Experiment
{
    private const int Symbols = 24, Trained = 64, Steps = 800;

    private static readonly int[] Lengths = [64, 128, 256, 512];

    private static readonly (PositionKind Kind, string Name)[] Designs =
        [(PositionKind.Sinusoidal, "sinusoidal"), (PositionKind.Rope, "rope"), (PositionKind.Relative, "t5"), (PositionKind.Alibi,
            "alibi")];

    private static readonly LabPlot Losses = new("Loss of the last quarter, trained at 64 tokens", "tokens", "nats per token", LogX: true);

    public override int Number => 8;

    public override string Name => "extrapolation";

    public override string Claim => "A Transformer reads texts longer than those it was trained on.";

    public override string Form
        => "Decoders of two layers learn a chain in which the next of 24 symbols depends on the two before it and one of two chances; "
            + "texts of 64 tokens, 800 steps of 512 tokens (2,400 with sinusoids), rate 2e-3 for all; then texts up to 512.";

    public override string Measure => "Loss of the last quarter of a text, relative to texts of 64 tokens; the least is ln 2.";

    public override string Refutation => "A loss that grows with the length under every design.";

    public override string Source => "Press et al. 2022, arXiv:2108.12409";

    public override string Condition
        => "positions only lower scores with distance (ALiBi); RoPE and T5's biases degrade, a learned table refuses";

    public override string Remark
        => "With 800 steps sinusoids had not learned the chain at all (seed 1: 3.18 nats, as symbols alone give), so they got "
        + "three times as many; the first row says whether that was enough for the second to mean something. "
        + "Since then sinusoids only inform, and RoPE became a limit.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("learned_sinusoidal", "sinusoids learn the chain: 1.5 less the loss at 64 tokens", 0.3, Bearing.Informs),
        Expectation.AtLeast("sinusoidal", "sinusoids, loss at 128 over 64", 1.5, Bearing.Informs),
        Expectation.AtLeast("rope", "RoPE, loss at 256 over 64", 1.03, Bearing.Limits),
        Expectation.AtMost("t5", "T5's biases, loss at 512 over 64", 1.5, Bearing.Informs),
        Expectation.AtMost("alibi", "ALiBi, loss at 512 over 64", 1.03),
        Expectation.Exactly("refused", "texts of 65 tokens that a learned table reads", 0, Bearing.Limits),
    ];

    internal override void Run(LabRun run)
    {
        foreach ((PositionKind kind, string name) in Designs)
        {
            using ParameterSet parameters = run.Parameters();
            CausalLanguageModel model = LabModels.Decoder(Config(kind, Lengths[^1]), parameters);
            _ = Of(Trained, 8).Train(run, name, model, new SmallPlan(kind == PositionKind.Sinusoidal ? 3 * Steps : Steps, 2e-3, 50));
            double[] losses = [.. Lengths.Select(n => LastQuarter(run, model, n))];
            for (int i = 0; i < losses.Length; i++) run.Plot(Losses, name, Lengths[i], losses[i]);
            if (kind == PositionKind.Sinusoidal) run.Set("learned_sinusoidal", 1.5 - losses[0]);
            run.Set(name, losses[kind switch { PositionKind.Sinusoidal => 1, PositionKind.Rope => 2, _ => 3 }] / losses[0]);
        }

        using ParameterSet table = run.Parameters();
        CausalLanguageModel learned = LabModels.Decoder(Config(PositionKind.Learned, Trained), table);
        try
        {
            _ = LabModels.Rows(learned, new int[Trained + 1]);
            run.Set("refused", 1);
        }
        catch (InputException)
        {
            run.Set("refused", 0);
        }
    }

    private static CustomConfig Config(PositionKind kind, int length)
        => new() { Vocabulary = Symbols, Width = 64, Layers = 2, Heads = 4, Positions = kind, ContextLength = length };

    private static SequenceTask Of(int tokens, int texts) => new(texts, (draws, text, targets) =>
    {
        text.Add(draws.Integer(Symbols));
        text.Add(draws.Integer(Symbols));
        targets.Add(SequenceTask.None);
        for (int t = 1; t < tokens; t++)
        {
            int next = ((text[^1] * 5) + (text[^2] * 7) + (draws.Integer(2) * 11) + 3) % Symbols;
            targets.Add(next);
            if (t + 1 < tokens) text.Add(next);
        }
    });

    private static double LastQuarter(LabRun run, CausalLanguageModel model, int tokens)
    {
        double sum = 0;
        const int Batches = 8;
        for (int i = 0; i < Batches; i++)
        {
            using TensorScope scope = TensorScope.Begin();
            SequenceBatch batch = Of(tokens, 8).Batch(run, "test", i);
            int[] targets = [.. batch.Targets.Select((t, n) => n % tokens < tokens * 3 / 4 ? SequenceTask.None : t)];
            sum += SequenceTask.Loss(model, batch with { Targets = targets }).Value.ToScalar();
        }

        return sum / Batches;
    }
}
