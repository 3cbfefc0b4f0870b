using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Original2017;

/// <summary>The Transformer of 2017 for the loader.</summary>
internal sealed class Original2017Family : ModelFamily
{
    private const string Class = "Transformer2017";

    public override IReadOnlyList<string> ModelTypes { get; } = [Original2017Config.Type];

    public override IReadOnlyList<string> Architectures { get; } = [Class];

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["transformer-tiny"] = new(Original2017Config.Tiny, Class, "Heed's quick start"),
        ["transformer-base"] = new(Original2017Config.Base, Class, "Vaswani et al. 2017, arXiv:1706.03762, table 3", "the paper says 65M"),
        ["transformer-big"] = new(Original2017Config.Big, Class, "Vaswani et al. 2017, arXiv:1706.03762, table 3", "the paper says 213M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => Original2017Config.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters) => new Original2017Model((Original2017Config)config, parameters);
}
