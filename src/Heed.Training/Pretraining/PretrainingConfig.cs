using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Hub;
using Heed.Training.Data;
using Heed.Training.Runs;

namespace Heed.Training.Pretraining;

/// <summary>A pre-training run: what its <c>run.json</c> holds. Every key is also an option of <c>heed pretrain</c>.</summary>
public sealed record PretrainingConfig : TrainingConfig
{
    private const string StandardModel = "gpt2-tiny";

    /// <summary>The standard settings of pre-training.</summary>
    public PretrainingConfig()
    {
        Schedule = "cosine_with_min_lr";
        MinimumRateRatio = 0.1;
        WeightDecay = 0.1;
        Beta2 = 0.95;
    }

    /// <summary>
    /// A preset (<c>gpt2-tiny</c>, <c>llama-7b</c> …), a <c>config.json</c>, or a model folder whose weights the run continues;
    /// <c>half-of-teacher</c>, which is the standard with a teacher, begins with every second of its layers.
    /// </summary>
    public string Model { get; init; } = StandardModel;

    /// <summary>
    /// What is learned: <c>causal</c>, <c>masked</c>, <c>replaced</c>, <c>distill</c>, <c>span</c> or <c>denoise</c>. Null: <c>distill</c>
    /// with a teacher, else what the model was made for, <c>causal</c> for decoders, <c>replaced</c> for ELECTRA and <c>masked</c> for
    /// other
    /// encoders, <c>denoise</c> for BART and <c>span</c> for other encoder-decoders.
    /// </summary>
    public string? Objective { get; init; }

    /// <summary>Part of the tokens that is masked or in spans; null: 0.15, and 0.3 for <c>denoise</c>.</summary>
    public double? CorruptionRate { get; init; }

    /// <summary>Mean tokens of a span of <c>span</c>, λ of <c>denoise</c>; null: 3.</summary>
    public double? MeanSpanLength { get; init; }

    /// <summary>True to mask whole words.</summary>
    public bool WholeWords { get; init; }

    /// <summary>Longest run of tokens (of words with <see cref="WholeWords"/>) that is masked at once; 1 masks them one by one.</summary>
    public int LongestNgram { get; init; } = 1;

    /// <summary>True to learn also whether a second part of a text follows the first (<c>masked</c>, BERT).</summary>
    public bool NextSentence { get; init; }

    /// <summary>Heads and widths of the generator as a part of the discriminator's (<c>replaced</c>); null: 0.25.</summary>
    public double? GeneratorSize { get; init; }

    /// <summary>Weight of the discriminator's loss beside the generator's (<c>replaced</c>); null: 50.</summary>
    public double? ReplacedWeight { get; init; }

    /// <summary>Folder of the masked language model, or name of a pulled one, that a student learns from (<c>distill</c>).</summary>
    public string Teacher { get; init; } = "";

    /// <summary>Temperature of the teacher's probabilities (<c>distill</c>); null: 2.</summary>
    public double? Temperature { get; init; }

    /// <summary>Weight of the teacher's probabilities (<c>distill</c>); null: 5.</summary>
    public double? SoftWeight { get; init; }

    /// <summary>Weight of the masked tokens themselves (<c>distill</c>); null: 2.</summary>
    public double? MaskedWeight { get; init; }

    /// <summary>Weight of the cosine of the last hidden states (<c>distill</c>); null: 1, and 0 if the widths differ.</summary>
    public double? CosineWeight { get; init; }

    /// <summary>Weight of the squared difference of the logits (<c>distill</c>); null: 0.</summary>
    public double? SquaredWeight { get; init; }

    /// <summary>True for the teacher's probabilities at masked tokens alone (<c>distill</c>); false at all tokens.</summary>
    public bool SoftTargetsMasked { get; init; }

    /// <summary>Layers instead of the preset's; 0 keeps them.</summary>
    public int Layers { get; init; }

    /// <summary>Heads instead of the preset's; 0 keeps them.</summary>
    public int Heads { get; init; }

    /// <summary>D instead of the preset's; 0 keeps it. An inner width that the preset sets grows or shrinks with it.</summary>
    public int Width { get; init; }

    /// <summary>Text files and folders; <c>sdk</c> is the .NET SDK's own documentation.</summary>
    public IReadOnlyList<string> Data { get; init; } = [];

    /// <summary>Most characters of text read; 0 reads all.</summary>
    public long MaximumCharacters { get; init; }

    /// <summary>Part of the documents held out for evaluation.</summary>
    public double HeldOut { get; init; } = 0.02;

    /// <summary>A <c>tokenizer.json</c> or its folder; empty takes that of a model folder, and else trains one on the data.</summary>
    public string Tokenizer { get; init; } = "";

    /// <summary>V of a tokenizer that is trained.</summary>
    public int VocabularySize { get; init; } = 4096;

    /// <summary>T, tokens of a block.</summary>
    public int BlockLength { get; init; } = 128;

    /// <summary>Blocks of a micro-batch.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Probability of dropout wherever the model has it; null: 0 for a preset, as it says for a file.</summary>
    public double? Dropout { get; init; }

    /// <summary>Held-out blocks of an evaluation; 0 reads all.</summary>
    public int EvaluateBlocks { get; init; } = 64;

    /// <inheritdoc/>
    protected internal override IReadOnlyList<string> FreeKeys { get; } = ["data", "keep", "memory_limit", "save_every", "teacher",
        "tokenizer"];

    /// <summary>Reads a <c>run.json</c> over the standard values.</summary>
    /// <exception cref="InputException">A key is unknown, or a value has a wrong type or range; the message names it.</exception>
    public static PretrainingConfig FromFile(string path)
    {
        using JsonDocument document = StrictJson.ReadFile(path, 1 << 20);
        return FromJson(document.RootElement, path, "$");
    }

    /// <summary>Reads settings that stand at a place of a file.</summary>
    internal static PretrainingConfig FromJson(JsonElement settings, string file, string at)
        => SettingField<PretrainingConfig>.ReadAll(new PretrainingConfig(), PretrainingFields.All, settings, file, at, "pretrain");

    /// <summary>As well, a teacher makes <c>distill</c> the objective, and half of its layers the student, unless others are
    /// named.</summary>
    /// <inheritdoc/>
    public override TrainingConfig WithFullPaths() => this with
    {
        Objective = Objective ?? (Teacher.Length > 0 ? Objectives.ObjectiveKind.Distill : null),
        Teacher = Teacher.Length == 0 ? "" : HubModel.Folder(Directory.Exists(Teacher) ? FullPath("teacher", Teacher) : Teacher),
        Data = [.. Data.Select(d => d == SdkDocumentation.Name ? d : FullPath("data", d))],
        Tokenizer = Tokenizer.Length == 0 ? "" : FullPath("tokenizer", Tokenizer),
        Model = File.Exists(Model) || Directory.Exists(Model) ? FullPath("model", Model)
            : Teacher.Length > 0 && Model == StandardModel ? PretrainingTeacher.HalfOf : Model,
    };

    /// <inheritdoc/>
    public override JsonObject ToJson() => Write(this, PretrainingFields.All);

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Data.Count == 0) throw new ConfigException("data: is empty; name at least one text file or folder, or \"sdk\".");
        base.Validate();
    }

    private static string FullPath(string field, string path)
        => path.Length > 0 && !path.Contains('\0', StringComparison.Ordinal) ? Path.GetFullPath(path)
            : throw new ConfigException($"{field}: names "
                + $"{(path.Length == 0 ? "an empty path" : $"a path with a zero character, \"{path}\"")}; name a file or folder.");
}
