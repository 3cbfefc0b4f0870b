using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Files;

namespace Heed.Lab.Costs;

/// <summary>51: the sizes that courses name.</summary>
internal sealed class NamedSizes : Experiment
{
    public override int Number => 51;

    public override string Name => "named-sizes";

    public override string Claim => "GPT-2 has 117 million parameters, BERT-base 110 million, GPT-3 175 billion.";

    public override string Form => "The released configurations as models of shapes alone.";

    public override string Measure => "Values in all parameters.";

    public override string Refutation => "A count that rounds to another number than the one that is said.";

    public override string Source => "Radford et al. 2019, table 2; Devlin et al. 2019, §3; Brown et al. 2020, table 2.1";

    public override string Condition
        => "GPT-2's is read as 124 million: the paper's 117M is a slip that its authors corrected in the released code";

    public override string Remark => "The paper's table says 117M for the model whose released weights hold 124,439,808 values.";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.Exactly("gpt2", "GPT-2, smallest", 124_439_808, Bearing.Limits),
        Expectation.Exactly("bert", "BERT-base, encoder and pooler", 109_482_240),
        Expectation.Exactly("bert_heads", "BERT-base with the heads of pre-training", 110_106_428),
        Expectation.Exactly("gpt3", "GPT-3, largest", 174_604_259_328),
    ];

    internal override void Run(LabRun run)
    {
        run.Set("gpt2", OfPreset("gpt2"));
        run.Set("gpt3", OfPreset("gpt3"));
        run.Set("bert_heads", OfPreset("bert-base"));
        using ParameterSet parameters = new(ParameterSource.ShapesOnly);
        run.Set("bert", ModelSize.Of(EncoderModel.Create(BertConfig.Base, parameters), 1, 1).Parameters);
    }

    private static long OfPreset(string name)
    {
        foreach (ModelFamily family in ModelFamilies.All)
        {
            if (!family.Presets.TryGetValue(name, out ModelPreset? preset)) continue;
            using Model model = family.Build(preset.Architecture, preset.Config, new ParameterSet(ParameterSource.ShapesOnly));
            return ModelSize.Of(model, 1, 1).Parameters;
        }

        throw new InvalidOperationException($"The preset {name} is missing.");
    }
}
