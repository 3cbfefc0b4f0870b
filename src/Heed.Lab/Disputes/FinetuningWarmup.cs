using Heed.Training.Finetuning;

namespace Heed.Lab.Disputes;

/// <summary>44: warm-up and rate of fine-tuning.</summary>
internal sealed class FinetuningWarmup : Experiment
{
    private const int Steps = 63, Warmup = 4;

    private static readonly string[] Words = ["without", "with"];

    private static readonly (string Name, double Rate)[] Rates = [("2e-5", 2e-5), ("1e-3", 1e-3)];

    private static readonly LabPlot Accuracies = new("Accuracy on the training letters' wording", "log10 of the rate", "accuracy");

    public override int Number => 44;

    public override string Name => "finetuning-warmup";

    public override string Claim => "Fine-tune at 2e-5 with 6 % of warm-up; without warm-up training collapses.";

    public override string Form
        => "The encoder of --model learns to sort 1,000 letters about card payments, once through (63 steps of 16, AdamW, linear fall), at "
            + "2e-5 and at 1e-3, with 4 steps of warm-up and without.";

    public override string Measure
        => "Share of right answers on 300 letters of the same wording (chance 0.33) and on 300 of other wording.";

    public override string Refutation => "At 2e-5 a difference of more than two points; at 1e-3 none.";

    public override string Source => "Mosbach et al. 2021, arXiv:2006.04884, §6; Liu et al. 2019, arXiv:1907.11692, appendix B";

    public override string Condition => "the rate is high: at 2e-5 warm-up changes hardly anything";

    public override bool UsesModel => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Between("gain_2e-5", "with less without warm-up, dev, rate 2e-5", -0.02, 0.02, Bearing.Limits),
        Expectation.AtLeast("gain_1e-3", "with less without warm-up, dev, rate 1e-3", 0.2),
        .. Rates.SelectMany(_ => Words, (r, w) => Expectation.Note($"{w}_{r.Name}", $"{w} warm-up, dev, rate {r.Name}")),
        .. Rates.SelectMany(_ => Words, (r, w) => Expectation.Note($"test_{w}_{r.Name}", $"{w} warm-up, test, rate {r.Name}")),
    ];

    internal override void Run(LabRun run)
    {
        using DisputeFolder letters = new(run);
        foreach ((string name, double rate) in Rates)
        {
            double[] dev = new double[2];
            for (int i = 0; i < 2; i++)
            {
                string word = Words[i];
                string model = letters.Finetune($"{name}-{word}", new FinetuningConfig
                {
                    LearningRate = rate,
                    Steps = Steps,
                    WarmupSteps = i == 0 ? 0 : Warmup,
                });
                dev[i] = letters.Accuracy(model, letters.Dev);
                run.Set($"{word}_{name}", dev[i]);
                run.Set($"test_{word}_{name}", letters.Accuracy(model, letters.Test));
                run.Plot(Accuracies, $"{word} warm-up", Math.Log10(rate), dev[i]);
            }

            run.Set($"gain_{name}", dev[1] - dev[0]);
        }
    }
}
