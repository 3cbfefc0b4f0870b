using Heed.Training.Runs;
using Field = Heed.Training.Runs.SettingField<Heed.Training.Pretraining.PretrainingConfig>;

namespace Heed.Training.Pretraining;

/// <summary>The settings of a pre-training run, in the order of help and file.</summary>
internal static class PretrainingFields
{
    /// <summary>All fields.</summary>
    public static IReadOnlyList<Field> All { get; } =
    [
        Field.Text("model", "preset ('heed info' lists them), config.json, or model folder whose weights are trained further",
            c => c.Model, (c, v) => c with { Model = v }),
        Field.Word("objective",
            "what is learned; if omitted causal for decoders, masked for encoders, denoise for BART, span for other encoder-decoders",
            Objectives.ObjectiveKind.Names, c => c.Objective, (c, v) => c with { Objective = v }),
        Field.OptionalNumber("corruption_rate", "part of the tokens that is masked or in spans; if omitted 0.15, and 0.3 for denoise",
            c => c.CorruptionRate, (c, v) => c with { CorruptionRate = v }, 0.01, 0.9),
        Field.OptionalNumber("mean_span_length", "mean tokens of a span of span and denoise; if omitted 3",
            c => c.MeanSpanLength, (c, v) => c with { MeanSpanLength = v }, 1, 100),
        Field.Flag("whole_words", "mask whole words (masked)", c => c.WholeWords, (c, v) => c with { WholeWords = v }),
        Field.Integer("longest_ngram", "longest run of tokens, or of whole words, that is masked at once (masked)",
            c => c.LongestNgram, (c, v) => c with { LongestNgram = v }, 1),
        Field.Integer("layers", "layers instead of the preset's", c => c.Layers, (c, v) => c with { Layers = v }, 0),
        Field.Integer("heads", "heads instead of the preset's", c => c.Heads, (c, v) => c with { Heads = v }, 0),
        Field.Integer("width", "width instead of the preset's", c => c.Width, (c, v) => c with { Width = v }, 0),
        Field.Texts("data", "text files and folders, separated by commas; \"sdk\" is the .NET SDK's documentation",
            c => c.Data, (c, v) => c with { Data = v }),
        Field.Long("maximum_characters", "most characters of text read; 0 reads all",
            c => c.MaximumCharacters, (c, v) => c with { MaximumCharacters = v }, 0),
        Field.Number("held_out", "part of the documents held out for evaluation", c => c.HeldOut, (c, v) => c with { HeldOut = v }, 0, 0.9),
        Field.Text("tokenizer", "tokenizer.json or its folder; empty takes that of a model folder, or trains one",
            c => c.Tokenizer, (c, v) => c with { Tokenizer = v }),
        Field.Integer("vocabulary_size", "vocabulary size of a tokenizer that is trained",
            c => c.VocabularySize, (c, v) => c with { VocabularySize = v }, 257),
        Field.Integer("block_length", "tokens of a block", c => c.BlockLength, (c, v) => c with { BlockLength = v }, 1),
        Field.Integer("batch_size", "blocks of a micro-batch", c => c.BatchSize, (c, v) => c with { BatchSize = v }, 1),
        Field.OptionalNumber("dropout", "probability of dropout; if omitted 0 for a preset, as it says for a file",
            c => c.Dropout, (c, v) => c with { Dropout = v }, 0, 0.99),
        .. TrainingFields.Of<PretrainingConfig>(),
        Field.Integer("evaluate_blocks", "held-out blocks of an evaluation; 0 reads all",
            c => c.EvaluateBlocks, (c, v) => c with { EvaluateBlocks = v }, 0),
    ];

    /// <summary>The field with this key, or null.</summary>
    public static Field? Find(string name) => All.FirstOrDefault(f => f.Name == name);
}
