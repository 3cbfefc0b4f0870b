using Heed.Engine.Nn;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Memory;

/// <summary>11: copying over a delay.</summary>
internal sealed class CopyMemory : Experiment
{
    private const int Symbols = 8, Copied = 3, Blank = Symbols, Marker = Symbols + 1, Vocabulary = Symbols + 2, Steps = 600;

    private static readonly int[] Delays = [3, 30, 100];

    private static readonly LabPlot Recall = new("Three symbols, repeated after a delay", "tokens of delay", "share right", LogX: true);

    public override int Number => 11;

    public override string Name => "copy-memory";

    public override string Claim => "Over long distances LSTMs forget, attention does not.";

    public override string Form
        => "Three symbols of 8, a delay of 3, 30 or 100 blanks, then all three again. One LSTM layer of width 64, one attention layer of "
            + "width 64 (RoPE, 4 heads, feed-forward part of 128): equal parameters within 2 %. 600 steps of 16 texts, best of the "
            + "rates 1e-3, 3e-3, 1e-2 for both.";

    public override string Measure
        => "Mean loss of all tokens, over that of a model without memory, 3·ln 8/(delay + 6); share of right symbols (chance: 1 in 8).";

    public override string Refutation => "An LSTM that copies over 100 blanks as attention does, or attention that does not copy.";

    public override string Source => "Arjovsky et al. 2016, arXiv:1511.06464, §5.1; Hochreiter and Schmidhuber 1997";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("lstm_100", "LSTM, delay 100: loss over that without memory", 0.9),
        Expectation.AtMost("attention_100", "attention, delay 100: loss over that without memory", 0.1),
        Expectation.AtMost("lstm_3", "LSTM, delay 3: loss over that without memory", 0.5, Bearing.Informs),
        Expectation.AtMost("attention_3", "attention, delay 3: loss over that without memory", 0.1, Bearing.Informs),
        Expectation.AtLeast("lstm_30", "LSTM, delay 30: loss over that without memory", 0.5, Bearing.Informs),
        Expectation.AtMost("attention_30", "attention, delay 30: loss over that without memory", 0.1, Bearing.Informs),
        Expectation.AtMost("lstm_right", "LSTM, delay 100: share of symbols right", 0.2, Bearing.Informs),
        Expectation.AtLeast("attention_right", "attention, delay 100: share of symbols right", 0.95),
        Expectation.Near("parameters", "parameters, LSTM over attention", 1, 0.02),
        Expectation.Note("rate_lstm", "rate chosen at delay 100, LSTM"),
        Expectation.Note("rate_attention", "rate chosen at delay 100, attention"),
    ];

    internal override void Run(LabRun run)
    {
        foreach (int delay in Delays)
        {
            using TunedModel lstm = Train(run, "LSTM", "lstm", delay, p => LabModels.Recurrent(Vocabulary, 64, 1, p));
            using TunedModel attention = Train(run, "attention", "attention", delay, p => LabModels.Decoder(new CustomConfig
            {
                Vocabulary = Vocabulary,
                Width = 64,
                Layers = 1,
                Heads = 4,
                InnerWidth = 128,
                TiedOutput = false,
            }, p));
            if (delay == 100)
                run.Set("parameters", Count(lstm) / (double)Count(attention));
        }
    }

    private static TunedModel Train(LabRun run, string line, string key, int delay, Func<ParameterSet, CausalLanguageModel> make)
    {
        SequenceTask all = Of(delay, everything: true);
        TunedModel tuned = RateGrid.Train(
            all, run, $"{line}, delay {delay}", make, new SmallPlan(Steps, 0, 50), [1e-3, 3e-3, 1e-2]);
        double right = Of(delay, everything: false).Score(run, tuned.Model).Accuracy;
        run.Plot(Recall, line, delay, right);
        run.Set($"{key}_{delay}", all.Score(run, tuned.Model).Loss / (Copied * Math.Log(Symbols) / (delay + (2 * Copied))));
        if (delay != 100) return tuned;
        run.Set($"{key}_right", right);
        run.Set($"rate_{key}", tuned.Rate);
        return tuned;
    }

    private static int Count(TunedModel tuned) => tuned.Model.Parameters.Sum(p => p.Shape.Count);

    /// <summary>Texts of delay + 6 tokens: the symbols, blanks, a marker at the end of the delay, and blanks under which the symbols are
    /// expected.</summary>
    private static SequenceTask Of(int delay, bool everything) => new(16, (draws, text, targets) =>
    {
        int[] symbols = [.. Enumerable.Range(0, Copied).Select(_ => draws.Integer(Symbols))];
        text.AddRange(symbols);
        text.AddRange(Enumerable.Repeat(Blank, delay - 1));
        text.Add(Marker);
        text.AddRange(Enumerable.Repeat(Blank, Copied));
        targets.AddRange(Enumerable.Repeat(everything ? Blank : SequenceTask.None, delay + Copied));
        targets.AddRange(symbols);
    });
}
