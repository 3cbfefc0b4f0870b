using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Custom;

/// <summary>Decoders and encoders of one's own for the loader.</summary>
internal sealed class CustomFamily : ModelFamily
{
    private static readonly CustomConfig Small = new() { Vocabulary = 32000, Width = 512, Layers = 8, Heads = 8 };

    public override IReadOnlyList<string> ModelTypes { get; } = [CustomConfig.DecoderType, CustomConfig.EncoderType];

    // A file without "architectures" gets the first class that begins with its type's words.
    public override IReadOnlyList<string> Architectures { get; } =
        ["CustomDecoder", "CustomEncoderForMaskedLM", "CustomEncoderForSequenceClassification", "CustomEncoderForTokenClassification", "CustomEncoder"];

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        [CustomConfig.DecoderType] = new(Small, "CustomDecoder", "a starting point for designs of one's own"),
        [CustomConfig.EncoderType] = new(Small with { Encoder = true }, "CustomEncoderForMaskedLM", "a starting point for designs of one's own"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => CustomConfig.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
    {
        CustomConfig c = (CustomConfig)config;
        if (c.Encoder == (architecture == "CustomDecoder"))
            throw new ConfigException($"{c.ModelType}: architectures names {architecture}, which is {(c.Encoder ? "a decoder" : "an encoder")}; set model_type to {(c.Encoder ? CustomConfig.DecoderType : CustomConfig.EncoderType)} or name another class.");
        return architecture switch
        {
            "CustomDecoder" => new CustomLanguageModel(c, parameters),
            "CustomEncoderForMaskedLM" => new CustomMaskedLanguageModel(c, parameters),
            "CustomEncoderForSequenceClassification" => new CustomSequenceClassifier(c, parameters),
            "CustomEncoderForTokenClassification" => new CustomTokenClassifier(c, parameters),
            _ => new CustomEncoder(c, parameters),
        };
    }

    /// <summary>Heads of other tasks on the same stack.</summary>
    internal static bool IsHead(string stored) => stored.StartsWith("lm_head.", StringComparison.Ordinal) || stored.StartsWith("classifier.", StringComparison.Ordinal);
}
