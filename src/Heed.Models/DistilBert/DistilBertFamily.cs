using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.DistilBert;

/// <summary>DistilBERT for the loader.</summary>
internal sealed class DistilBertFamily : ModelFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = ["distilbert"];

    public override IReadOnlyList<string> Architectures { get; } =
        ["DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification", "DistilBertForTokenClassification", "DistilBertForQuestionAnswering"];

    public override string BasePrefix => "distilbert";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["distilbert"] = new(DistilBertConfig.Base, "DistilBertForMaskedLM", "Sanh et al. 2019, arXiv:1910.01108, table 3", "the paper says 66M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => DistilBertConfig.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters) => architecture switch
    {
        "DistilBertForMaskedLM" => new DistilBertMaskedLanguageModel((DistilBertConfig)config, parameters),
        "DistilBertForSequenceClassification" => new DistilBertSequenceClassifier((DistilBertConfig)config, parameters),
        "DistilBertForTokenClassification" => new DistilBertTokenClassifier((DistilBertConfig)config, parameters),
        "DistilBertForQuestionAnswering" => new DistilBertQuestionAnswerer((DistilBertConfig)config, parameters),
        _ => new DistilBertModel((DistilBertConfig)config, parameters),
    };

    public override string? CurrentName(string stored) => stored.EndsWith("embeddings.position_ids", StringComparison.Ordinal) ? null : stored;

    /// <summary>The head of pre-training, which a model with another head does not have.</summary>
    internal static bool IsOtherHead(string stored) => stored.StartsWith("vocab_", StringComparison.Ordinal);
}
