using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Training.Optimizers;

namespace Heed.Training.Runs;

/// <summary>How a run trains, whatever its task: what <c>run.json</c> holds. A task with settings of its own derives from it.</summary>
public record TrainingConfig
{
    private const long StandardWarmup = 50;
    private readonly long? _warmupSteps;

    /// <summary>Micro-batches of a step. Their gradients are summed and divided once, by the real number of targets.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Optimizer steps.</summary>
    public long Steps { get; init; } = 1000;

    /// <summary><c>adamw</c>, <c>adam</c>, <c>nadam</c>, <c>radam</c>, <c>sgd</c>, <c>rmsprop</c>, <c>adagrad</c> or
    /// <c>adafactor</c>.</summary>
    public string Optimizer { get; init; } = "adamw";

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Schedule by Hugging Face's name, one of <see cref="Schedules.Schedule.Names"/>.</summary>
    public string Schedule { get; init; } = "linear";

    /// <summary>Steps over which the rate rises; if omitted a tenth of <see cref="Steps"/>, at most 50.</summary>
    public long WarmupSteps { get => _warmupSteps ?? Math.Min(StandardWarmup, Steps / 10); init => _warmupSteps = value; }

    /// <summary>True if <see cref="WarmupSteps"/> was set rather than derived.</summary>
    internal bool SetsWarmup => _warmupSteps is not null;

    /// <summary>Lowest rate as a part of the peak.</summary>
    public double MinimumRateRatio { get; init; }

    /// <summary>Weight decay, of matrices and tables only; decoupled in AdamW, added to the gradient in the others.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>β₁ of Adam and its variants.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β₂ of Adam and its variants; α of RMSprop.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>ε of every optimizer that divides by a root.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Momentum of SGD.</summary>
    public double Momentum { get; init; }

    /// <summary>Largest norm of all gradients together; 0 does not clip.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Seed of new weights, order and dropout.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Steps between evaluations; 0 evaluates at the end alone.</summary>
    public long EvaluateEvery { get; init; } = 100;

    /// <summary>Steps between checkpoints; 0 saves at the end alone.</summary>
    public long SaveEvery { get; init; } = 200;

    /// <summary>Checkpoints kept.</summary>
    public int Keep { get; init; } = 2;

    /// <summary>Evaluations without a better value of the task's measure after which the run stops; 0 never.</summary>
    public int Patience { get; init; }

    /// <summary>True to recompute layers in the backward pass: less memory, more time.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Largest memory the run may take, in GiB; 0 allows what the machine has.</summary>
    public double MemoryLimit { get; init; }

    /// <summary>Bytes that <see cref="MemoryLimit"/> allows.</summary>
    internal long MemoryBytes => MemoryLimit > 0 ? (long)(MemoryLimit * (1L << 30)) : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Whose memory is too small, and how much it is, for messages.</summary>
    internal string MemoryAllowed
        => MemoryLimit > 0 ? $"memory_limit allows {Printable.Bytes(MemoryBytes)}"
            : $"this machine has {Printable.Bytes(MemoryBytes)} for it";

    /// <summary>The settings with paths from the root, so that they hold in any working directory.</summary>
    /// <exception cref="ConfigException">A path is empty or holds a character that no path can.</exception>
    public virtual TrainingConfig WithFullPaths() => this;

    /// <summary>The object that <c>run.json</c> holds. A derived record adds its own keys.</summary>
    /// <exception cref="ConfigException">A number is NaN or infinite; the message names it.</exception>
    public virtual JsonObject ToJson() => Write(this, TrainingFields.Of<TrainingConfig>());

    /// <summary>Keys that may change when a run resumes.</summary>
    protected internal virtual IReadOnlyList<string> FreeKeys { get; } = ["keep", "memory_limit", "save_every"];

    /// <summary>Checks values that only make sense together.</summary>
    /// <exception cref="ConfigException">They do not; the message names both.</exception>
    public virtual void Validate()
    {
        // Values set in code have the ranges of those in a file.
        using JsonDocument document = JsonDocument.Parse(Write(this, TrainingFields.Of<TrainingConfig>()).ToJsonString());
        foreach (SettingField<TrainingConfig> field in TrainingFields.Of<TrainingConfig>())
        {
            try
            {
                field.Read(this, document.RootElement.GetProperty(field.Name), field.Name, "");
            }
            catch (InvalidFileException e)
            {
                throw new ConfigException($"{e.Message.TrimEnd('.')}.", e);
            }
        }

        if (WarmupSteps > Steps)
        {
            throw new ConfigException($"warmup_steps: is {WarmupSteps}, more than the {Steps} steps of the run; at most {Steps} is "
                + "allowed. Lower it, or raise steps.");
        }

        NamedOptimizers.Check(this);
        _ = Schedules.Schedule.Create(Schedule, LearningRate, WarmupSteps, Steps, MinimumRateRatio);
    }

    /// <summary>The object of some fields.</summary>
    internal static JsonObject Write<TConfig>(TConfig config, IReadOnlyList<SettingField<TConfig>> fields)
        where TConfig : TrainingConfig
    {
        JsonObject json = [];
        foreach (SettingField<TConfig> field in fields) json[field.Name] = field.Write(config);
        return json;
    }
}
