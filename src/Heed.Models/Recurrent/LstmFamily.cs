using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Recurrent;

/// <summary>The recurrent models for the loader.</summary>
internal sealed class LstmFamily : ModelFamily
{
    // Each type's class begins with its words, so that a file without "architectures" is understood.
    public override IReadOnlyList<string> ModelTypes { get; } = ["lstm-lm", "lstm-classifier", "lstm-seq2seq"];

    public override IReadOnlyList<string> Architectures { get; } = ["LstmLmModel", "LstmClassifierModel", "LstmSeq2seqModel"];

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["lstm-lm-medium"] = new(new LstmConfig { Vocabulary = 10000, Width = 650, Layers = 2, Dropout = 0.5f }, "LstmLmModel", "Zaremba et al. 2014, arXiv:1409.2329, §4.1"),
        ["lstm-lm-large"] = new(new LstmConfig { Vocabulary = 10000, Width = 1500, Layers = 2, Dropout = 0.65f }, "LstmLmModel", "Zaremba et al. 2014, arXiv:1409.2329, §4.1"),
        ["lstm-seq2seq"] = new(new LstmConfig { Task = LstmTask.SequenceToSequence, Vocabulary = 30000, Width = 1000, EmbeddingWidth = 620, PaddingId = 0, BeginId = 1, EndId = 2 }, "LstmSeq2seqModel", "Bahdanau et al. 2015, arXiv:1409.0473, §A.2.3", "the paper has other cells and two vocabularies"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => LstmConfig.Read(file);

    public override HeadKind HeadOf(string architecture) => architecture switch
    {
        "LstmClassifierModel" => HeadKind.SequenceClassifier,
        "LstmSeq2seqModel" => HeadKind.SequenceToSequence,
        _ => HeadKind.LanguageModel,
    };

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters)
    {
        HeadKind head = HeadOf(architecture);
        LstmConfig c = (LstmConfig)config with
        {
            Task = head switch { HeadKind.SequenceClassifier => LstmTask.Classifier, HeadKind.SequenceToSequence => LstmTask.SequenceToSequence, _ => LstmTask.LanguageModel },
        };
        ParameterScope root = parameters.Root, at = root.As("");
        VocabularyHeadConfig output = new() { Width = c.Width, Vocabulary = c.Vocabulary, Tied = false, Bias = true };
        if (head == HeadKind.SequenceToSequence)
        {
            LstmEncoderDecoder stacks = new(c, at);
            return new SequenceToSequenceModel(architecture, parameters, stacks, new VocabularyHead(output, stacks.OutputTokens, root / "lm_head"));
        }

        LstmStack stack = new(c, at);
        if (head == HeadKind.LanguageModel)
            return new CausalLanguageModel(architecture, parameters, stack, new VocabularyHead(output with { Tied = c.TiedOutput }, stack.Tokens, root / "lm_head"));
        Linear classifier = new(c.Width * (c.BothDirections ? 2 : 1), Math.Max(1, c.Labels.Count), (root / "classifier").As("classifier"));
        return new SequenceClassifier(architecture, parameters, stack, new LstmEndsHead(c, classifier));
    }
}
