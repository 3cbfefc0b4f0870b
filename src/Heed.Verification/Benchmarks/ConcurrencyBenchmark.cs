using System.Diagnostics;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Gpt2;

namespace Heed.Verification.Benchmarks;

/// <summary>The same work by several callers at once and one after another. Times are medians of the rounds.</summary>
/// <param name="Callers">k.</param>
/// <param name="OneAfterAnother">Seconds for k pieces of work by one caller.</param>
/// <param name="AtOnce">Seconds until the last of k callers that begin together is done: the longest wait.</param>
/// <param name="MeanWait">Mean of the callers' waits, in seconds.</param>
/// <param name="SameBits">Whether each caller got the bits it gets alone.</param>
internal sealed record ConcurrencyResult(int Callers, double OneAfterAnother, double AtOnce, double MeanWait, bool SameBits)
{
    /// <summary>At most 1.15 is wanted: callers do not hinder each other.</summary>
    public double Ratio => AtOnce / OneAfterAnother;

    /// <summary>At most 2 is wanted: nobody is kept waiting.</summary>
    public double LongestToMean => AtOnce / MeanWait;
}

/// <summary><c>heed bench concurrency</c>: callers at once of one model in one context, each with a prompt and a cache of its
/// own.</summary>
internal static class ConcurrencyBenchmark
{
    /// <summary>The numbers of callers that are measured.</summary>
    public static IReadOnlyList<int> Callers { get; } = [2, 4, 16];

    private const int PromptTokens = 64;
    private const int NewTokens = 16;
    private const int LeastRounds = 3;

    /// <summary>Measures each number of callers.</summary>
    /// <param name="seconds">How long each is repeated; three rounds at least.</param>
    /// <param name="cancellationToken">Looked at between rounds.</param>
    public static IEnumerable<ConcurrencyResult> Run(double seconds, CancellationToken cancellationToken)
    {
        Gpt2Config config = new() { Layers = 6, Heads = 8, Width = 512, ContextLength = 256, Vocabulary = 8192 };
        using CausalLanguageModel model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
        foreach (Parameter parameter in model.Parameters) parameter.Pack();
        float[][] alone = [.. Enumerable.Range(0, Callers.Max()).Select(caller => Work(model, caller))];
        foreach (int callers in Callers)
        {
            bool same = true;
            List<double> inTurn = [], atOnce = [], means = [];
            long begun = Stopwatch.GetTimestamp();
            while (inTurn.Count < LeastRounds || Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds)
            {
                cancellationToken.ThrowIfCancellationRequested();
                long started = Stopwatch.GetTimestamp();
                for (int caller = 0; caller < callers; caller++) Work(model, caller);
                inTurn.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
                double[] waits = AtOnce(model, callers, alone, out bool equal);
                same &= equal;
                atOnce.Add(waits.Max());
                means.Add(waits.Average());
            }

            yield return new ConcurrencyResult(callers, Median(inTurn), Median(atOnce), Median(means), same);
        }
    }

    /// <summary>Seconds from the common start until each caller is done.</summary>
    private static double[] AtOnce(CausalLanguageModel model, int callers, float[][] alone, out bool same)
    {
        double[] waits = new double[callers];
        bool[] equal = new bool[callers];
        Exception? failure = null;
        using Barrier start = new(callers);
        Thread[] threads = [.. Enumerable.Range(0, callers).Select(caller => new Thread(() =>
        {
            start.SignalAndWait();
            long started = Stopwatch.GetTimestamp();
            try
            {
                equal[caller] = Work(model, caller).AsSpan().SequenceEqual(alone[caller]);
            }
            catch (Exception e)
            {
                failure = e;
            }

            waits[caller] = Stopwatch.GetElapsedTime(started).TotalSeconds;
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        if (failure is not null) throw new InvalidOperationException("A caller failed.", failure);
        same = Array.TrueForAll(equal, e => e);
        return waits;
    }

    /// <summary>Reads a prompt and adds tokens one by one. Returns the last logits.</summary>
    private static float[] Work(CausalLanguageModel model, int caller)
    {
        using ModelUse use = model.Enter();
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence sequence = cache.NewSequence();
        CounterRandom random = new(3, (ulong)caller);
        int[] prompt = new int[PromptTokens];
        for (int i = 0; i < prompt.Length; i++) prompt[i] = random.Integer((ulong)i, model.Config.Vocabulary);
        float[] logits = [];
        for (int step = 0; step <= NewTokens; step++)
        {
            using TensorScope scope = TensorScope.Begin();
            TokenBatch batch = step == 0
                ? TokenBatch.Of(prompt)
                : TokenBatch.Of([(caller + step) % model.Config.Vocabulary]).WithPositions([PromptTokens + step - 1]);
            Tensor last = model.Logits(model.Hidden(batch, batch.Context(cache: [sequence])).Slice(0, batch.Rows - 1, 1)).Value;
            if (step == NewTokens) logits = last.ToArray();
        }

        return logits;
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
