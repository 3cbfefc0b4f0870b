using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Files;

namespace Heed.Models.ModernBert;

/// <summary>ModernBERT for the loader.</summary>
internal sealed class ModernBertFamily : ModelFamily
{
    private const string Masked = "ModernBertForMaskedLM", Source = "Warner et al. 2024, arXiv:2412.13663, table 4";

    private static readonly string[] Heads = ["decoder.", "head.", "classifier."];

    public override IReadOnlyList<string> ModelTypes { get; } = ["modernbert"];

    public override IReadOnlyList<string> Architectures { get; } =
    [
        "ModernBertModel", Masked, "ModernBertForSequenceClassification", "ModernBertForTokenClassification",
        "ModernBertForQuestionAnswering",
    ];

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["modernbert-base"] = new(ModernBertConfig.Base, Masked, Source, "the paper says 149M"),
        ["modernbert-large"] = new(ModernBertConfig.Large, Masked, Source, "the paper says 395M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => ModernBertConfigFile.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
    {
        ModernBertConfig c = (ModernBertConfig)config;
        HeadKind head = HeadOf(architecture);
        ParameterScope root = parameters.Root;
        ModernBertEncoder stack = new(c, head == HeadKind.None ? root.As("") : root / BasePrefix);
        if (head == HeadKind.None) return new EncoderModel(architecture, parameters, stack);
        ParameterScope at = root / "head";
        Initializer normal = Initializer.Normal(c.InitialDeviation), classes = Initializer.Normal(1 / MathF.Sqrt(c.Width));
        Linear dense = new(c.Width, c.Width, (at / "dense").As("head_dense"), c.HeadBias, initializer: normal);
        HeadTransform transform = new(dense, c.HeadActivation, ModernBertEncoder.NormOf(c, (at / "norm").As("head.norm")));
        switch (head)
        {
            case HeadKind.MaskedLanguageModel:
                at = root / "decoder";
                Parameter? bias = c.TiedOutput && c.OutputBias ? at.Parameter("bias", new Shape(c.Vocabulary), Initializer.Zeros) : null;
                VocabularyHeadConfig output = new()
                {
                    Width = c.Width,
                    Vocabulary = c.Vocabulary,
                    Tied = c.TiedOutput,
                    Bias = c.OutputBias,
                    Initializer = normal,
                };
                MaskedHead masked = new(transform, new VocabularyHead(output, stack.Tokens, at, bias));
                return new MaskedLanguageModel(architecture, parameters, stack, masked);
            case HeadKind.SequenceClassifier:
                bool mean = c.Pooling == Pooling.Mean;
                SequenceHead pooled = new(Last(c.Labels.Count), c.ClassifierDropout) { Transform = transform, IsMean = mean };
                return new SequenceClassifier(architecture, parameters, stack, pooled);
            case HeadKind.TokenClassifier:
                Linear last = Last(c.Labels.Count);
                return new TokenClassifier(architecture, parameters, stack, last, c.ClassifierDropout) { Transform = transform };
            default:
                return new QuestionAnswerer(architecture, parameters, stack, Last(2), c.ClassifierDropout) { Transform = transform };
        }

        Linear Last(int outputs) => new(c.Width, outputs, (root / "classifier").As("classifier"), initializer: classes);
    }

    public override bool LeavesOut(string stored, HeadKind head)
        => Array.Exists(head == HeadKind.None ? Heads : Heads[..1], beginning => stored.StartsWith(beginning, StringComparison.Ordinal));
}
