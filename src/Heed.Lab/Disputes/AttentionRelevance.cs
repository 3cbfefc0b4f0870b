using Heed.Generation;
using Heed.Inspection;
using Heed.Lab.Support;
using Heed.Training.Metrics;

namespace Heed.Lab.Disputes;

/// <summary>35: whether attention shows what matters.</summary>
internal sealed class AttentionRelevance : Experiment
{
    private static readonly (string Key, string What)[] Measures =
    [
        ("attention", "attention of the last layer, mean of its heads"), ("rollout", "attention rollout through all layers"),
        ("value_norm", "attention times the norm of what is moved, last layer"), ("gradient", "norm of the gradient"),
        ("times_input", "gradient × input"), ("integrated", "integrated gradients"),
    ];

    private static readonly LabPlot Uniform = new("Answers changed by a uniform pattern", "layer", "share of letters");

    public override int Number => 35;

    public override string Name => "attention-relevance";

    public override string Claim => "Attention shows what a model relies on: high attention, more influence.";

    public override string Form
        => "The encoder of --model, trained once through 1,000 letters about card payments at 1e-4. For 30 letters of other wording the "
            + "words' weights in the row that the head reads are compared with what happens when each word is cut out; then one layer's "
            + "weights after another are replaced by uniform ones, for 90 letters.";

    public override string Measure
        => "Mean Kendall τ-b of each measure and of the size of the change of the score difference when a token is left out (special "
            + "tokens not counted); share of answers that a uniform pattern changes.";

    public override string Refutation => "A τ of attention of at most 0.4, that is 70 of 100 pairs of words in the right order.";

    public override string Source
        => "Jain and Wallace 2019, arXiv:1902.10186, §4; Wiegreffe and Pinter 2019, arXiv:1908.04626; Kobayashi et al. 2020, "
            + "arXiv:2004.10102";

    public override bool UsesModel => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtMost("attention", "τ, " + Measures[0].What, 0.4, Bearing.Refutes),
        .. Measures.Skip(1).Select(m => Expectation.Note(m.Key, "τ, " + m.What)),
        Expectation.AtLeast("value_gain", "τ with value norms less τ of attention", 0, Bearing.Informs),
        Expectation.AtLeast("gradient_gain", "τ of integrated gradients less τ of attention", 0, Bearing.Informs),
        Expectation.AtMost("uniform", "least share of answers that a layer's uniform pattern changes", 0.02, Bearing.Informs),
        Expectation.Note("uniform_most", "largest share of answers that a layer's uniform pattern changes"),
    ];

    internal override void Run(LabRun run)
    {
        using DisputeFolder folder = new(run);
        using HeedModel model = HeedModel.Open(folder.Classifier());
        Inspector inspector = new(model);
        int compared = Math.Min(30, run.StepLimit);
        string[] texts = [.. Letters.Of("test").Select(l => l.Text)];
        Dictionary<string, List<double>> taus = new(StringComparer.Ordinal);
        foreach (string text in texts.Take(compared))
        {
            run.Report($"letter {taus.Values.FirstOrDefault()?.Count ?? 0} of {compared}");
            foreach ((string key, double tau) in Taus(inspector, inspector.Read(text), run.CancellationToken))
            {
                if (!taus.TryGetValue(key, out List<double>? list)) taus.Add(key, list = []);
                if (double.IsFinite(tau)) list.Add(tau);
            }
        }

        foreach ((string key, _) in Measures) run.Set(key, taus[key].Average());
        run.Set("value_gain", taus["value_norm"].Average() - taus["attention"].Average());
        run.Set("gradient_gain", taus["integrated"].Average() - taus["attention"].Average());
        SetUniform(run, inspector, [.. texts.Take(3 * compared).Select(t => inspector.Read(t))]);
    }

    private static IEnumerable<(string Key, double Tau)> Taus(Inspector inspector, InspectedText text, CancellationToken cancellation)
    {
        LogitDifference metric = inspector.Metric(text, cancellationToken: cancellation);
        int tokens = text.Ids.Count, last = inspector.LayersOf("encoder") - 1;
        string at = $"encoder.blocks.{last}.attn";
        double[] left = Words(inspector.LeaveOneOut(text, metric, cancellationToken: cancellation).Metric);
        ValueArray pattern = inspector.Trace(
            text, n => n == $"{at}.pattern", cancellationToken: cancellation)[$"{at}.pattern"];      // [H, T, T]
        float[] mean = new float[tokens];
        for (int h = 0; h < pattern.Shape[0]; h++)
            for (int s = 0; s < tokens; s++) mean[s] += pattern[h, 0, s];
        InputGradient gradient = inspector.Gradient(text, metric, cancellation)["encoder"];
        yield return ("attention", Tau(new ValueArray(mean, tokens)));
        yield return ("rollout", Tau(inspector.Rollout(text, cancellationToken: cancellation).At(last, 0)));
        yield return ("value_norm", Tau(inspector.ValueNorms(text, at, summed: true, cancellation).At(0)));
        yield return ("gradient", Tau(gradient.Norm));
        yield return ("times_input", Tau(gradient.TimesInput));
        yield return ("integrated", Tau(inspector.IntegratedGradients(text, metric, steps: 64, cancellationToken: cancellation).ByToken));

        double Tau(ValueArray measure) => Correlation.KendallTauB(Words(measure), left);

        // The first and the last token are the tokenizer's own.
        double[] Words(ValueArray all) => [.. all.ToArray()[1..(tokens - 1)].Select(v => Math.Abs((double)v))];
    }

    private static void SetUniform(LabRun run, Inspector inspector, InspectedText[] texts)
    {
        int[] answers = [.. texts.Select(t => Answer(inspector, t, []))];
        double[] changed = new double[inspector.LayersOf("encoder")];
        for (int layer = 0; layer < changed.Length; layer++)
        {
            run.Report($"uniform pattern, layer {layer}");
            Intervention uniform = Intervention.Change($"encoder.blocks.{layer}.attn.pattern", Flat);
            changed[layer] = texts.Zip(answers, (t, a) => Answer(inspector, t, [uniform]) == a ? 0.0 : 1).Average();
            run.Plot(Uniform, "changed", layer, changed[layer]);
        }

        run.Set("uniform", changed.Min());
        run.Set("uniform_most", changed.Max());
    }

    /// <summary>The same weight everywhere; rows of one text have one length.</summary>
    private static ValueArray Flat(ValueArray pattern)
    {
        float[] flat = new float[pattern.Count];
        Array.Fill(flat, 1f / pattern.Shape.Last);
        return ValueArray.Create(flat, pattern.Shape);
    }

    private static int Answer(Inspector inspector, InspectedText text, Intervention[] interventions)
    {
        float[] scores = inspector.Logits(text, interventions).ToArray();
        return Array.IndexOf(scores, scores.Max());
    }
}
