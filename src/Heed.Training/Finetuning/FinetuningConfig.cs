using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Hub;
using Heed.Training.Runs;

namespace Heed.Training.Finetuning;

/// <summary>
/// A fine-tuning run: what its <c>run.json</c> holds. Every key is also an option of <c>heed finetune</c>. What is left at its standard
/// value is decided from data and model before the first step, printed with the reason, and written down.
/// </summary>
public sealed record FinetuningConfig : TrainingConfig
{
    /// <summary>Value of <see cref="Dev"/> that holds out nothing.</summary>
    public const string NoDev = "none";

    /// <summary>The standard settings of fine-tuning.</summary>
    public FinetuningConfig()
    {
        Steps = 0;
        LearningRate = 0;
        Patience = 3;
        EvaluateEvery = 0;
        SaveEvery = 0;
        Keep = 1;
    }

    /// <summary>Model folder whose weights the run continues, or the name of a pulled model; a preset or a <c>config.json</c> begins with
    /// new weights.</summary>
    public string Model { get; init; } = "";

    /// <summary><c>tokenizer.json</c> or its folder, for new weights; empty trains one on the training texts.</summary>
    public string Tokenizer { get; init; } = "";

    /// <summary>Ids of a tokenizer that is trained.</summary>
    public int VocabularySize { get; init; } = 4096;

    /// <summary>What is learned, one of <see cref="FinetuningTask.Names"/>; null: what the data hold.</summary>
    public string? Task { get; init; }

    /// <summary>Training data.</summary>
    public string Train { get; init; } = "";

    /// <summary>Data to evaluate on while training; <c>none</c> for none. Empty: a part of the training data
    /// (<see cref="HeldOut"/>).</summary>
    public string Dev { get; init; } = "";

    /// <summary>Data that the finished model is judged on, and that nothing was chosen by; empty for none.</summary>
    public string Test { get; init; } = "";

    /// <summary>Part of the training data that is held out if there is no dev file.</summary>
    public double HeldOut { get; init; } = Data.DataSplit.UsualPart;

    /// <summary>Names of columns that are not to be found by themselves, each <c>text=Nachricht</c>.</summary>
    public IReadOnlyList<string> Columns { get; init; } = [];

    /// <summary>What the labels of a classification are: <c>single</c>, <c>multiple</c> or <c>regression</c>; null: as the data
    /// show.</summary>
    public string? Kind { get; init; }

    /// <summary>Names of labels that the data number, in order.</summary>
    public IReadOnlyList<string> LabelNames { get; init; } = [];

    /// <summary>What the model reads of a text that it is to translate or to summarise, with <c>{source}</c> for the text; empty: the
    /// prefix
    /// of its folder and the text, and for decoders a line's end.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>A file with the chat template of conversations, or <c>chatml</c>; empty: the model folder's own.</summary>
    public string ChatTemplate { get; init; } = "";

    /// <summary>True to leave out lines with faults, and to list them; false: they are an error.</summary>
    public bool SkipFaulty { get; init; }

    /// <summary>Times that the training data are read; 0: 3 for 2,000 examples or more, else as many as make 300 steps, at most
    /// 20. <see cref="TrainingConfig.Steps"/>, if set, counts instead.</summary>
    public double Epochs { get; init; }

    /// <summary>Examples of a micro-batch.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Longest input in tokens; 0: what 99.5 % of the examples need, at most the model's positions.</summary>
    public int MaximumLength { get; init; }

    /// <summary>Tokens that a window of a long context shares with the one before; 0: a quarter of the length.</summary>
    public int Stride { get; init; }

    /// <summary>True for batches of examples of similar length.</summary>
    public bool GroupByLength { get; init; }

    /// <summary>False to read the examples in the file's order.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Rate of a head that is new, as a multiple of the learning rate.</summary>
    public double HeadRate { get; init; } = 10;

    /// <summary>Rate of each layer as a part of the rate of the layer above it.</summary>
    public double LayerDecay { get; init; } = 1;

    /// <summary>Parameters that are not trained: patterns of names (<c>*embeddings*</c>).</summary>
    public IReadOnlyList<string> Freeze { get; init; } = [];

    /// <summary>Rank of a low-rank adapter that is trained instead of the weights; 0 trains the weights.</summary>
    public int Lora { get; init; }

    /// <summary>α of the adapter; 0: as its rank.</summary>
    public double LoraAlpha { get; init; }

    /// <summary>Modules that are adapted: names or their ends after a dot; <c>all-linear</c> for every projection but the head.</summary>
    public IReadOnlyList<string> LoraTargets { get; init; } = [Heed.Models.Adapters.AdapterConfig.AllLinear];

    /// <summary>Probability of dropout before the adapter.</summary>
    public double LoraDropout { get; init; }

    /// <summary>True for DoRA: the adapter learns directions, and a magnitude for each output beside.</summary>
    public bool Dora { get; init; }

    /// <summary>Weights of the classes: <c>none</c>, <c>balanced</c>, or <c>name=weight</c> of some, with commas.</summary>
    public string ClassWeights { get; init; } = "none";

