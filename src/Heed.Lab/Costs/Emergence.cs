using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Lab.Training;
using Heed.Models;
using Heed.Models.Custom;

namespace Heed.Lab.Costs;

/// <summary>32: abilities that emerge.</summary>
internal sealed class Emergence : Experiment
{
    private const int Plus = 10, Equal = 11, Digits = 3, Steps = 1500;

    private static readonly int[] Widths = [8, 16, 32, 64];

    private static readonly LabPlot Plot = new(
        "Addition of two numbers of two digits", "width", "share right, or log-likelihood + 1", LogX: true);

    /// <summary>12+34=640: the sum begins with its last digit, as a carry does.</summary>
    private static readonly SequenceTask Task = new(64, (draws, text, targets) =>
    {
        int a = draws.Integer(100), b = draws.Integer(100), sum = a + b;
        text.AddRange([a / 10, a % 10, Plus, b / 10, b % 10, Equal, sum % 10, sum / 10 % 10]);
        targets.AddRange([.. Enumerable.Repeat(SequenceTask.None, 5), sum % 10, sum / 10 % 10, sum / 100]);
    });

    public override int Number => 32;

    public override string Name => "emergence";

    public override string Claim => "Abilities emerge suddenly with the size of the model.";

    public override string Form
        => "Decoders of 2 layers of width 8, 16, 32 and 64 learn to add two numbers of two digits, the sum written from its last digit; "
            + "1,500 steps of 64 sums; rate 3e-3.";

    public override string Measure
        => "On 1,024 sums: share of sums that are right in all digits, share p of right digits, log-likelihood of a digit; of each the "
            + "largest step between two neighbouring sizes as a share of the whole rise.";

    public override string Refutation
        => "Exact sums that are what p³ gives, with a log-likelihood that rises in smaller steps: then the jump is the measure's.";

    public override string Source => "Schaeffer et al. 2023, arXiv:2304.15004";

    public override string Condition => "all digits must be right at once: the log-likelihood of a digit rises more evenly";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("jump", "largest step of exact sums, share of the rise", 0.5),
        Expectation.AtMost("smooth", "largest step of the log-likelihood, share of the rise", 0.6, Bearing.Limits),
        Expectation.AtMost("cube", "largest difference of exact sums and p³", 0.1, Bearing.Informs),
        .. Widths.SelectMany(w => (Expectation[])
        [
            Expectation.Note($"exact_{w}", $"exact sums, width {w}"), Expectation.Note($"digits_{w}", $"right digits, width {w}"),
            Expectation.Note($"likelihood_{w}", $"log-likelihood of a digit, width {w}"),
        ]),
    ];

    internal override void Run(LabRun run)
    {
        List<double> exacts = [], likelihoods = [];
        double cube = 0;
        foreach (int width in Widths)
        {
            using ParameterSet parameters = run.Parameters();
            CausalLanguageModel model = LabModels.Decoder(
                new CustomConfig { Vocabulary = 12, Width = width, Layers = 2, Heads = 2 }, parameters);
            _ = Task.Train(run, $"width {width}", model, new SmallPlan(Steps, 3e-3, 50));
            SequenceScore score = Task.Score(run, model, batches: 16);
            double exact = Exact(run, model);
            run.Set($"exact_{width}", exact);
            run.Set($"digits_{width}", score.Accuracy);
            run.Set($"likelihood_{width}", -score.Loss);
            run.Plot(Plot, "exact sums", width, exact);
            run.Plot(Plot, "digits, p", width, score.Accuracy);
            run.Plot(Plot, "p³", width, Math.Pow(score.Accuracy, Digits));
            run.Plot(Plot, "log-likelihood + 1", width, 1 - score.Loss);
            cube = Math.Max(cube, Math.Abs(exact - Math.Pow(score.Accuracy, Digits)));
            exacts.Add(exact);
            likelihoods.Add(-score.Loss);
        }

        run.Set("jump", LargestStep(exacts));
        run.Set("smooth", LargestStep(likelihoods));
        run.Set("cube", cube);
    }

    private static double Exact(LabRun run, CausalLanguageModel model)
    {
        int right = 0, all = 0;
        for (int i = 0; i < 16; i++)
        {
            using TensorScope scope = TensorScope.Begin();
            SequenceBatch batch = Task.Batch(run, "test", i);
            TokenBatch tokens = TokenBatch.Of(batch.Ids);
            int[] best = model.Logits(model.Hidden(tokens, tokens.Context())).Value.ArgMax();
            foreach (int[] places in Enumerable.Range(0, best.Length).Chunk(batch.Ids[0].Length))
            {
                all++;
                if (Array.TrueForAll(places, n => batch.Targets[n] == SequenceTask.None || best[n] == batch.Targets[n])) right++;
            }
        }

        return (double)right / all;
    }

    private static double LargestStep(List<double> values)
        => values.Zip(values.Skip(1), (a, b) => b - a).Max() / Math.Max(1e-9, values.Max() - values.Min());
}
