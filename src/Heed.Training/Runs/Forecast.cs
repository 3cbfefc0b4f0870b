using Heed.Models;
using Heed.Training.Optimizers;

namespace Heed.Training.Runs;

/// <summary>What a run needs, before it begins.</summary>
/// <param name="Parameters">Values in the model.</param>
/// <param name="StateBytes">Weights, gradients and what the optimizer remembers: 16 bytes per parameter with Adam.</param>
/// <param name="ActivationBytes">What a micro-batch holds for its backward pass, and the ids of a step.</param>
/// <param name="DataBytes">Data in memory.</param>
/// <param name="OperationsPerToken">Useful floating-point operations per token, forward and backward.</param>
public sealed record Forecast(long Parameters, long StateBytes, long ActivationBytes, long DataBytes, double OperationsPerToken)
{
    /// <summary>Program, kernels' scratch and what the collector holds back, in bytes.</summary>
    public const long BaseBytes = 160L << 20;

    /// <summary>What the object of a micro-batch takes beside its ids, in values.</summary>
    private const int BatchValues = 64;

    /// <summary>Rows of logits that exist at once.</summary>
    private const int LogitRows = 1024;

    /// <summary>Everything together.</summary>
    public long TotalBytes => Saturated((Int128)StateBytes + ActivationBytes + DataBytes + BaseBytes);

    /// <summary>Forecasts a run from the sizes of its model.</summary>
    /// <param name="model">With weights, or of shapes alone.</param>
    /// <param name="config">Accumulation, optimizer, recomputation.</param>
    /// <param name="batch">Sequences of a micro-batch.</param>
    /// <param name="length">Tokens of a sequence.</param>
    /// <param name="dataBytes">Data in memory.</param>
    public static Forecast Of(Model model, TrainingConfig config, int batch, int length, long dataBytes)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        // Sizes come from a command line: products of a few of them leave 64 bits.
        ModelSize one = ModelSize.Of(model, 1, 1);
        Int128 N = (Int128)batch * length, D = model.Config.Width, L = Math.Max(1, model.Config.Layers), V = model.Config.Vocabulary;
        // Beside what ModelSize counts, a layer holds its two normalised rows and the step its embeddings and the last norm.
        Int128 row = (one.ActivationBytes / sizeof(float)) + (2 * L * D);
        Int128 held = config.GradientCheckpointing ? (L * D) + (row / L) : row;
        Int128 values = (N * (held + (6 * D))) + (Int128.Min(N, LogitRows) * V) + (config.Accumulation * ((2 * N) + BatchValues));
        long parameters = one.Parameters + one.Fixed;
        Int128 state = sizeof(float) * (((2 + NamedOptimizers.RememberedValues(config)) * (Int128)one.Parameters) + one.Fixed);
        // A causal token sees half of the block on average, and the backward pass costs twice the forward one.
        double operations = 3 * ModelSize.Of(model, 1, (int)Math.Max(1, ((long)length + 1) / 2)).OperationsPerToken;
        return new Forecast(parameters, Saturated(state), Saturated(sizeof(float) * values), dataBytes, operations);
    }

    /// <summary>Refuses a run that cannot fit into the memory that it may use.</summary>
    /// <param name="config">Its <see cref="TrainingConfig.MemoryLimit"/>, or else the machine, says how much that is.</param>
    /// <exception cref="BudgetException">It needs more; the message says how much, which limit it breaks, and what to change.</exception>
    public Forecast Within(TrainingConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (TotalBytes <= config.MemoryBytes) return this;
        throw new BudgetException(
            $"The run needs {(TotalBytes == long.MaxValue ? "more than" : "about")} {Printable.Bytes(TotalBytes)} of main memory "
            + $"({Printable.Bytes(StateBytes)} for weights, gradients and optimizer, {Printable.Bytes(ActivationBytes)} for activations), "
            + $"and {config.MemoryAllowed}. Lower batch_size "
            + "(raising accumulation), set gradient_checkpointing, or take a smaller model (layers, width, block_length, vocabulary_size)"
            + $"{(config.MemoryLimit > 0 ? ", or raise memory_limit" : "")}.");
    }

    private static long Saturated(Int128 value) => value > long.MaxValue ? long.MaxValue : (long)value;
}
