using System.Diagnostics;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Gpt2;
using Heed.Training.Data;
using Heed.Training.Runs;
using Heed.Training.Schedules;
using Heed.Training.Tasks;

namespace Heed.Verification.Benchmarks;

/// <summary>The machine's limits, measured in the same run.</summary>
/// <param name="PeakOperations">Fused multiply-adds count two, operations a second over all threads.</param>
/// <param name="Bandwidth">Bytes a second read by all threads.</param>
internal sealed record BenchmarkLimits(double PeakOperations, double Bandwidth);

/// <summary>One figure.</summary>
/// <param name="Name">The work, with its shape.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="OfLimit">The figure as a part of peak or bandwidth; null where neither bounds it.</param>
/// <param name="PeakBytes">Largest memory of tensors, in bytes; 0 where not counted.</param>
internal sealed record BenchmarkResult(string Name, double Value, string Unit, double? OfLimit, long PeakBytes = 0);

/// <summary>The works of <c>heed bench</c> that have a limit of the machine; <see cref="TokenizerBenchmark"/> has the tokenizers.</summary>
internal static class BenchmarkSuite
{
    /// <summary>What can be asked for.</summary>
    public static IReadOnlyList<string> Names { get; } = ["matmul", "train", "decode", "prefill", "attention"];

    /// <summary>Runs works one after another.</summary>
    /// <param name="names">Some of <see cref="Names"/>; empty runs all.</param>
    /// <param name="limits">The machine's limits.</param>
    /// <param name="seconds">How long each is repeated.</param>
    /// <param name="cancellationToken">Looked at between works.</param>
    public static IEnumerable<BenchmarkResult> Run(
        IReadOnlyList<string> names, BenchmarkLimits limits, double seconds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(limits);
        bool Wanted(string name) => names.Count == 0 || names.Contains(name);
        if (Wanted("matmul"))
        {
            foreach ((string name, int M, int K, int N) in new[] { ("768³", 768, 768, 768), ("gpt2 mlp down", 1024, 3072, 768), ("gpt2 mlp up", 512, 768, 3072), ("gpt2 vocabulary", 512, 768, 50257) })
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return Product(name, M, K, N, limits, seconds);
            }
        }

