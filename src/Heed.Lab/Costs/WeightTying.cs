using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Gpt2;

namespace Heed.Lab.Costs;

/// <summary>43: tying input and output embeddings.</summary>
internal sealed class WeightTying : Experiment
{
    public override int Number => 43;

    public override string Name => "weight-tying";

    public override string Claim => "Sharing the token table with the output layer saves parameters.";

    public override string Form => "GPT-2 (124M) with and without a shared table, from shapes alone.";

    public override string Measure => "Values in all parameters.";

    public override string Refutation => "A saving that is not the table's size.";

    public override string Source
        => "Press and Wolf 2017, arXiv:1608.05859. That the loss is no worse is not measured here: it needs training";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Exactly("tied", "parameters, shared table", 124_439_808),
        Expectation.Exactly("saved", "parameters saved", 38_597_376),
        Expectation.Near("percent", "saving, percent of the shared model", 31, 0.5),
    ];

    internal override void Run(LabRun run)
    {
        long tied = Count(Gpt2Config.Small), untied = Count(Gpt2Config.Small with { TiedOutput = false });
        run.Set("tied", tied);
        run.Set("saved", untied - tied);
        run.Set("percent", 100.0 * (untied - tied) / tied);
    }

    private static long Count(Gpt2Config config)
    {
        using ParameterSet parameters = new(ParameterSource.ShapesOnly);
        return ModelSize.Of(CausalLanguageModel.Create(config, parameters), 1, 1).Parameters;
    }
}
