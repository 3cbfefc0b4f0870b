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

    public override Model Build(string architecture, ModelConfig config, ParameterSet parameters) => architecture switch
    {
        "LstmClassifierModel" => new LstmClassifier((LstmConfig)config with { Task = LstmTask.Classifier }, parameters),
        "LstmSeq2seqModel" => new LstmSequenceToSequence((LstmConfig)config with { Task = LstmTask.SequenceToSequence }, parameters),
        _ => new LstmLanguageModel((LstmConfig)config with { Task = LstmTask.LanguageModel }, parameters),
    };
}
