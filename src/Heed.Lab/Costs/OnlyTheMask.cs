using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Lab.Support;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Custom;
using Heed.Models.Files;
using Heed.Models.Gpt2;

namespace Heed.Lab.Costs;

/// <summary>26: BERT and GPT differ in the mask alone.</summary>
internal sealed class OnlyTheMask : Experiment
{
    public override int Number => 26;

    public override string Name => "only-the-mask";

    public override string Claim => "The causal mask is the only architectural difference between BERT and GPT.";

    public override string Form
        => "BERT-base (with the heads of its pre-training) and GPT-2 (124M) as models of shapes, part by part; then one model with the "
        + "mask on and off, all weights equal.";

    public override string Measure => "Number of differences beside the mask; parameters; relative change of the rows by the mask alone.";

    public override string Refutation => "One difference beside the mask.";

    public override string Source => "Devlin et al. 2019, arXiv:1810.04805; Radford et al. 2019; released configurations";

    public override bool IsQuick => true;

    public override IReadOnlyList<Expectation> Expectations { get; } =
    [
        Expectation.AtLeast("differences", "differences beside the mask", 1, Bearing.Refutes),
        Expectation.Exactly("count", "differences beside the mask, counted", 9, Bearing.Informs),
        Expectation.Exactly("bert", "parameters of BERT-base", 110_106_428, Bearing.Informs),
        Expectation.Exactly("gpt2", "parameters of GPT-2", 124_439_808, Bearing.Informs),
        Expectation.AtLeast("mask", "relative change of the rows by the mask alone", 0.1, Bearing.Informs),
    ];

    public override string Remark
        => "The differences: token types, a norm on the embeddings, a pooler, the head of masked words, 512 against 1,024 positions, norms "
        + "after the parts instead of before, a final norm, GELU by erf instead of tanh, 30,522 against 50,257 ids. "
        + "The comparison of names was corrected after a first run.";

    internal override void Run(LabRun run)
    {
        using ParameterSet a = new(ParameterSource.ShapesOnly), b = new(ParameterSource.ShapesOnly);
        BertConfig bert = BertConfig.Base;
        Gpt2Config gpt = Gpt2Config.Small;
        using Model encoder = ModelFamilies.Build("BertForPreTraining", bert, a), decoder = ModelFamilies.Build("GPT2LMHeadModel", gpt, b);
        bool[] differences =
        [
            Has(encoder, "token_type_embeddings") != Has(decoder, "token_type"),
            Has(encoder, "embeddings.LayerNorm") != Has(decoder, "wte_norm"),
            Has(encoder, "pooler") != Has(decoder, "pooler"),
            Has(encoder, "cls.predictions.transform") != Has(decoder, "predictions"),
            bert.PositionRows != gpt.ContextLength,
            NormsStandFirst(encoder) != NormsStandFirst(decoder),
            Has(encoder, "final") != Has(decoder, "ln_f"),
            bert.Activation != gpt.Activation,
            bert.Vocabulary != gpt.Vocabulary,
        ];
        int count = differences.Count(d => d);
        run.Set("differences", count);
        run.Set("count", count);
        run.Set("bert", ModelSize.Of(encoder, 1, 1).Parameters);
        run.Set("gpt2", ModelSize.Of(decoder, 1, 1).Parameters);
        run.Set("mask", MaskAlone(run));
    }

    private static bool Has(Model model, string part) => model.Parameters.Any(p => p.Name.Contains(part, StringComparison.Ordinal));

    /// <summary>Whether a layer makes its first norm before its attention.</summary>
    private static bool NormsStandFirst(Model model)
    {
        string[] sites = [.. model.Parameters.Select(model.Parameters.SiteOf).Where(s => s.Contains("blocks.0.",
            StringComparison.Ordinal))];
        return Array.FindIndex(sites, s => s.Contains("norm", StringComparison.Ordinal)) < Array.FindIndex(sites, s => s.Contains(".attn.",
            StringComparison.Ordinal));
    }

    private static double MaskAlone(LabRun run)
    {
        CustomConfig config = new()
        {
            Vocabulary = 101,
            Width = 64,
            Layers = 2,
            Heads = 4,
            Positions = PositionKind.Learned,
            ContextLength = 64
        };
        using ParameterSet a = run.Parameters(), b = run.Parameters();
        CausalLanguageModel causal = LabModels.Decoder(config, a), full = LabModels.Decoder(config with { Encoder = true }, b);
        LabModels.KeepSizes(a, run.Seed);
        LabModels.KeepSizes(b, run.Seed);
        int[] ids = LabModels.Ids(run.Random("ids"), 48, 101);
        using TensorScope scope = TensorScope.Begin();
        return LabMath.RelativeDifference(LabModels.Rows(causal, ids).Span, LabModels.Rows(full, ids).Span);
    }
}
