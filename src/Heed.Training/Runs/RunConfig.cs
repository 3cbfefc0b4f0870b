using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Training.Data;

namespace Heed.Training.Runs;

/// <summary>A pre-training run: what <c>run.json</c> holds. Every field is also an option of <c>heed pretrain</c>; <see cref="RunFields"/> lists them.</summary>
public sealed record RunConfig
{
    private const long StandardWarmup = 50;
    private readonly long? _warmupSteps;

    /// <summary>Preset of the model: <c>gpt2-tiny</c>, <c>gpt2</c> …</summary>
    public string Model { get; init; } = "gpt2-tiny";

    /// <summary>Layers instead of the preset's; 0 keeps them.</summary>
    public int Layers { get; init; }

    /// <summary>Heads instead of the preset's; 0 keeps them.</summary>
    public int Heads { get; init; }

    /// <summary>D instead of the preset's; 0 keeps it.</summary>
    public int Width { get; init; }

    /// <summary>Text files and folders; <c>sdk</c> is the .NET SDK's own documentation.</summary>
    public IReadOnlyList<string> Data { get; init; } = [];

    /// <summary>Most characters of text read; 0 reads all.</summary>
    public long MaximumCharacters { get; init; }

    /// <summary>Part of the documents held out for evaluation.</summary>
    public double HeldOut { get; init; } = 0.02;

    /// <summary>A <c>tokenizer.json</c> or its folder; empty trains one on the data.</summary>
    public string Tokenizer { get; init; } = "";

    /// <summary>V of a tokenizer that is trained.</summary>
    public int VocabularySize { get; init; } = 4096;

    /// <summary>T, tokens of a block.</summary>
    public int BlockLength { get; init; } = 128;

    /// <summary>Blocks of a micro-batch.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Micro-batches of a step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Optimizer steps.</summary>
    public long Steps { get; init; } = 1000;

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Schedule by Hugging Face's name.</summary>
    public string Schedule { get; init; } = "cosine_with_min_lr";

    /// <summary>Steps over which the rate rises; where nothing is set a tenth of <see cref="Steps"/>, at most 50.</summary>
    public long WarmupSteps { get => _warmupSteps ?? Math.Min(StandardWarmup, Steps / 10); init => _warmupSteps = value; }

    /// <summary>Lowest rate as a part of the peak.</summary>
    public double MinimumRateRatio { get; init; } = 0.1;

    /// <summary>Decoupled weight decay, on matrices only.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Adam's β₁.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Adam's β₂.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>Adam's ε.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Largest norm of all gradients together; 0 does not clip.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Probability of dropout in embeddings, attention and residuals.</summary>
    public double Dropout { get; init; }

    /// <summary>Seed of weights, order and dropout.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Steps between evaluations; 0 evaluates at the end alone.</summary>
    public long EvaluateEvery { get; init; } = 100;

    /// <summary>Held-out blocks of an evaluation; 0 reads all.</summary>
    public int EvaluateBlocks { get; init; } = 64;

    /// <summary>Steps between checkpoints; 0 saves at the end alone.</summary>
    public long SaveEvery { get; init; } = 200;

    /// <summary>Checkpoints kept.</summary>
    public int Keep { get; init; } = 2;

    /// <summary>Evaluations without a better held-out loss after which the run stops; 0 never.</summary>
    public int Patience { get; init; }

    /// <summary>True to recompute layers in the backward pass: less memory, more time.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Largest memory the run may take, in GiB; 0 allows what the machine has.</summary>
    public double MemoryLimit { get; init; }

    /// <summary>Reads a <c>run.json</c> over the standard values.</summary>
    /// <exception cref="InputException">A key is unknown, or a value has a wrong type or range; the message names it.</exception>
    public static RunConfig FromFile(string path)
    {
        using JsonDocument document = StrictJson.ReadFile(path, 1 << 20);
        return FromJson(document.RootElement, path, "$");
    }

    /// <summary>Reads settings that stand at a place of a file.</summary>
    internal static RunConfig FromJson(JsonElement settings, string file, string at)
    {
        if (settings.ValueKind != JsonValueKind.Object) throw new InvalidFileException(file, at, $"is {StrictJson.Describe(settings)}; an object was expected");
        RunConfig config = new();
        foreach (JsonProperty property in settings.EnumerateObject())
        {
            RunField field = RunFields.Find(property.Name)
                ?? throw new InvalidFileException(file, $"{at}.{property.Name}", $"is no setting of a run{(Printable.Nearest(property.Name, RunFields.All.Select(f => f.Name)) is { } near ? $"; did you mean \"{near}\"?" : "")} 'heed pretrain --help' lists them");
            config = field.Read(config, property.Value, file, $"{at}.{property.Name}");
        }

        return config;
    }

    /// <summary>The settings with paths of texts and tokenizer from the root, so that they hold in any working directory.</summary>
    /// <exception cref="ConfigException">A path is empty or holds a character that no path can.</exception>
    public RunConfig WithFullPaths() => this with
    {
        Data = [.. Data.Select(d => d == SdkDocumentation.Name ? d : FullPath("data", d))],
        Tokenizer = Tokenizer.Length == 0 ? "" : FullPath("tokenizer", Tokenizer),
    };

    /// <summary>The object that <c>run.json</c> holds.</summary>
    public JsonObject ToJson()
    {
        JsonObject json = [];
        foreach (RunField field in RunFields.All) json[field.Name] = field.Write(this);
        return json;
    }

    /// <summary>Checks values that only make sense together.</summary>
    /// <exception cref="ConfigException">They do not; the message names both.</exception>
    public RunConfig Validated()
    {
        if (Data.Count == 0) throw new ConfigException("data: is empty; name at least one text file or folder, or \"sdk\".");
        if (Steps < 1) throw new ConfigException($"steps: is {Steps}; at least 1 is needed.");
        if (WarmupSteps > Steps) throw new ConfigException($"warmup_steps: is {WarmupSteps}, more than the {Steps} steps of the run; at most {Steps} is allowed. Lower it, or raise steps.");
        _ = Schedules.Schedule.Create(Schedule, LearningRate, WarmupSteps, Steps, MinimumRateRatio);
        return this;
    }

    private static string FullPath(string field, string path)
        => path.Length > 0 && !path.Contains('\0', StringComparison.Ordinal) ? Path.GetFullPath(path)
            : throw new ConfigException($"{field}: names {(path.Length == 0 ? "an empty path" : $"a path with a zero character, \"{path}\"")}; name a file or folder.");
}
