using Heed.Training.Baselines;
using Heed.Training.Finetuning;

namespace Heed.Lab.Disputes;

/// <summary>45: what pre-training is worth, by number of examples.</summary>
internal sealed class PretrainingWorth : Experiment
{
    private static readonly string[] Methods = ["words", "lstm", "new-weights", "finetune", "vectors"];

    private static readonly int[] Sizes = [10, 100, 1000];

    private static readonly LabPlot OnTest = new("Accuracy on unseen wording", "training letters", "accuracy", LogX: true);

    private static readonly LabPlot OnDev = new("Accuracy on the training letters' wording", "training letters", "accuracy", LogX: true);

    public override int Number => 45;

    public override string Name => "pretraining";

    public override string Claim => "Pre-training decides: fine-tune a pre-trained encoder, never train from scratch.";

    public override string Form
        => "10, 100 and 1,000 letters about card payments are sorted into three classes: bag of words, an LSTM, the encoder of --model "
            + "with new weights, the same fine-tuned as heed finetune does it (300 steps, 20 epochs at most), a logistic regression over "
            + "its mean-pooled vectors as they are. Each seed draws its own letters.";

    public override string Measure
        => "Share of right answers on 300 letters of the training letters' wording (dev) and on 300 of other wording (test); every method "
            + "takes its last step.";

    public override string Refutation
        => "Fine-tuning no better than new weights with 100 letters; simple methods as good as fine-tuning show where the claim ends.";

    public override string Source
        => "Devlin et al. 2019, arXiv:1810.04805; the letters: samples/disputes (reference on test with 1,000 letters: fine-tuning 0.61 to "
            + "0.66, words 0.67, vectors 0.74)";

    public override string Condition
        => "it is fine-tuning against new weights; on unseen wording a logistic regression over the encoder's vectors as they are does as "
            + "well or better than fine-tuning all of it";

    public override bool UsesModel => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("gap_100", "fine-tuned less new weights, test, 100 letters", 0.05),
        Expectation.AtLeast("vectors_over_100", "vectors less fine-tuned, test, 100 letters", 0, Bearing.Limits),
        Expectation.AtLeast("vectors_over_1000", "vectors less fine-tuned, test, 1,000 letters", 0.02, Bearing.Informs),
        Expectation.AtLeast("words_over_1000", "words less fine-tuned, test, 1,000 letters", 0, Bearing.Informs),
        Expectation.AtLeast("gap_1000", "fine-tuned less new weights, test, 1,000 letters", 0.02, Bearing.Informs),
        .. Methods.SelectMany(_ => Sizes, (m, n) => Expectation.Note($"{m}_{n}", $"{m}, test, {n:N0} letters")),
        .. Methods.Select(m => Expectation.Note($"{m}_dev", $"{m}, dev, 1,000 letters")),
    ];

    internal override void Run(LabRun run)
    {
        using DisputeFolder letters = new(run);
        BaselineSettings settings = new()
        {
            Train = letters.Train,
            Dev = letters.Dev,
            Test = letters.Test,
            Model = letters.Model,
            Methods = Methods,
            Examples = Sizes,
            Seeds = 1,
            FirstSeed = (int)run.Seed,
            Training = new FinetuningConfig { Steps = run.StepLimit == int.MaxValue ? 0 : run.StepLimit },
        };
        IReadOnlyList<BaselineResult> known = BaselineReport.Read(letters.Path, settings);
        Dictionary<string, double> test = new(StringComparer.Ordinal);
        foreach (BaselineResult r in BaselineComparison.Run(settings, letters.Path, known, new Progress(run), run.CancellationToken))
        {
            known = [.. known.Where(k => (k.Method, k.Examples, k.Seed) != (r.Method, r.Examples, r.Seed)), r];
            BaselineReport.Write(letters.Path, settings, known);
            test[$"{r.Method}_{r.Examples}"] = r.Test;
            run.Set($"{r.Method}_{r.Examples}", r.Test);
            if (r.Examples == 1000) run.Set($"{r.Method}_dev", r.Dev);
            run.Plot(OnTest, r.Method, r.Examples, r.Test);
            run.Plot(OnDev, r.Method, r.Examples, r.Dev);
        }

        run.Set("gap_100", test["finetune_100"] - test["new-weights_100"]);
        run.Set("gap_1000", test["finetune_1000"] - test["new-weights_1000"]);
        run.Set("vectors_over_100", test["vectors_100"] - test["finetune_100"]);
        run.Set("vectors_over_1000", test["vectors_1000"] - test["finetune_1000"]);
        run.Set("words_over_1000", test["words_1000"] - test["finetune_1000"]);
    }

    private sealed class Progress(LabRun run) : IProgress<string>
    {
        public void Report(string value) => run.Report(value);
    }
}
