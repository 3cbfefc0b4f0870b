using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.T5;

/// <summary>T5 and T5 v1.1 for the loader.</summary>
internal sealed class T5Family : ModelFamily
{
    private const string Generation = "T5ForConditionalGeneration";
    private const string Source = "Raffel et al. 2020, arXiv:1910.10683, §3.7";
    private const string Gates = "T5 v1.1 with the gates of Shazeer 2020, arXiv:2002.05202, as released";

    private static readonly T5Config Gated = T5Config.Small with { Gated = true, Activation = Activation.GeluTanh, TiedOutput = false };

    public override IReadOnlyList<string> ModelTypes { get; } = ["t5"];

    public override IReadOnlyList<string> Architectures { get; } = [Generation, "T5EncoderModel"];

    public override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string> { ["T5WithLMHeadModel"] = Generation, ["T5Model"] = Generation };

    public override string BasePrefix => "transformer";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["t5-small"] = new(T5Config.Small, Generation, Source, "the paper says 60M"),
        ["t5-base"] = new(T5Config.Base, Generation, Source, "the paper says 220M"),
        ["t5-large"] = new(T5Config.Large, Generation, Source, "the paper says 770M"),
        ["t5-3b"] = new(T5Config.ThreeBillion, Generation, Source, "the paper says 2.8B"),
        ["t5-11b"] = new(T5Config.ElevenBillion, Generation, Source, "the paper says 11B"),
        ["t5-v1_1-small"] = new(Gated with { Layers = 8, Heads = 6, InnerWidth = 1024 }, Generation, Gates),
        ["t5-v1_1-base"] = new(Gated with { Layers = 12, Width = 768, Heads = 12, InnerWidth = 2048 }, Generation, Gates),
        ["t5-v1_1-large"] = new(Gated with { Layers = 24, Width = 1024, Heads = 16, InnerWidth = 2816 }, Generation, Gates),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => T5ConfigFile.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
    {
        T5Config c = (T5Config)config;
        ParameterScope at = parameters.Root.As("");
        if (architecture == "T5EncoderModel") return new EncoderModel(architecture, parameters, new T5Encoder(c, at));
        T5Model stacks = new(c, at);
        VocabularyHeadConfig output = new()
        {
            Width = c.Width,
            Vocabulary = c.Vocabulary,
            Tied = c.TiedOutput,
            Scale = c.ScaledOutput ? 1 / MathF.Sqrt(c.Width) : 1,
            Initializer = Initializer.Normal(c.InitialFactor),
        };
        return new SequenceToSequenceModel(architecture, parameters, stacks, new VocabularyHead(output, stacks.OutputTokens, parameters.Root / "lm_head"));
    }

    /// <summary>Older files hold a bias of distances for cross-attention that nothing reads.</summary>
    public override string? CurrentName(string stored)
        => stored.EndsWith(".EncDecAttention.relative_attention_bias.weight", StringComparison.Ordinal) ? null : stored;
}
