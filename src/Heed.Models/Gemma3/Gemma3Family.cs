using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Gemma3;

/// <summary>The text models of Gemma 3 for the loader.</summary>
internal sealed class Gemma3Family : DecoderFamily
{
    private const string LanguageModel = "Gemma3ForCausalLM", Source = "Gemma Team 2025, arXiv:2503.19786, table 1";

    public override IReadOnlyList<string> ModelTypes { get; } = ["gemma3_text"];

    public override IReadOnlyList<string> Architectures { get; } = [LanguageModel, "Gemma3TextForSequenceClassification", "Gemma3TextModel"];

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["gemma-3-270m"] = new(Gemma3Config.Small, LanguageModel, "Google, gemma-3-270m, as released", "the release says 270M"),
        ["gemma-3-1b"] = new(Gemma3Config.OneBillion, LanguageModel, Source, "302M of embeddings and 698M others, as the paper says"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => Gemma3ConfigFile.Read(file);

    protected override DecoderStack BuildStack(string architecture, ModelConfig config, ParameterScope at)
    {
        Gemma3Config c = (Gemma3Config)config;
        if (c.Bidirectional && architecture == LanguageModel)
        {
            throw new ConfigException($"{c.ModelType}: use_bidirectional_attention is true, "
                + $"and a language model ({LanguageModel}) reads from left to right. "
                + "Set it to false, or choose Gemma3TextModel or Gemma3TextForSequenceClassification in architectures.");
        }

        return new Gemma3Model(c, at);
    }

    protected override VocabularyHeadConfig OutputOf(ModelConfig config)
        => base.OutputOf(config) with { SoftCap = ((Gemma3Config)config).FinalSoftCap };
}
