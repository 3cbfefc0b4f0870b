using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Custom;

/// <summary>Decoders of one's own for the loader.</summary>
internal sealed class CustomFamily : ModelFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = [CustomConfig.Type];

    public override IReadOnlyList<string> Architectures { get; } = ["CustomDecoder"];

    public override string BasePrefix => "model";

    public override ModelConfig ReadConfig(ConfigReader file) => CustomConfig.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters) => new CustomLanguageModel((CustomConfig)config, parameters);
}
