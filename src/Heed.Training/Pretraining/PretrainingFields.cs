using Heed.Training.Runs;
using Field = Heed.Training.Runs.SettingField<Heed.Training.Pretraining.PretrainingConfig>;

namespace Heed.Training.Pretraining;

/// <summary>The settings of a pre-training run, in the order of help and file.</summary>
internal static class PretrainingFields
{
    /// <summary>All fields.</summary>
    public static IReadOnlyList<Field> All { get; } =
    [
        Field.Text("model", "preset ('heed info' lists them), config.json, or model folder whose weights are trained further; with a "
            + "teacher, if omitted, every second of its layers",
            c => c.Model, (c, v) => c with { Model = v }),
        Field.Word("objective",
            "what is learned; if omitted distill with a teacher, else causal for decoders, replaced for ELECTRA, masked for other "
                + "encoders, denoise for BART, span for other encoder-decoders",
            Objectives.ObjectiveKind.Names, c => c.Objective, (c, v) => c with { Objective = v }),
        Field.OptionalNumber("corruption_rate", "part of the tokens that is masked or in spans; if omitted 0.15, and 0.3 for denoise",
            c => c.CorruptionRate, (c, v) => c with { CorruptionRate = v }, 0.01, 0.9),
        Field.OptionalNumber("mean_span_length", "mean tokens of a span of span and denoise; if omitted 3",
            c => c.MeanSpanLength, (c, v) => c with { MeanSpanLength = v }, 1, 100),
        Field.Flag("whole_words", "mask whole words (masked)", c => c.WholeWords, (c, v) => c with { WholeWords = v }),
        Field.Integer("longest_ngram", "longest run of tokens, or of whole words, that is masked at once (masked)",
            c => c.LongestNgram, (c, v) => c with { LongestNgram = v }, 1),
        Field.Flag("next_sentence", "learn also whether the second part of a text follows the first (masked, BERT)",
            c => c.NextSentence, (c, v) => c with { NextSentence = v }),
        Field.OptionalNumber("generator_size", "heads and widths of the generator, as a part of the discriminator's (replaced); if "
            + "omitted 0.25",
            c => c.GeneratorSize, (c, v) => c with { GeneratorSize = v }, 0.01, 1),
        Field.OptionalNumber("replaced_weight", "weight of the discriminator's loss beside the generator's (replaced); if omitted 50",
            c => c.ReplacedWeight, (c, v) => c with { ReplacedWeight = v }, 0.01, 10_000),
        Field.Text("teacher", "folder of the masked language model that the student learns from, or name of a pulled one (distill)",
            c => c.Teacher, (c, v) => c with { Teacher = v }),
        Field.OptionalNumber("temperature", "temperature of the teacher's probabilities (distill); if omitted 2",
            c => c.Temperature, (c, v) => c with { Temperature = v }, 0.01, 1000),
        Field.OptionalNumber("soft_weight", "weight of the teacher's probabilities (distill); if omitted 5",
            c => c.SoftWeight, (c, v) => c with { SoftWeight = v }, 0, 10_000),
        Field.OptionalNumber("masked_weight", "weight of the masked tokens themselves (distill); if omitted 2",
            c => c.MaskedWeight, (c, v) => c with { MaskedWeight = v }, 0, 10_000),
        Field.OptionalNumber("cosine_weight",
            "weight of the cosine of the last hidden states (distill); if omitted 1, and 0 if the widths differ",
            c => c.CosineWeight, (c, v) => c with { CosineWeight = v }, 0, 10_000),
        Field.OptionalNumber("squared_weight", "weight of the squared difference of the logits (distill); if omitted 0",
            c => c.SquaredWeight, (c, v) => c with { SquaredWeight = v }, 0, 10_000),
        Field.Flag("soft_targets_masked", "the teacher's probabilities at masked tokens alone (distill)",
            c => c.SoftTargetsMasked, (c, v) => c with { SoftTargetsMasked = v }),
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
