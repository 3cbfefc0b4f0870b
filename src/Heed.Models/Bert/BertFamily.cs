using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Bert;

/// <summary>BERT for the loader.</summary>
internal sealed class BertFamily : ModelFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = ["bert"];

    public override IReadOnlyList<string> Architectures { get; } =
        ["BertModel", "BertForMaskedLM", "BertForPreTraining", "BertForNextSentencePrediction", "BertForSequenceClassification", "BertForTokenClassification", "BertForQuestionAnswering"];

    /// <summary>Without <c>is_decoder</c>, which is refused, this class computes what the masked-token head does.</summary>
    public override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string> { ["BertLMHeadModel"] = "BertForMaskedLM" };

    public override string BasePrefix => "bert";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["bert-base"] = new(BertConfig.Base, "BertForPreTraining", "Devlin et al. 2019, §3", "109,482,240 without the heads of pre-training; the paper says 110M"),
        ["bert-large"] = new(BertConfig.Large, "BertForPreTraining", "Devlin et al. 2019, §3", "335,141,888 without the heads of pre-training; the paper says 340M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => BertConfigFile.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
        => BertHeads.Build(architecture, HeadOf(architecture), (BertConfig)config, parameters);

    public override bool LeavesOut(string stored, HeadKind head) => BertHeads.IsOtherHead(stored);

    public override string? CurrentName(string stored) => Current(stored);

    /// <summary>The first releases call a norm's weight gamma and its bias beta; numbers of positions are no parameters.</summary>
    internal static string? Current(string stored)
    {
        if (stored.EndsWith("embeddings.position_ids", StringComparison.Ordinal)
            || stored.EndsWith("embeddings.token_type_ids", StringComparison.Ordinal))
            return null;
        if (stored.EndsWith("LayerNorm.gamma", StringComparison.Ordinal)) return stored[..^"gamma".Length] + "weight";
        return stored.EndsWith("LayerNorm.beta", StringComparison.Ordinal) ? stored[..^"beta".Length] + "bias" : stored;
    }
}

/// <summary>RoBERTa, XLM-RoBERTa and CamemBERT for the loader.</summary>
internal sealed class RobertaFamily : ModelFamily
{
    private static readonly string[] Classes = ["Roberta", "XLMRoberta", "Camembert"];

    public override IReadOnlyList<string> ModelTypes { get; } = ["roberta", "xlm-roberta", "camembert"];

    public override IReadOnlyList<string> Architectures { get; } =
    [
        .. from name in Classes from head in (string[])["Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"] select name + head,
    ];

    /// <summary>Without <c>is_decoder</c>, which is refused, this class computes what the masked-token head does.</summary>
    public override IReadOnlyDictionary<string, string> OtherNames { get; } = Classes.ToDictionary(name => name + "ForCausalLM", name => name + "ForMaskedLM");

    public override string BasePrefix => "roberta";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["roberta-base"] = new(RobertaConfig.Base, "RobertaForMaskedLM", "Liu et al. 2019, arXiv:1907.11692, table 9", "the paper says 125M"),
        ["roberta-large"] = new(RobertaConfig.Large, "RobertaForMaskedLM", "Liu et al. 2019, arXiv:1907.11692, table 9", "the paper says 355M"),
        ["xlm-roberta-base"] = new(RobertaConfig.XlmBase, "XLMRobertaForMaskedLM", "Conneau et al. 2020, arXiv:1911.02116, table 6", "the paper says 270M"),
        ["camembert-base"] = new(RobertaConfig.CamembertBase, "CamembertForMaskedLM", "Martin et al. 2020, arXiv:1911.03894, §4", "the paper says 110M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => BertConfigFile.ReadRoberta(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
        => BertHeads.Build(architecture, HeadOf(architecture), (BertConfig)config, parameters);

    public override bool LeavesOut(string stored, HeadKind head) => BertHeads.IsOtherHead(stored);

    public override string? CurrentName(string stored) => BertFamily.Current(stored);
}

/// <summary>MPNet for the loader.</summary>
internal sealed class MpnetFamily : ModelFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = ["mpnet"];

