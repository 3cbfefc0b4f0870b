using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models.Custom;
using Heed.Models;

namespace Heed.Lab.Objectives;

/// <summary>25: a leak of the future gives a perfect loss and a useless model.</summary>
internal sealed class FutureLeak : Experiment
{
    private const int Symbols = 32, Tokens = 32, Steps = 500;

    private static readonly LabPlot Curves = new("Training loss", "step", "nats per token");

    /// <summary>Each symbol has two successors, equally likely: ln 2 is the least honest loss.</summary>
    private static readonly SequenceTask Task = new(16, (draws, text, targets) =>
    {
        text.Add(draws.Integer(Symbols));
        for (int t = 0; t < Tokens; t++)
        {
            int next = Successor(text[^1], draws.Integer(2));
            // As labels shifted by one have it, the last place predicts nothing: every answer stands in the inputs.
            targets.Add(t + 1 < Tokens ? next : SequenceTask.None);
            if (t + 1 < Tokens) text.Add(next);
        }
    });

    public override int Number => 25;

    public override string Name => "future-leak";

    public override string Claim => "Without the causal mask a language model reaches a perfect loss and cannot write.";

    public override string Form
        => "Two layers of width 64 learn a chain of 32 symbols with two successors each, with the mask and without; 500 steps of 512 "
            + "tokens. Then each writes 15 symbols after each of 32, one by one.";

    public override string Measure => "Loss on texts that training never saw; share of written symbols that are possible "
        + "successors (chance: 1 in 16).";

    public override string Refutation => "A leaking model that writes as well as the masked one.";

    public override string Source => "own";

    public override string Remark
        => "In a first form the last place of each text had a target too, one in 32 and the only one that no input shows. "
        + "That was enough to learn to write (0.69 of the symbols with seed 1): the leak is complete only as labels are usually shifted.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("loss", "loss without the mask, least possible ln 2 = 0.693", 0.05),
        Expectation.Near("honest", "loss with the mask (least: ln 2 = 0.693)", 0.72, 0.05, Bearing.Informs),
        Expectation.AtMost("written", "possible successors written, without the mask", 0.2),
        Expectation.AtLeast("masked", "possible successors written, with the mask", 0.95),
    ];

    internal override void Run(LabRun run)
    {
        foreach (bool leaks in (bool[])[true, false])
        {
            using ParameterSet parameters = run.Parameters();
            CausalLanguageModel model = LabModels.Decoder(
                new CustomConfig { Vocabulary = Symbols, Width = 64, Layers = 2, Heads = 4, Encoder = leaks }, parameters);
            _ = Task.Train(run, leaks ? "without the mask" : "with the mask", model, new SmallPlan(Steps, 2e-3, 50), (step, loss) =>
            {
                if (step % 10 == 0) run.Plot(Curves, leaks ? "without the mask" : "with the mask", step, loss);
            });
            run.Set(leaks ? "loss" : "honest", Task.Score(run, model).Loss);
            run.Set(leaks ? "written" : "masked", Written(model));
        }
    }

    private static int Successor(int symbol, int choice) => ((symbol * 11) + (choice * 7) + 3) % Symbols;

    private static double Written(CausalLanguageModel model)
    {
        int right = 0, all = 0;
        for (int first = 0; first < Symbols; first++)
        {
            List<int> text = [first];
            for (int i = 0; i < 15; i++)
            {
                using TensorScope scope = TensorScope.Begin();
                int next = LabModels.Logits(model, [.. text]).ArgMax()[^1];
                all++;
                if (next == Successor(text[^1], 0) || next == Successor(text[^1], 1)) right++;
                text.Add(next);
            }
        }

        return (double)right / all;
    }
}
