using Heed.Engine.Nn;
using Heed.Models;

namespace Heed.Lab.Memory;

/// <summary>34: how many facts a parameter holds.</summary>
internal sealed class FactCapacity : Experiment
{
    private const int Width = 32, Layers = 1, Exposures = 100;

    private static readonly int[] Counts = [500, 1000, 2000, 4000];

    private static readonly LabPlot Recalls = new("Recall of one small decoder", "facts", "share recalled", LogX: true);

    public override int Number => 34;

    public override string Name => "fact-capacity";

    public override string Claim => "A Transformer holds about one bit of knowledge a parameter when it sees each fact 100 times.";

    public override string Form
        => "One decoder layer of width 32 learns 500, 1,000, 2,000 and 4,000 random facts of 7 bits (a subject of two tokens, one of 128 "
            + "objects), each seen 100 times.";

    public override string Measure
        => "Bits a parameter at the largest number of facts of which 90 % are recalled, and the most bits recalled at any number; "
            + "parameters of all tables and layers.";

    public override string Refutation => "Fewer than half a bit or more than two.";

    public override string Source => "Allen-Zhu and Li 2024, arXiv:2404.05405 (from memory: 1 bit at 100 exposures, 2 at 1,000)";

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Between("bits", "most bits a parameter: facts recalled × 7 ÷ parameters", 0.5, 2),
        Expectation.Note("facts", "largest number of facts with 90 % recalled"),
        Expectation.Note("bits_90", "bits a parameter at that number"),
        .. Counts.Select(n => Expectation.Note($"recall_{n}", $"recall of {n:N0} facts")),
        Expectation.Note("parameters", "parameters"),
    ];

    internal override void Run(LabRun run)
    {
        double most = 0, facts = 0;
        long parameters = 0;
        foreach (int count in Counts)
        {
            FactTask task = new(run, count);
            using ParameterSet set = run.Parameters();
            CausalLanguageModel model = FactTask.Model(set, Width, Layers);
            parameters = set.Values;
            task.Train(run, $"{count:N0} facts", model, Exposures, 3e-3);
            double recall = task.Recall(model);
            if (recall >= 0.9) facts = count;
            most = Math.Max(most, 7 * recall * count / parameters);
            run.Set($"recall_{count}", recall);
            run.Plot(Recalls, "recall", count, recall);
        }

        run.Set("parameters", parameters);
        run.Set("facts", facts);
        run.Set("bits_90", 7 * facts / parameters);
        run.Set("bits", most);
    }
}
