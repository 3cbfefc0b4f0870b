using Heed.Engine.Nn;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Memory;

/// <summary>40: recall of pairs from the context, trained.</summary>
internal sealed class MultiQueryRecall : Experiment
{
    private const int Keys = 16, Values = 16, Pairs = 12, Vocabulary = (Keys * Values) + Keys, Steps = 800;

    private static readonly int[] Widths = [8, 16, 64];

    private static readonly (string Key, string Name, Func<int, ParameterSet, CausalLanguageModel> Make)[] Designs =
    [
        ("softmax", "softmax", (width, p) => Decoder(CustomAttention.Full, width, p)),
        ("linear", "linear (elu + 1)", (width, p) => Decoder(CustomAttention.Elu, width, p)),
        ("lstm", "LSTM", (width, p) => LabModels.Recurrent(Vocabulary, width, 1, p)),
    ];

    private static readonly LabPlot Recall = new("Recall of 12 pairs from the text", "width", "share right", LogX: true);

    /// <summary>Twelve pairs, each one token, then their keys in another order; under each key its value is expected.</summary>
    private static readonly SequenceTask Task = new(32, (draws, text, targets) =>
    {
        int[] keys = draws.Permutation(Keys)[..Pairs], values = [.. keys.Select(_ => draws.Integer(Values))];
        for (int i = 0; i < Pairs; i++)
        {
            text.Add((keys[i] * Values) + values[i]);
            targets.Add(SequenceTask.None);
        }

        foreach (int i in draws.Permutation(Pairs))
        {
            text.Add((Keys * Values) + keys[i]);
            targets.Add(values[i]);
        }
    });

    public override int Number => 40;

    public override string Name => "multi-query-recall";

    public override string Claim => "Linear attention and recurrent networks recall from the text as well as softmax attention.";

    public override string Form
        => "12 pairs of a key and a value (16 of each; a pair is one token, so that one layer is enough), then their keys in another "
            + "order. One layer of width 8, 16 and 64 (one head, RoPE, feed-forward part twice as wide) with softmax or linear "
            + "attention, or one LSTM layer: equal parameters but for biases and norms. 800 steps of 32 texts, best of the rates 1e-3, "
            + "3e-3, 1e-2 for each.";

    public override string Measure => "Share of right values on texts that training never saw (chance: 1 in 16).";

    public override string Refutation => "Softmax that is ahead at small widths: by then its rivals have no room for the pairs.";

    public override string Source => "Arora et al. 2023 (Zoology), arXiv:2312.04927, §4";

    public override string Condition => "their width grows with the number of pairs";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("softmax_8", "softmax, width 8", 0.99, Bearing.Informs),
        Expectation.AtLeast("softmax_16", "softmax, width 16", 0.99, Bearing.Informs),
        Expectation.AtLeast("softmax_64", "softmax, width 64", 0.99, Bearing.Informs),
        Expectation.Note("linear_8", "linear, width 8"),
        Expectation.Note("linear_16", "linear, width 16"),
        Expectation.AtLeast("linear_64", "linear, width 64", 0.9),
        Expectation.AtLeast("gap_linear", "softmax less linear, width 8", 0.1, Bearing.Limits),
        Expectation.Note("lstm_8", "LSTM, width 8"),
        Expectation.Note("lstm_16", "LSTM, width 16"),
        Expectation.AtLeast("lstm_64", "LSTM, width 64", 0.9),
        Expectation.AtLeast("gap_lstm", "softmax less LSTM, width 8", 0.1, Bearing.Limits),
    ];

    internal override void Run(LabRun run)
    {
        Dictionary<string, double> right = [];
        foreach (int width in Widths)
        {
            foreach ((string key, string name, Func<int, ParameterSet, CausalLanguageModel> make) in Designs)
            {
                using TunedModel tuned = RateGrid.Train(
                    Task, run, $"{name}, width {width}", p => make(width, p), new SmallPlan(Steps, 0, 50), [1e-3, 3e-3, 1e-2]);
                double share = right[$"{key}_{width}"] = Task.Score(run, tuned.Model).Accuracy;
                run.Set($"{key}_{width}", share);
                run.Plot(Recall, name, width, share);
            }
        }

        run.Set("gap_linear", right["softmax_8"] - right["linear_8"]);
        run.Set("gap_lstm", right["softmax_8"] - right["lstm_8"]);
    }

    private static CausalLanguageModel Decoder(CustomAttention attention, int width, ParameterSet parameters)
        => LabModels.Decoder(new CustomConfig
        {
            Vocabulary = Vocabulary,
            Width = width,
            Layers = 1,
            Heads = 1,
            InnerWidth = 2 * width,
            Attention = attention,
            TiedOutput = false,
        }, parameters);
}
