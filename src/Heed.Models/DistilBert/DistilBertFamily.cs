using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Files;

namespace Heed.Models.DistilBert;

/// <summary>DistilBERT for the loader.</summary>
internal sealed class DistilBertFamily : ModelFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = ["distilbert"];

    public override IReadOnlyList<string> Architectures { get; } =
        ["DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification", "DistilBertForTokenClassification",
            "DistilBertForQuestionAnswering"];

    public override string BasePrefix => "distilbert";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["distilbert"] = new(DistilBertConfig.Base, "DistilBertForMaskedLM", "Sanh et al. 2019, arXiv:1910.01108, table 3",
            "the paper says 66M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => DistilBertConfig.Read(file);

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
    {
        DistilBertConfig c = (DistilBertConfig)config;
        HeadKind head = HeadOf(architecture);
        ParameterScope root = parameters.Root;
        Initializer normal = Initializer.Normal(c.InitialDeviation);
        DistilBertEncoder stack = new(c, head == HeadKind.None ? root.As("") : root / BasePrefix);
        switch (head)
        {
            case HeadKind.MaskedLanguageModel:
                Linear dense = new(c.Width, c.Width, (root / "vocab_transform").As("head_dense"), initializer: normal);
                LayerNorm norm = new(c.Width, DistilBertConfig.NormEpsilon, (root / "vocab_layer_norm").As("head.norm"));
                ParameterScope at = root / "vocab_projector";
                Parameter? bias = c.TiedOutput ? at.Parameter("bias", new Shape(c.Vocabulary), Initializer.Zeros) : null;
                VocabularyHeadConfig output = new()
                {
                    Width = c.Width,
                    Vocabulary = c.Vocabulary,
                    Tied = c.TiedOutput,
                    Bias = true,
                    Initializer = normal
                };
                return new MaskedLanguageModel(architecture, parameters, stack,
                    new MaskedHead(dense, c.Activation, norm, new VocabularyHead(output, stack.Tokens, at, bias)));
            case HeadKind.SequenceClassifier:
                dense = new Linear(c.Width, c.Width, (root / "pre_classifier").As("pre_classifier"), initializer: normal);
                return new SequenceClassifier(architecture, parameters, stack,
                    new SequenceHead(Layer("classifier", c.Labels.Count), c.ClassifierDropout, dense) { Activation = Activation.Relu });
            case HeadKind.TokenClassifier:
                return new TokenClassifier(architecture, parameters, stack, Layer("classifier", c.Labels.Count), c.Dropout);
            case HeadKind.QuestionAnswerer:
                return new QuestionAnswerer(architecture, parameters, stack, Layer("qa_outputs", 2), c.AnswerDropout);
            default:
                return new EncoderModel(architecture, parameters, stack);
        }

        Linear Layer(string name, int outputs) => new(c.Width, outputs, (root / name).As(name), initializer: normal);
    }

    /// <summary>The head of pre-training, which a model with another head does not have.</summary>
    public override bool LeavesOut(string stored, HeadKind head) => stored.StartsWith("vocab_", StringComparison.Ordinal);

    public override string? CurrentName(string stored)
        => stored.EndsWith("embeddings.position_ids", StringComparison.Ordinal) ? null : stored;
}
