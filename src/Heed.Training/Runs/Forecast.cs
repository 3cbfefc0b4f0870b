using Heed.Models;
using Heed.Models.Gpt2;

namespace Heed.Training.Runs;

/// <summary>What a run will need, computed before its first step.</summary>
/// <param name="Parameters">Values in the model.</param>
/// <param name="StateBytes">Weights, gradients and Adam's two moments: 16 bytes a parameter.</param>
/// <param name="ActivationBytes">What a micro-batch holds for its backward pass, and the ids of a step.</param>
/// <param name="CorpusBytes">The ids in memory.</param>
/// <param name="OperationsPerToken">Useful floating-point operations a target, forward and backward.</param>
public sealed record Forecast(long Parameters, long StateBytes, long ActivationBytes, long CorpusBytes, double OperationsPerToken)
{
    /// <summary>Program, kernels' scratch and what the collector holds back, in bytes.</summary>
    public const long BaseBytes = 160L << 20;

    /// <summary>What the object of a micro-batch takes beside its ids, in values.</summary>
    private const int BatchValues = 64;

    /// <summary>Everything together.</summary>
    public long TotalBytes => Saturated((Int128)StateBytes + ActivationBytes + CorpusBytes + BaseBytes);

    /// <summary>Forecasts a GPT-2's run.</summary>
    /// <param name="config">The model.</param>
    /// <param name="parameters">Its values.</param>
    /// <param name="run">Block length, batch, checkpointing.</param>
    /// <param name="corpusTokens">Ids of both parts of the corpus.</param>
    public static Forecast Of(Gpt2Config config, long parameters, RunConfig run, long corpusTokens)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(run);
        // Sizes come from a command line: products of a few of them leave 64 bits.
        Int128 N = (Int128)run.BatchSize * run.BlockLength, D = config.Width, F = InnerWidth(config), L = config.Layers, V = config.Vocabulary;
        // A layer holds: two normalised rows, q, k, v, z, the stream twice (8·D), the inner rows before and after the activation (2·F).
        Int128 layer = (8 * D) + (2 * F);
        Int128 held = run.GradientCheckpointing ? (L * D) + layer : L * layer;
        Int128 chunk = Int128.Min(N, 1024) * V;   // logits exist in chunks of rows
        Int128 ids = run.Accumulation * ((2 * N) + BatchValues);
        double matrices = (double)((4 * L * D * D) + (2 * L * D * F) + (V * D));
        double attention = 6.0 * (double)(L * D) * (run.BlockLength + 1.0);
        return new Forecast(parameters, Saturated(16 * (Int128)parameters), Saturated(sizeof(float) * ((N * (held + (6 * D))) + chunk + ids)), sizeof(int) * corpusTokens, (6 * matrices) + attention);
    }

    /// <summary>The values of a GPT-2, without building it; <see cref="long.MaxValue"/> where there are more.</summary>
    internal static long ParametersOf(Gpt2Config config)
    {
        Int128 D = config.Width, F = InnerWidth(config), L = config.Layers, V = config.Vocabulary;
        // q, k, v and output 4·D², feed-forward 2·D·F; biases 3·D + D + F + D; two norms 4·D.
        Int128 layer = (4 * D * D) + (2 * D * F) + (9 * D) + F;
        return Saturated(((config.TiedOutput ? V : 2 * V) * D) + (config.ContextLength * D) + (L * layer) + (2 * D));
    }

    /// <summary>Refuses a run that cannot fit.</summary>
    /// <param name="limit">Bytes allowed.</param>
    /// <exception cref="BudgetException">It needs more; the message says how much and what to change.</exception>
    public Forecast Within(long limit) => TotalBytes <= limit ? this : throw new BudgetException(
        $"The run needs {(TotalBytes == long.MaxValue ? "more than" : "about")} {Printable.Bytes(TotalBytes)} ({Printable.Bytes(StateBytes)} for weights, gradients and optimizer, {Printable.Bytes(ActivationBytes)} for activations) and {Printable.Bytes(limit)} are allowed. Lower batch_size (raising accumulation), set gradient_checkpointing, or take a smaller model (layers, width, block_length, vocabulary_size).");

    private static Int128 InnerWidth(Gpt2Config config) => config.Width > int.MaxValue / 4 ? 4 * (Int128)config.Width : config.InnerWidth;

    private static long Saturated(Int128 value) => value > long.MaxValue ? long.MaxValue : (long)value;
}