        if (Wanted("train"))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return Train(
                "train char GPT 6×384, T 256, batch 16",
                new Gpt2Config { Layers = 6, Heads = 6, Width = 384, ContextLength = 256, Vocabulary = 65 }, 256, 16, limits, seconds);
        }

        if (Wanted("prefill"))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return Prefill(limits, seconds);
        }

        if (Wanted("decode"))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return Decode(limits, seconds);
        }

        if (Wanted("attention"))
        {
            foreach (int length in (int[])[1024, 4096, 16384])
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return Attention(length, limits, seconds);
            }
        }
    }

    private static BenchmarkResult Product(string name, int M, int K, int N, BenchmarkLimits limits, double seconds)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Tensor.Full(new Shape(M, K), 0.01f), w = Tensor.Full(new Shape(N, K), 0.01f), y = Tensor.Uninitialized(M, N);
        using PackedMatrix packed = PackedMatrix.Pack(w.Span, N, K);
        double best = Best(seconds, () => packed.Multiply(x.Span, y.Span, M));
        double rate = 2.0 * M * K * N / best;
        return new BenchmarkResult($"matrix product {name} ({M}×{K}×{N})", rate / 1e9, "GF/s", rate / limits.PeakOperations);
    }

    private static BenchmarkResult Train(string name, Gpt2Config config, int length, int batch, BenchmarkLimits limits, double seconds)
    {
        config = config with { EmbeddingDropout = 0, AttentionDropout = 0, ResidualDropout = 0 };
        using ComputeContext context = new(new ComputeOptions { Threads = ComputeContext.Current.Threads });
        using ContextScope entered = context.Enter();
        using CausalLanguageModel model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
        using AdamW optimizer = new(model.Parameters) { WeightDecay = 0.1 };
        CounterRandom random = new(1, 2);
        int[] ids = new int[length * batch * 8];
        for (int i = 0; i < ids.Length; i++) ids[i] = random.Integer((ulong)i, config.Vocabulary);
        TrainingConfig run = new() { Steps = long.MaxValue };
        using CausalLanguageModelTask task = new(model, null, TokenCorpus.Of(ids, []), new TextTaskSettings { BlockLength = length, BatchSize = batch });
        Forecast forecast = Forecast.Of(model, run, batch, length, 0);
        Trainer trainer = new(task, optimizer, new ConstantSchedule(1e-3), run);
        for (int i = 0; i < 2; i++) trainer.TakeStep();
        double best = Best(seconds, () => trainer.TakeStep());
        double tokens = length * batch / best;
        return new BenchmarkResult(name, tokens, "tokens/s", tokens * forecast.OperationsPerToken / limits.PeakOperations, context.Memory.PeakBytes);
    }

    private static CausalLanguageModel Gpt2Small()
    {
        CausalLanguageModel model = CausalLanguageModel.Create(Gpt2Config.Small, new ParameterSet(ParameterSource.Random(1)));
        foreach (Parameter p in model.Parameters) p.Pack();
        return model;
    }

    private static BenchmarkResult Prefill(BenchmarkLimits limits, double seconds)
    {
        const int Length = 512;
        using CausalLanguageModel model = Gpt2Small();
        int[] prompt = new int[Length];
        double best = Best(seconds, () =>
        {
            using TensorScope scope = TensorScope.Begin();
            TokenBatch batch = TokenBatch.Of(prompt);
            Variable hidden = model.Hidden(batch, batch.Context());
            model.Logits(hidden.Slice(0, Length - 1, 1));
        });
        double operations = 2.0 * Length * (model.Parameters.Values - ((50257.0 + 1024) * 768)) + (2.0 * 50257 * 768) + (12 * 2.0 * 768 * Length * (Length + 1));
        return new BenchmarkResult("prefill GPT-2 124M, 512 tokens", Length / best, "tokens/s", operations / best / limits.PeakOperations);
    }

    private static BenchmarkResult Decode(BenchmarkLimits limits, double seconds)
    {
        using CausalLanguageModel model = Gpt2Small();
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence sequence = cache.NewSequence();
        int position = 0;
        void Step()
        {
            using TensorScope scope = TensorScope.Begin();
            TokenBatch batch = TokenBatch.Of([7]).WithPositions([position++ % 1024]);
            model.Logits(model.Hidden(batch, batch.Context(cache: [sequence])));
            if (sequence.Count >= 256) sequence.Truncate(16);
        }

        for (int i = 0; i < 16; i++) Step();
        double best = Average(seconds, Step);
        // Every weight in a product is read once a token; the position table is not.
        double bytes = (model.Parameters.Values - (1024.0 * 768)) * sizeof(float);
        return new BenchmarkResult("decode GPT-2 124M, float32, batch 1", 1 / best, "tokens/s", bytes / best / limits.Bandwidth);
    }

    private static BenchmarkResult Attention(int length, BenchmarkLimits limits, double seconds)
    {
        const int Heads = 12, HeadWidth = 64;
        using ComputeContext context = new(new ComputeOptions { Threads = ComputeContext.Current.Threads });
        using ContextScope entered = context.Enter();
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(
            new AttentionConfig { Width = Heads * HeadWidth, Heads = Heads, Causal = true }, parameters.Root);
        Tensor x = Tensor.Full(new Shape(length, Heads * HeadWidth), 0.1f);
        double elapsed = Best(seconds, () =>
        {
            using TensorScope step = TensorScope.Begin();
            using Tape tape = Tape.Begin();
            parameters.ClearGradients();
            Variable y = attention.Forward(new Leaf().Of(x), ForwardContext.Of(length));
            tape.Backward(y.Sum());
        });
        double pairs = (double)length * (length + 1) / 2;
        double operations = (3 * 2.0 * length * 4 * Heads * HeadWidth * Heads * HeadWidth) + (3 * 4.0 * pairs * Heads * HeadWidth);
        return new BenchmarkResult("attention forward and backward, "
            + $"{length} tokens", length / elapsed, "tokens/s", operations / elapsed / limits.PeakOperations, context.Memory.PeakBytes);
    }

    /// <summary>The best time of repeated runs, in seconds: what the machine can do when nothing disturbs it.</summary>
    private static double Best(double seconds, Action work)
    {
        work();
        double best = double.PositiveInfinity;
        long begun = Stopwatch.GetTimestamp();
        do
        {
            long started = Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
        while (Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds);
        return best;
    }

    /// <summary>The mean time of repeated runs, in seconds.</summary>
    private static double Average(double seconds, Action work)
    {
        int count = 0;
        long begun = Stopwatch.GetTimestamp();
        for (; count == 0 || Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds; count++) work();
        return Stopwatch.GetElapsedTime(begun).TotalSeconds / count;
    }
}
