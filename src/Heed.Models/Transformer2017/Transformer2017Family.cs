using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Transformer2017;

/// <summary>The Transformer of 2017 for the loader.</summary>
internal sealed class Transformer2017Family : ModelFamily
{
    private const string Class = "Transformer2017";

    public override IReadOnlyList<string> ModelTypes { get; } = [Transformer2017Config.Type];

    public override IReadOnlyList<string> Architectures { get; } = [Class];

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["transformer-tiny"] = new(Transformer2017Config.Tiny, Class, "Heed's quick start"),
        ["transformer-base"] = new(Transformer2017Config.Base, Class, "Vaswani et al. 2017, arXiv:1706.03762, table 3", "the paper says 65M"),
        ["transformer-big"] = new(Transformer2017Config.Big, Class, "Vaswani et al. 2017, arXiv:1706.03762, table 3", "the paper says 213M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => Transformer2017Config.Read(file);

    public override HeadKind HeadOf(string architecture) => HeadKind.SequenceToSequence;

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
    {
        Transformer2017Model stacks = new((Transformer2017Config)config, parameters.Root.As(""));
        VocabularyHeadConfig output = new() { Width = config.Width, Vocabulary = config.Vocabulary, Tied = config.TiedOutput, Initializer = Initializer.Normal(1 / MathF.Sqrt(config.Width)) };
        return new SequenceToSequenceModel(architecture, parameters, stacks, new VocabularyHead(output, stacks.OutputTokens, parameters.Root / "lm_head"));
    }
}
