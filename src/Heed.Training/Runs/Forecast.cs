using Heed.Models;
using Heed.Models.Gpt2;

namespace Heed.Training.Runs;

/// <summary>What a run will need, computed before its first step.</summary>
/// <param name="Parameters">Values in the model.</param>
/// <param name="StateBytes">Weights, gradients and Adam's two moments: 16 bytes a parameter.</param>
/// <param name="ActivationBytes">What a micro-batch holds for its backward pass.</param>
/// <param name="CorpusBytes">The ids in memory.</param>
/// <param name="OperationsPerToken">Useful floating-point operations a target, forward and backward.</param>
public sealed record Forecast(long Parameters, long StateBytes, long ActivationBytes, long CorpusBytes, double OperationsPerToken)
{
    /// <summary>Program, kernels' scratch and what the collector holds back, in bytes.</summary>
    public const long BaseBytes = 160L << 20;

    /// <summary>Everything together.</summary>
    public long TotalBytes => StateBytes + ActivationBytes + CorpusBytes + BaseBytes;

    /// <summary>Forecasts a GPT-2's run.</summary>
    /// <param name="config">The model.</param>
    /// <param name="parameters">Its values.</param>
    /// <param name="run">Block length, batch, checkpointing.</param>
    /// <param name="corpusTokens">Ids of both parts of the corpus.</param>
    public static Forecast Of(Gpt2Config config, long parameters, RunConfig run, long corpusTokens)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(run);
        long N = (long)run.BatchSize * run.BlockLength, D = config.Width, F = config.InnerWidth, L = config.Layers, V = config.Vocabulary;
        // A layer holds: two normalised rows, q, k, v, z, the stream twice (8·D), the inner rows before and after the activation (2·F).
        long layer = (8 * D) + (2 * F);
        long held = run.GradientCheckpointing ? (L * D) + layer : L * layer;
        long chunk = Math.Min(N, 1024) * V;   // logits exist in chunks of rows
        double matrices = (12.0 * L * D * D) - (8.0 * L * D * D) + (2.0 * L * D * F) + ((double)V * D);
        double attention = 6.0 * L * D * (run.BlockLength + 1);
        return new Forecast(parameters, 16 * parameters, sizeof(float) * ((N * (held + (6 * D))) + chunk), sizeof(int) * corpusTokens, (6 * matrices) + attention);
    }

    /// <summary>Refuses a run that cannot fit.</summary>
    /// <param name="limit">Bytes allowed.</param>
    /// <exception cref="BudgetException">It needs more; the message says how much and what to change.</exception>
    public Forecast Within(long limit) => TotalBytes <= limit ? this : throw new BudgetException(
        $"The run needs about {Printable.Bytes(TotalBytes)} ({Printable.Bytes(StateBytes)} for weights, gradients and optimizer, {Printable.Bytes(ActivationBytes)} for activations) and {Printable.Bytes(limit)} are allowed. Lower batch_size (raising accumulation), set gradient_checkpointing, or take a smaller model.");
}
