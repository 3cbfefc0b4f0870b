using Heed.Engine.Nn;
using Heed.Inspection;
using Heed.Models;

namespace Heed.Lab.Memory;

/// <summary>33: where facts are.</summary>
internal sealed class FactStorage : Experiment
{
    private const int Count = 2000, Layers = 2, Width = 64, Exposures = 100, TopTokens = 3, TopKeys = 10;

    private static readonly string[] Parts = ["mlp", "attn"];

    public override int Number => 33;

    public override string Name => "fact-storage";

    public override string Claim => "A Transformer stores facts in its feed-forward layers, as keys and values.";

    public override string Form
        => "A decoder of 2 layers of width 64 learns 2,000 random facts, a subject of two tokens and one of 128 objects, seen 100 times "
            + "each. Then what feed-forward parts or attention write is replaced by zero, in one layer or in both.";

    public override string Measure
        => "Share of facts recalled (chance 0.008); share of 300 facts whose object is among the 3 of 257 tokens that one of the 10 most "
            + "active neurons of the last layer writes most (by lot 11 %).";

    public override string Refutation => "Recall without feed-forward parts.";

    public override string Source
        => "Geva et al. 2021, arXiv:2012.14913, §3 and §4; Meng et al. 2022, arXiv:2202.05262 (both from memory)";

    public override string Condition
        => "it does not mean there alone: without attention, which brings the two parts of a subject together, recall is lost as well";

    public override string Remark
        => "With seed 1, run first, an eighth of the facts survives without any feed-forward part: attention's own matrices learn facts "
            + "too. The bound stands as it was.";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("recall", "recall of the whole model", 0.99),
        Expectation.AtMost("without_mlp", "recall without feed-forward parts", 0.1),
        Expectation.AtMost("without_attn", "recall without attention", 0.1, Bearing.Limits),
        .. Parts.SelectMany(_ => Enumerable.Range(0, Layers), (p, l) => Expectation.Note($"{p}_{l}", $"recall without {p} of layer {l}")),
        Expectation.AtLeast("values", "facts whose object a top neuron writes first, share", 0.3, Bearing.Informs),
    ];

    internal override void Run(LabRun run)
    {
        FactTask task = new(run, Count);
        using ParameterSet parameters = run.Parameters();
        CausalLanguageModel model = FactTask.Model(parameters, Width, Layers);
        task.Train(run, "2,000 facts", model, Exposures, 2e-3);
        run.Set("recall", task.Recall(model));
        foreach (string part in Parts)
        {
            run.Set($"without_{part}", task.Recall(model, Without(part, [.. Enumerable.Range(0, Layers)])));
            for (int layer = 0; layer < Layers; layer++) run.Set($"{part}_{layer}", task.Recall(model, Without(part, [layer])));
        }

        run.Set("values", Values(model, [.. task.Facts.Take(300)]));
    }

    private static Hooks Without(string part, int[] layers)
    {
        Hooks hooks = new();
        foreach (int layer in layers) hooks.Replace($"blocks.{layer}.{part}.out", (_, x) => x * 0f);
        return hooks;
    }

    private static double Values(CausalLanguageModel model, (int[] Ids, int Object)[] facts)
    {
        Inspector inspector = new(model);
        int[] written = [.. inspector.NeuronTokens(Layers - 1, count: TopTokens).Ids];                           // [F, 3]
        int found = 0;
        foreach ((int[] ids, int fact) in facts)
        {
            Ranking top = inspector.TopNeurons(new InspectedText { Ids = ids }, count: TopKeys);                // [L, T, 10]
            IEnumerable<int> keys = top.Ids.Skip(((((Layers - 1) * ids.Length) + ids.Length - 1) * TopKeys)).Take(TopKeys);
            if (keys.Any(k => written.AsSpan(k * TopTokens, TopTokens).Contains(fact))) found++;
        }

        return (double)found / facts.Length;
    }
}
