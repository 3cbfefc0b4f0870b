using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Training.Runs;

/// <summary>One field of a <see cref="RunConfig"/>: its key in <c>run.json</c>, which with dashes is its option, and how it is read and written.</summary>
/// <param name="Name">Key, such as <c>batch_size</c>.</param>
/// <param name="Kind">What is expected, for help and errors.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Read">Sets it from JSON; file and path are for the error.</param>
/// <param name="Write">Gets it as JSON.</param>
public sealed record RunField(string Name, string Kind, string Help, Func<RunConfig, JsonElement, string, string, RunConfig> Read, Func<RunConfig, JsonNode> Write)
{
    /// <summary>The option: <c>--batch-size</c>.</summary>
    public string Option => "--" + Name.Replace('_', '-');

    /// <summary>Sets the field from the text of an option.</summary>
    /// <exception cref="UsageException">The text is not of the kind expected.</exception>
    public RunConfig Parse(RunConfig config, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string json = Kind switch
        {
            "text" => new JsonArray(text)[0]!.ToJsonString(),
            "texts" => new JsonArray([.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(t => (JsonNode)t)]).ToJsonString(),
            _ => text,
        };
        using JsonDocument document = Parsed(json, text);
        try
        {
            return Read(config, document.RootElement, Option, "");
        }
        catch (InvalidFileException e)
        {
            throw new UsageException($"{e.Message.TrimEnd('.')}.");
        }
    }

    private JsonDocument Parsed(string json, string text)
    {
        try
        {
            return StrictJson.Parse(System.Text.Encoding.UTF8.GetBytes(json), Option);
        }
        catch (InvalidFileException)
        {
            throw new UsageException($"{Option}: is \"{Printable.Shorten(text)}\"; {Kind} was expected.");
        }
    }
}

/// <summary>The fields of a <see cref="RunConfig"/>, in the order of help and file.</summary>
public static class RunFields
{
    /// <summary>All fields.</summary>
    public static IReadOnlyList<RunField> All { get; } =
    [
        Text("model", "preset of the model, such as gpt2-tiny or gpt2", c => c.Model, (c, v) => c with { Model = v }),
        Integer("layers", "layers instead of the preset's", c => c.Layers, (c, v) => c with { Layers = v }, 0),
        Integer("heads", "heads instead of the preset's", c => c.Heads, (c, v) => c with { Heads = v }, 0),
        Integer("width", "width instead of the preset's", c => c.Width, (c, v) => c with { Width = v }, 0),
        Texts("data", "text files and folders, separated by commas; \"sdk\" is the .NET SDK's documentation", c => c.Data, (c, v) => c with { Data = v }),
        Long("maximum_characters", "most characters of text read; 0 reads all", c => c.MaximumCharacters, (c, v) => c with { MaximumCharacters = v }, 0),
        Number("held_out", "part of the documents held out for evaluation", c => c.HeldOut, (c, v) => c with { HeldOut = v }, 0, 0.9),
        Text("tokenizer", "tokenizer.json or its folder; empty trains one", c => c.Tokenizer, (c, v) => c with { Tokenizer = v }),
        Integer("vocabulary_size", "ids of a tokenizer that is trained", c => c.VocabularySize, (c, v) => c with { VocabularySize = v }, 257),
        Integer("block_length", "tokens of a block", c => c.BlockLength, (c, v) => c with { BlockLength = v }, 1),
        Integer("batch_size", "blocks of a micro-batch", c => c.BatchSize, (c, v) => c with { BatchSize = v }, 1),
        Integer("accumulation", "micro-batches of a step", c => c.Accumulation, (c, v) => c with { Accumulation = v }, 1),
        Long("steps", "optimizer steps", c => c.Steps, (c, v) => c with { Steps = v }, 1),
        Number("learning_rate", "peak learning rate", c => c.LearningRate, (c, v) => c with { LearningRate = v }, 0, 10),
        Text("schedule", "one of " + string.Join(", ", Schedules.Schedule.Names), c => c.Schedule, (c, v) => c with { Schedule = v }),
        Long("warmup_steps", "steps over which the rate rises; where not given a tenth of the steps, at most 50", c => c.WarmupSteps, (c, v) => c with { WarmupSteps = v }, 0),
        Number("minimum_rate_ratio", "lowest rate as a part of the peak", c => c.MinimumRateRatio, (c, v) => c with { MinimumRateRatio = v }, 0, 1),
        Number("weight_decay", "decoupled weight decay of matrices", c => c.WeightDecay, (c, v) => c with { WeightDecay = v }, 0, 10),
        Number("beta1", "Adam's first moment", c => c.Beta1, (c, v) => c with { Beta1 = v }, 0, 0.999999),
        Number("beta2", "Adam's second moment", c => c.Beta2, (c, v) => c with { Beta2 = v }, 0, 0.999999),
        Number("epsilon", "Adam's epsilon", c => c.Epsilon, (c, v) => c with { Epsilon = v }, 0, 1),
        Number("clip_norm", "largest norm of all gradients; 0 does not clip", c => c.ClipNorm, (c, v) => c with { ClipNorm = v }, 0, 1e9),
        Number("dropout", "probability of dropout", c => c.Dropout, (c, v) => c with { Dropout = v }, 0, 0.99),
        new("seed", "an integer from 0", "seed of weights, order and dropout", (c, e, file, path) => c with { Seed = ReadSeed(e, file, path) }, c => JsonValue.Create(c.Seed)),
        Long("evaluate_every", "steps between evaluations; 0 evaluates at the end", c => c.EvaluateEvery, (c, v) => c with { EvaluateEvery = v }, 0),
        Integer("evaluate_blocks", "held-out blocks of an evaluation; 0 reads all", c => c.EvaluateBlocks, (c, v) => c with { EvaluateBlocks = v }, 0),
        Long("save_every", "steps between checkpoints; 0 saves at the end", c => c.SaveEvery, (c, v) => c with { SaveEvery = v }, 0),
        Integer("keep", "checkpoints kept", c => c.Keep, (c, v) => c with { Keep = v }, 1),
        Integer("patience", "evaluations without progress after which the run stops and saves the best weights; 0 never", c => c.Patience, (c, v) => c with { Patience = v }, 0),
        new("gradient_checkpointing", "true or false", "recompute layers in the backward pass: less memory, more time", (c, e, file, path) => c with { GradientCheckpointing = StrictJson.Boolean(e, file, path) }, c => JsonValue.Create(c.GradientCheckpointing)),
        Number("memory_limit", "largest memory in GiB; 0 allows what the machine has", c => c.MemoryLimit, (c, v) => c with { MemoryLimit = v }, 0, 1e6),
    ];

