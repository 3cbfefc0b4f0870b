using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Attention;

/// <summary>41: how far attention with a window reaches.</summary>
internal sealed class WindowReach : Experiment
{
    private const int Window = 16, Symbols = 16, Steps = 800;

    private static readonly int[] Depths = [1, 2, 3, 4];

    private static readonly LabPlot Reach = new("Farthest token that changes a row, window 16", "layers", "tokens back");

    public override int Number => 41;

    public override string Name => "window-reach";

    public override string Claim => "Windowed attention sees the whole text when layers are stacked.";

    public override string Form
        => "Decoders with a window of 16 and 1 to 4 layers: which earlier tokens change the last row of 80; then one layer learns to "
        + "repeat the token 8, 15 and 16 back.";

    public override string Measure => "Farthest token whose change moves the row by a bit; share of right answers (chance: 1 in 16).";

    public override string Refutation => "A reach that is not layers × 15, or an answer from beyond it.";

    public override string Source => "Beltagy et al. 2020, arXiv:2004.05150; own";

    public override string Condition => "the distance is at most layers × (window − 1)";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        .. Depths.Select(d => Expectation.Exactly($"reach_{d}", $"farthest token, {d} layer(s)", d * (Window - 1), Bearing.Limits)),
        Expectation.AtLeast("copy_8", "one layer, 8 back, share right", 0.9),
        Expectation.AtLeast("copy_15", "one layer, 15 back, share right", 0.9),
        Expectation.AtMost("copy_16", "one layer, 16 back, share right", 0.12, Bearing.Limits),
    ];

    internal override void Run(LabRun run)
    {
        foreach (int layers in Depths)
        {
            int reach = Farthest(run, layers);
            run.Set($"reach_{layers}", reach);
            run.Plot(Reach, "reach", layers, reach);
        }

        foreach (int distance in (int[])[8, 15, 16])
        {
            int tokens = distance + 16;
            SequenceTask task = new(16, (draws, text, targets) =>
            {
                for (int t = 0; t < tokens; t++)
                {
                    text.Add(draws.Integer(Symbols));
                    targets.Add(t < distance ? SequenceTask.None : text[t - distance]);
                }
            });
            using ParameterSet parameters = run.Parameters();
            CausalLanguageModel model = LabModels.Decoder(Config(1), parameters);
            _ = task.Train(run, $"{distance} back", model, new SmallPlan(Steps, 3e-3, 50));
            run.Set($"copy_{distance}", task.Score(run, model).Accuracy);
        }
    }

    private static CustomConfig Config(int layers) => new()
    {
        Vocabulary = Symbols,
        Width = 64,
        Layers = layers,
        Heads = 4,
        Attention = CustomAttention.Window,
        Window = Window,
        Positions = PositionKind.Rope,
    };

    private static int Farthest(LabRun run, int layers)
    {
        const int Tokens = 80;
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = run.Parameters();
        CausalLanguageModel model = LabModels.Decoder(Config(layers), parameters);
        LabModels.KeepSizes(parameters, run.Seed);
        int[] ids = LabModels.Ids(run.Random("ids"), Tokens, Symbols);
        float[] last = LabModels.Rows(model, ids).Rows(Tokens - 1, 1).ToArray();
        for (int back = Tokens - 1; back > 0; back--)
        {
            int[] changed = [.. ids];
            changed[Tokens - 1 - back] = (ids[Tokens - 1 - back] + 1) % Symbols;
            if (LabMath.Differing(last, LabModels.Rows(model, changed).Rows(Tokens - 1, 1).Span) > 0) return back;
        }

        return 0;
    }
}