    /// <summary>Share of a target's mass that is spread over all classes.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Folder of a finished classifier of the same labels, or name of a pulled one, that the model learns from beside the labels;
    /// empty for none.</summary>
    public string Teacher { get; init; } = "";

    /// <summary>Temperature of the teacher's probabilities; null: 2.</summary>
    public double? Temperature { get; init; }

    /// <summary>Weight of the teacher's probabilities; the labels have the rest of 1. Null: 0.5.</summary>
    public double? SoftWeight { get; init; }

    /// <summary>Held-out texts that the model writes at each evaluation, to count exact matches, by which the best step is then chosen; 0:
    /// only the finished model writes (translation, summarization).</summary>
    public int EvaluateWritten { get; init; }

    /// <summary>Probability of dropout wherever the model has it; null: as its config.json says, and 0 of a preset.</summary>
    public double? Dropout { get; init; }

    /// <summary>True to learn a classification from few texts: as pairs that share a label or do not, then by a logistic regression over
    /// the vectors.</summary>
    public bool FewShot { get; init; }

    /// <summary>Loss over vectors (similarity): <c>in_batch_negatives</c>, <c>cosent</c> …; null: what fits the data.</summary>
    public string? Loss { get; init; }

    /// <summary>Margin of a loss that has one (similarity); null: as sentence-transformers, 5 of triplets, 0.5 of pairs.</summary>
    public double? Margin { get; init; }

    /// <summary>Text before each first text, or each anchor (similarity), saved as the folder's prompt <c>query</c>; null: the folder's
    /// own.</summary>
    public string? QueryPrompt { get; init; }

    /// <summary>Text before each of the other texts (similarity), saved as the folder's prompt <c>document</c>; null: the folder's
    /// own.</summary>
    public string? DocumentPrompt { get; init; }

    /// <summary>Hard negatives that are found for each pair (similarity); 0 for none.</summary>
    public int MineNegatives { get; init; }

    /// <summary>A hard negative's similarity is below its positive's by this part at least.</summary>
    public double MineMargin { get; init; } = 0.05;

    /// <summary>Lengths to which vectors can be cut and still serve (similarity): 384, 256, 128.</summary>
    public IReadOnlyList<string> Matryoshka { get; init; } = [];

    /// <summary>Texts that run at once within a micro-batch (similarity), so that a large one fits into memory; 0 for all.</summary>
    public int MiniBatch { get; init; }

    /// <summary>True to fit a temperature, or thresholds of several labels, on the dev data, and to save them with the model.</summary>
    public bool Calibrate { get; init; } = true;

    /// <inheritdoc/>
    protected internal override IReadOnlyList<string> FreeKeys { get; } = ["calibrate", "dev", "epochs", "keep", "memory_limit", "model",
        "save_every", "test", "train"];

    /// <summary>Reads a <c>run.json</c> over the standard values.</summary>
    /// <exception cref="InputException">A key is unknown, or a value has a wrong type or range; the message names it.</exception>
    public static FinetuningConfig FromFile(string path)
    {
        using JsonDocument document = StrictJson.ReadFile(path, 1 << 20);
        return FromJson(document.RootElement, path, "$");
    }

    /// <summary>Reads settings that stand at a place of a file.</summary>
    internal static FinetuningConfig FromJson(JsonElement settings, string file, string at)
        => SettingField<FinetuningConfig>.ReadAll(new FinetuningConfig(), FinetuningFields.All, settings, file, at, "finetune");

    /// <inheritdoc/>
    public override TrainingConfig WithFullPaths() => this with
    {
        Model = File.Exists(Model) ? FullPath("model", Model) : NewModel.IsMeant(Model) ? Model : HubModel.Folder(FullPathOrName(Model)),
        Tokenizer = Tokenizer.Length == 0 ? "" : FullPath("tokenizer", Tokenizer),
        Train = FullPath("train", Train),
        Teacher = Teacher.Length == 0 ? "" : HubModel.Folder(FullPathOrName(Teacher)),
        ChatTemplate = ChatTemplate.Length == 0 || ChatTemplate == ChatForm.ChatMl ? ChatTemplate
            : FullPath("chat_template", ChatTemplate),
        Test = Test.Length == 0 ? "" : FullPath("test", Test),
        Dev = Dev.Length == 0 || Dev == NoDev ? Dev : FullPath("dev", Dev),
    };

    /// <inheritdoc/>
    public override JsonObject ToJson() => Write(this, FinetuningFields.All);

    private static string FullPathOrName(string model) => Directory.Exists(model) ? FullPath("model", model) : model;

    private static string FullPath(string field, string path)
        => path.Length > 0 && !path.Contains('\0', StringComparison.Ordinal) ? Path.GetFullPath(path)
            : throw new ConfigException($"{field}: names "
                + $"{(path.Length == 0 ? "nothing" : $"a path with a zero character, \"{path}\"")}; name a file or folder.");
}