    /// <summary>The field with this key, or null.</summary>
    public static RunField? Find(string name) => All.FirstOrDefault(f => f.Name == name);

    private static RunField Text(string name, string help, Func<RunConfig, string> get, Func<RunConfig, string, RunConfig> set)
        => new(name, "text", help, (c, e, file, path) => set(c, StrictJson.Text(e, file, path)), c => JsonValue.Create(get(c)));

    private static RunField Texts(string name, string help, Func<RunConfig, IReadOnlyList<string>> get, Func<RunConfig, IReadOnlyList<string>, RunConfig> set)
        => new(name, "texts", help, (c, e, file, path) => set(c, ReadTexts(e, file, path)), c => new JsonArray([.. get(c).Select(t => (JsonNode)t)]));

    private static RunField Integer(string name, string help, Func<RunConfig, int> get, Func<RunConfig, int, RunConfig> set, int minimum)
        => new(name, $"an integer from {minimum}", help, (c, e, file, path) => set(c, StrictJson.Integer(e, file, path, minimum, int.MaxValue)), c => JsonValue.Create(get(c)));

    private static RunField Long(string name, string help, Func<RunConfig, long> get, Func<RunConfig, long, RunConfig> set, long minimum)
        => new(name, $"an integer from {minimum}", help, (c, e, file, path) => set(c, ReadLong(e, file, path, minimum)), c => JsonValue.Create(get(c)));

    private static RunField Number(string name, string help, Func<RunConfig, double> get, Func<RunConfig, double, RunConfig> set, double minimum, double maximum)
    {
        string kind = string.Create(CultureInfo.InvariantCulture, $"a number from {minimum} to {maximum}");
        return new(name, kind, help, (c, e, file, path) =>
        {
            double value = StrictJson.Number(e, file, path);
            return value >= minimum && value <= maximum ? set(c, value) : throw new InvalidFileException(file, path, string.Create(CultureInfo.InvariantCulture, $"is {value}; {kind} was expected"));
        }, c => JsonValue.Create(get(c)));
    }

    private static long ReadLong(JsonElement e, string file, string path, long minimum)
        => e.ValueKind == JsonValueKind.Number && e.TryGetInt64(out long value) && value >= minimum ? value
            : throw new InvalidFileException(file, path, $"is {StrictJson.Describe(e)}; an integer from {minimum} was expected");

    private static ulong ReadSeed(JsonElement e, string file, string path)
        => e.ValueKind == JsonValueKind.Number && e.TryGetUInt64(out ulong value) ? value
            : throw new InvalidFileException(file, path, $"is {StrictJson.Describe(e)}; an integer from 0 was expected");

    private static string[] ReadTexts(JsonElement e, string file, string path)
    {
        if (e.ValueKind == JsonValueKind.String) return [StrictJson.Text(e, file, path)];
        if (e.ValueKind != JsonValueKind.Array) throw new InvalidFileException(file, path, $"is {StrictJson.Describe(e)}; a text or an array of texts was expected");
        string[] texts = new string[e.GetArrayLength()];
        for (int i = 0; i < texts.Length; i++) texts[i] = StrictJson.Text(e[i], file, $"{path}[{i}]");
        return texts;
    }
}
