using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Files;

namespace Heed.Models.Bart;

/// <summary>BART for the loader.</summary>
internal sealed class BartFamily : ModelFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = ["bart"];

    public override IReadOnlyList<string> Architectures { get; } = ["BartForConditionalGeneration", "BartForSequenceClassification"];

    /// <summary>The stacks alone, as the first releases were named: the token table, which they hold, is the output layer too.</summary>
    public override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string> { ["BartModel"] = "BartForConditionalGeneration" };

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["bart-base"] = new(BartConfig.Base, "BartForConditionalGeneration", "Lewis et al. 2019, arXiv:1910.13461, §2.1", "the paper gives layers and widths only"),
        ["bart-large"] = new(BartConfig.Large, "BartForConditionalGeneration", "Lewis et al. 2019, arXiv:1910.13461, §2.1", "the paper gives layers and widths only"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => BartConfigFile.Read(file, marian: false);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
        => HeadOf(architecture) == HeadKind.SequenceClassifier
            ? BuildClassifier(architecture, (BartConfig)config, parameters) : Build(architecture, (BartConfig)config, parameters);

    public override bool MayBeLeftOut(string parameter) => IsOutputBias(parameter);

    /// <summary>The output over the vocabulary, beside a classifier.</summary>
    public override bool LeavesOut(string stored, HeadKind head)
        => head == HeadKind.SequenceClassifier && (IsOutputBias(stored) || stored.StartsWith("lm_head.", StringComparison.Ordinal));

    /// <summary>Older files hold a number of their format in each stack.</summary>
    public override string? CurrentName(string stored)
        => stored.EndsWith("encoder.version", StringComparison.Ordinal) || stored.EndsWith("decoder.version", StringComparison.Ordinal)
            ? null
            : stored;

    internal static SequenceToSequenceModel Build(string architecture, BartConfig c, ParameterSet parameters)
    {
        ParameterScope root = parameters.Root;
        BartModel stacks = new(c, root / "model");
        VocabularyHeadConfig output = new() { Width = c.Width, Vocabulary = c.DecoderVocabulary, Tied = c.TiedOutput, Initializer = Initializer.Normal(c.InitialDeviation) };
        VocabularyHead head = new(output, stacks.OutputTokens, root / "lm_head") { FixedBias = root.Parameter("final_logits_bias", new Shape(1, c.DecoderVocabulary), Initializer.Zeros) };
        head.FixedBias.NeedsGradient = false;
        head.FixedBias.AllowUnused();
        return new SequenceToSequenceModel(architecture, parameters, stacks, head);
    }

    private static SequenceClassifier BuildClassifier(string architecture, BartConfig c, ParameterSet parameters)
    {
        ParameterScope root = parameters.Root, at = (root / "classification_head").As("classifier");
        Initializer normal = Initializer.Normal(c.InitialDeviation);
        RereadingStack stack = new(new BartModel(c, root / "model"), root.As(""));
        Linear dense = new(c.Width, c.Width, (at / "dense").As("dense"), initializer: normal);
        Linear classes = new(c.Width, c.Labels.Count, (at / "out_proj").As("output"), initializer: normal);
        return new SequenceClassifier(architecture, parameters, stack, new EndTokenHead(classes, c.ClassifierDropout, dense, c.EndId));
    }

    /// <summary>The fixed bias of the scores: zeros where a file does not have it, as in the reference.</summary>
    internal static bool IsOutputBias(string parameter) => parameter == "final_logits_bias";
}

/// <summary>Marian for the loader.</summary>
internal sealed class MarianFamily : ModelFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = ["marian"];

    public override IReadOnlyList<string> Architectures { get; } = ["MarianMTModel"];

    public override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string, string> { ["MarianModel"] = "MarianMTModel" };

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["marian-base"] = new(BartConfig.MarianBase, "MarianMTModel", "Tiedemann and Thottingal 2020, OPUS-MT", "a released model's vocabulary; others differ"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => BartConfigFile.Read(file, marian: true);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
        => BartFamily.Build(architecture, (BartConfig)config with { Marian = true }, parameters);

    public override bool MayBeLeftOut(string parameter) => BartFamily.IsOutputBias(parameter);

    /// <summary>Older files hold the fixed positions.</summary>
    public override string? CurrentName(string stored)
        => stored.EndsWith("coder.embed_positions.weight", StringComparison.Ordinal) ? null : stored;
}
