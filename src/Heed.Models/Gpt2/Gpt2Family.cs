using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Gpt2;

/// <summary>GPT-2 for the loader.</summary>
internal sealed class Gpt2Family : DecoderFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = ["gpt2"];

    public override IReadOnlyList<string> Architectures { get; } = ["GPT2LMHeadModel", "GPT2ForSequenceClassification"];

    public override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string> { ["GPT2Model"] = "GPT2LMHeadModel" };

    public override string BasePrefix => "transformer";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["gpt2-tiny"] = new(Gpt2Config.Tiny, "GPT2LMHeadModel", "Heed's quick start"),
        ["gpt2"] = new(Gpt2Config.Small, "GPT2LMHeadModel", "Radford et al. 2019, table 2", "the paper says 117M"),
        ["gpt2-medium"] = new(Gpt2Config.Medium, "GPT2LMHeadModel", "Radford et al. 2019, table 2", "the paper says 345M"),
        ["gpt2-large"] = new(Gpt2Config.Large, "GPT2LMHeadModel", "Radford et al. 2019, table 2", "the paper says 762M"),
        ["gpt2-xl"] = new(Gpt2Config.ExtraLarge, "GPT2LMHeadModel", "Radford et al. 2019, table 2", "the paper says 1542M"),
        ["gpt3"] = new(new Gpt2Config { Layers = 96, Heads = 96, Width = 12288, ContextLength = 2048 }, "GPT2LMHeadModel", "Brown et al. 2020, table 2.1", "the paper says 175B"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => Gpt2ConfigFile.Read(file);

    protected override DecoderStack BuildStack(string architecture, ModelConfig config, ParameterScope at)
        => new Gpt2Model((Gpt2Config)config, at);

    /// <summary>Older files hold the causal mask as <c>attn.bias</c> and <c>attn.masked_bias</c>.</summary>
    public override string? CurrentName(string stored)
        => stored.EndsWith(".attn.bias", StringComparison.Ordinal) || stored.EndsWith(".attn.masked_bias", StringComparison.Ordinal)
            ? null
            : stored;
}
