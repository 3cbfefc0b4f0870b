using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Files;

namespace Heed.Models.Custom;

/// <summary>Custom decoders and encoders for the loader.</summary>
internal sealed class CustomFamily : ModelFamily
{
    private static readonly CustomConfig Small = new() { Vocabulary = 32000, Width = 512, Layers = 8, Heads = 8 };

    public override IReadOnlyList<string> ModelTypes { get; } = [CustomConfig.DecoderType, CustomConfig.EncoderType];

    // A file without "architectures" gets the first class that begins with its type's words.
    public override IReadOnlyList<string> Architectures { get; } =
        ["CustomDecoder", "CustomEncoderForMaskedLM", "CustomEncoderForSequenceClassification", "CustomEncoderForTokenClassification",
            "CustomEncoder"];

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        [CustomConfig.DecoderType] = new(Small, "CustomDecoder", "a starting point for custom designs"),
        [CustomConfig.EncoderType] = new(Small with { Encoder = true }, "CustomEncoderForMaskedLM", "a starting point for custom designs"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => CustomConfig.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
    {
        CustomConfig c = (CustomConfig)config;
        if (c.Encoder == (architecture == "CustomDecoder"))
            throw new ConfigException($"{c.ModelType}: architectures names {architecture}, "
                + $"which is {(c.Encoder ? "a decoder" : "an encoder")}; "
                + $"set model_type to {(c.Encoder ? CustomConfig.DecoderType : CustomConfig.EncoderType)} or name another class.");
        HeadKind head = HeadOf(architecture);
        ParameterScope root = parameters.Root;
        CustomStack stack = new(
            c, root / BasePrefix, tokensAreOutput: c.TiedOutput && head is HeadKind.LanguageModel or HeadKind.MaskedLanguageModel);
        VocabularyHeadConfig output = new() { Width = c.Width, Vocabulary = c.Vocabulary, Tied = c.TiedOutput };
        switch (head)
        {
            case HeadKind.LanguageModel:
                return new CausalLanguageModel(architecture, parameters, stack, new VocabularyHead(output, stack.Tokens, root / "lm_head"));
            case HeadKind.MaskedLanguageModel:
                ParameterScope at = root / "lm_head";
                Linear dense = new(c.Width, c.Width, (at / "dense").As("head_dense"));
                Norm norm = CustomBlock.NormAt(c, (at / "norm").As("head.norm"));
                Parameter? bias = c.TiedOutput ? at.Parameter("bias", new Shape(c.Vocabulary), Initializer.Zeros) : null;
                VocabularyHead vocabulary = new(output with { Bias = true }, stack.Tokens, at / "decoder", bias);
                return new MaskedLanguageModel(architecture, parameters, stack, new MaskedHead(dense, c.Activation, norm, vocabulary));
            case HeadKind.SequenceClassifier:
                at = (root / "classifier").As("classifier");
                dense = new Linear(c.Width, c.Width, (at / "dense").As("dense"));
                Linear classifier = new(c.Width, c.Labels.Count, (at / "out_proj").As("output"));
                return new SequenceClassifier(architecture, parameters, stack, new SequenceHead(classifier, c.Dropout, dense, c.Dropout));
            case HeadKind.TokenClassifier:
                return new TokenClassifier(architecture, parameters, stack,
                    new Linear(c.Width, c.Labels.Count, (root / "classifier").As("classifier")), c.Dropout);
            default:
                return new EncoderModel(architecture, parameters, stack);
        }
    }

    public override HeadKind HeadOf(string architecture)
        => architecture == "CustomDecoder" ? HeadKind.LanguageModel : base.HeadOf(architecture);

    /// <summary>Heads of other tasks on an encoder's stack.</summary>
    public override bool LeavesOut(string stored, HeadKind head) => head is not (HeadKind.LanguageModel or HeadKind.MaskedLanguageModel)
        && (stored.StartsWith("lm_head.", StringComparison.Ordinal) || stored.StartsWith("classifier.", StringComparison.Ordinal));
}
