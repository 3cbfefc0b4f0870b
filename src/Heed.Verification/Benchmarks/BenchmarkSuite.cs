using System.Diagnostics;
using Heed.Engine.Kernels;
using Heed.Engine.Runtime;

namespace Heed.Verification.Benchmarks;

/// <summary>Runs works of <c>heed bench</c> in this process, each in a context of its own and beside the limits of the same
/// minute.</summary>
internal static class BenchmarkSuite
{
    private const int LeastRepetitions = 3;
    private const double PeakSeconds = 0.25;
    private const long BandwidthBytes = 1L << 30;

    /// <summary>The works of some names, or all that need nothing but time.</summary>
    /// <param name="names">Groups, works, or beginnings of works; empty: all but those that must be named.</param>
    /// <exception cref="InputException">A name is of no work.</exception>
    public static IReadOnlyList<BenchmarkWork> Select(IReadOnlyCollection<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        foreach (string name in names)
            if (!WorkList.All.Any(w => w.Is(name)))
                throw new InputException($"bench: \"{Printable.Shorten(name)}\" is unknown; one of {string.Join(", ", WorkList.Groups)} "
                    + "was expected, or the name of a work as the table prints it.");
        return [.. WorkList.All.Where(w => names.Count == 0 ? !w.OnlyIfNamed : names.Any(w.Is))];
    }

    /// <summary>Measures works one after another.</summary>
    /// <param name="works">From <see cref="Select"/>.</param>
    /// <param name="seconds">About how long each is repeated; three times at least, unless it takes minutes.</param>
    /// <param name="cancellationToken">Looked at between works.</param>
    public static IEnumerable<BenchmarkResult> Run(IReadOnlyList<BenchmarkWork> works, double seconds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(works);
        // Works that share a process share its bandwidth.
        Dictionary<(string Process, int Threads), BenchmarkLimits> limits = [];
        foreach (BenchmarkWork work in works)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return Measure(work, seconds, alone: works.Count == 1, limits);
        }
    }

    private static BenchmarkResult Measure(
        BenchmarkWork work, double seconds, bool alone, Dictionary<(string Process, int Threads), BenchmarkLimits> limits)
    {
        using ComputeContext context = new(new ComputeOptions { Threads = work.Threads ?? ComputeContext.Current.Threads });
        using ContextScope entered = context.Enter();
        double peak = MachineProbe.PeakGigaflops(PeakSeconds);
        using BenchmarkStep step = work.Prepare();
        List<double> times = Times(step, seconds * work.Share, work.MostRepetitions);
        long resident = alone ? ProcessMemory.PeakResidentBytes() : 0;
        // Measured after the work: the memory that the probe reads is not the work's.
        if (!limits.TryGetValue((work.Process, context.Threads), out BenchmarkLimits? found))
        {
            found = new BenchmarkLimits(0, MachineProbe.BandwidthGigabytes(BandwidthBytes, passes: 2) * 1e9);
            limits[(work.Process, context.Threads)] = found;
        }

        peak = Math.Max(peak, MachineProbe.PeakGigaflops(PeakSeconds));
        return Result(work, step, times, context.Threads, found with { PeakOperations = peak * 1e9 }, resident);
    }

    /// <summary>Repeats a work under a profile.</summary>
    /// <param name="work">One work.</param>
    /// <param name="seconds">About how long.</param>
    public static BenchmarkProfile Profile(BenchmarkWork work, double seconds)
    {
        ArgumentNullException.ThrowIfNull(work);
        using ComputeContext context = new(new ComputeOptions { Threads = work.Threads ?? ComputeContext.Current.Threads });
        using ContextScope entered = context.Enter();
        double peak = MachineProbe.PeakGigaflops(PeakSeconds);
        using BenchmarkStep step = work.Prepare();
        List<double> plain = Times(step, seconds / 2, int.MaxValue);
        WorkProfile profile;
        int steps = 0;
        using (profile = WorkProfile.Begin())
        {
            long begun = Stopwatch.GetTimestamp();
            for (; steps == 0 || Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds; steps++) step.Run();
        }

        peak = Math.Max(peak, MachineProbe.PeakGigaflops(PeakSeconds));
        return new BenchmarkProfile(
            work.Name, context.Threads, steps, plain[plain.Count / 2], profile,
            new BenchmarkLimits(peak * 1e9, MachineProbe.BandwidthGigabytes(BandwidthBytes, passes: 2) * 1e9));
    }

    private static BenchmarkResult Result(
        BenchmarkWork work, BenchmarkStep step, List<double> times, int threads, BenchmarkLimits limits, long resident)
    {
        double best = times[0];
        double? ofPeak = step.Operations > 0 ? step.Operations / best / limits.PeakOperations : null;
        double? ofBandwidth = step.Bytes > 0 ? step.Bytes / best / limits.Bandwidth : null;
        return new BenchmarkResult(
            work.Name, step.Unit, step.Units / best, step.Units / times[times.Count / 2], times.Count, threads, limits)
        {
            OfPeak = ofPeak,
            OfBandwidth = ofBandwidth,
            ResidentBytes = resident,
            BeyondStateBytes = resident > 0 && step.StateBytes > 0 ? Math.Max(0, resident - step.StateBytes) : 0,
            Goal = threads > 1 ? work.GoalOfThreads ?? work.Goal : work.Goal,
            Part = work.Limit switch { BenchmarkLimit.Peak => ofPeak, BenchmarkLimit.Bandwidth => ofBandwidth, _ => null },
        };
    }

    /// <summary>The times of repetitions in ascending order, in seconds.</summary>
    private static List<double> Times(BenchmarkStep step, double seconds, int most)
    {
        for (int i = 0; i < step.WarmUp; i++) step.Run();
        List<double> times = [];
        long begun = Stopwatch.GetTimestamp();
        while (times.Count < Math.Min(most, LeastRepetitions)
            || (times.Count < most && Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds))
        {
            long started = Stopwatch.GetTimestamp();
            step.Run();
            times.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
        }

        times.Sort();
        return times;
    }
}
