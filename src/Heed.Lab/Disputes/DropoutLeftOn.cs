using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Lab.Support;
using Heed.Models;

namespace Heed.Lab.Disputes;

/// <summary>52: dropout that was left on.</summary>
internal sealed class DropoutLeftOn : Experiment
{
    public override int Number => 52;

    public override string Name => "dropout-left-on";

    public override string Claim => "A model that is evaluated with its dropout on gives other answers each time, and worse ones.";

    public override string Form
        => "The encoder of --model, trained once through 1,000 letters about card payments at 1e-4, sorts 300 letters of other wording "
            + "without dropout, twice, and four times with the dropout of its training.";

    public override string Measure
        => "Scores that differ between two runs on the same letters; answers that change; accuracy lost, in points.";

    public override string Refutation => "No difference between two runs with dropout.";

    public override string Source => "the usual mistake: model.eval() forgotten; Srivastava et al. 2014 for the loss of accuracy";

    public override string Condition
        => "“worse” is not meant of every letter: most answers stay, and accuracy falls by a few points at most";

    public override bool UsesModel => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Exactly("off", "scores that differ between two runs, dropout off", 0),
        Expectation.AtLeast("on", "share of scores that differ between two runs, dropout on", 0.99),
        Expectation.Between("changed", "answers that dropout changes, %", 0.5, 25, Bearing.Informs),
        Expectation.Between("lost", "accuracy lost on other wording, points", -0.5, 3, Bearing.Limits),
    ];

    internal override void Run(LabRun run)
    {
        using DisputeFolder letters = new(run);
        using HeedModel model = HeedModel.Open(letters.Classifier());
        (string Text, string Label)[] examples = Letters.Of("test");
        List<string> labels = [.. model.Model.Config.Labels];
        int[] right = [.. examples.Select(e => labels.IndexOf(e.Label))];
        float[] off = Scores(run, model, examples, null), again = Scores(run, model, examples, null);
        run.Set("off", LabMath.Differing(off, again));
        double plain = Share(off, right, labels.Count), lost = 0, changed = 0, differing = 0;
        float[]? before = null;
        const int Repeats = 4;
        for (int i = 0; i < Repeats; i++)
        {
            float[] on = Scores(run, model, examples, i);
            lost += plain - Share(on, right, labels.Count);
            changed += 1 - Share(on, Best(off, labels.Count), labels.Count);
            if (before is not null) differing += (double)LabMath.Differing(before, on) / on.Length;
            before = on;
        }

        run.Set("on", differing / (Repeats - 1));
        run.Set("changed", 100 * changed / Repeats);
        run.Set("lost", 100 * lost / Repeats);
    }

    /// <summary>[letters, classes]; with a number dropout is on, and its draws are those of that number.</summary>
    private static float[] Scores(LabRun run, HeedModel model, (string Text, string Label)[] examples, int? draws)
    {
        List<float> scores = [];
        foreach ((string Text, string Label)[] some in examples.Chunk(32))
        {
            using TensorScope scope = TensorScope.Begin();
            run.Report($"letters, {(draws is null ? "dropout off" : $"dropout on, run {draws + 1}")}");
            RunOptions options = new() { Dropout = draws is { } d ? new DropoutPlan(run.Seed, scores.Count, d) : null };
            ModelInputs inputs = model.Reading.InputsOf([.. some.Select(e => model.Reading.Encode(e.Text))]);
            scores.AddRange(model.Model.Run(inputs, options).Logits!.ToArray());
        }

        return [.. scores];
    }

    private static int[] Best(float[] scores, int classes) => [.. scores.Chunk(classes).Select(row => Array.IndexOf(row, row.Max()))];

    private static double Share(float[] scores, int[] right, int classes)
        => Best(scores, classes).Zip(right, (a, b) => a == b ? 1.0 : 0).Average();
}