    public override IReadOnlyList<string> Architectures { get; } =
        ["MPNetModel", "MPNetForMaskedLM", "MPNetForSequenceClassification", "MPNetForTokenClassification", "MPNetForQuestionAnswering"];

    public override string BasePrefix => "mpnet";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["mpnet-base"] = new(RobertaConfig.MpnetBase, "MPNetModel", "Song et al. 2020, arXiv:2004.09297, §4.1", "as BERT-base, of which the paper says 110M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => BertConfigFile.ReadRoberta(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
        => BertHeads.Build(architecture, HeadOf(architecture), (BertConfig)config, parameters);

    public override bool LeavesOut(string stored, HeadKind head) => BertHeads.IsOtherHead(stored);

    public override string? CurrentName(string stored) => BertFamily.Current(stored);
}

/// <summary>ELECTRA for the loader.</summary>
internal sealed class ElectraFamily : ModelFamily
{
    private const string Source = "Clark et al. 2020, arXiv:2003.10555, tables 1 and 2", Discriminator = "ElectraForPreTraining";

    public override IReadOnlyList<string> ModelTypes { get; } = ["electra"];

    public override IReadOnlyList<string> Architectures { get; } =
    [
        "ElectraModel", Discriminator, "ElectraForMaskedLM", "ElectraForSequenceClassification", "ElectraForTokenClassification",
        "ElectraForQuestionAnswering",
    ];

    public override string BasePrefix => "electra";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["electra-small"] = new(ElectraConfig.Small, Discriminator, Source, "the paper says 14M"),
        ["electra-base"] = new(ElectraConfig.Base, Discriminator, Source, "the paper says 110M"),
        ["electra-large"] = new(ElectraConfig.Large, Discriminator, Source, "the paper says 335M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => BertConfigFile.ReadElectra(file);

    /// <summary>ELECTRA's pre-training is of replaced tokens.</summary>
    public override HeadKind HeadOf(string architecture)
        => architecture == Discriminator ? HeadKind.ReplacedTokens : base.HeadOf(architecture);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
        => BertHeads.Build(architecture, HeadOf(architecture), (BertConfig)config, parameters);

    public override bool LeavesOut(string stored, HeadKind head) => BertHeads.IsOtherHead(stored);

    public override string? CurrentName(string stored) => BertFamily.Current(stored);
}

/// <summary>DeBERTa's second and third version for the loader.</summary>
internal sealed class DebertaFamily : ModelFamily
{
    private const string Source = "He et al. 2021, arXiv:2111.09543, table 3", Bare = "DebertaV2Model";

    public override IReadOnlyList<string> ModelTypes { get; } = ["deberta-v2"];

    public override IReadOnlyList<string> Architectures { get; } =
    [
        Bare, "DebertaV2ForMaskedLM", "DebertaV2ForSequenceClassification", "DebertaV2ForTokenClassification",
        "DebertaV2ForQuestionAnswering",
    ];

    public override string BasePrefix => "deberta";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["deberta-v3-xsmall"] = new(DebertaConfig.ExtraSmall, Bare, Source, "the paper says 22M beside the tokens' 49M"),
        ["deberta-v3-small"] = new(DebertaConfig.Small, Bare, Source, "the paper says 44M beside the tokens' 98M"),
        ["deberta-v3-base"] = new(DebertaConfig.Base, Bare, Source, "the paper says 86M beside the tokens' 98M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => DebertaConfigFile.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
        => BertHeads.Build(architecture, HeadOf(architecture), (BertConfig)config, parameters);

    /// <summary>The published files keep a table of positions that only the decoder of their pre-training read.</summary>
    public override bool LeavesOut(string stored, HeadKind head)
        => BertHeads.IsOtherHead(stored) || stored.EndsWith("embeddings.position_embeddings.weight", StringComparison.Ordinal);

    public override string? CurrentName(string stored) => BertFamily.Current(stored);
}
