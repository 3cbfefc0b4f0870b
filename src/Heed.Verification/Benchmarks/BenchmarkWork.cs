using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Verification.Benchmarks;

/// <summary>What bounds a work, and what its goal is a part of.</summary>
internal enum BenchmarkLimit
{
    /// <summary>Nothing that is measured here.</summary>
    None,

    /// <summary>The peak of fused multiply-adds.</summary>
    Peak,

    /// <summary>The bandwidth of reading memory.</summary>
    Bandwidth,
}

/// <summary>What a work is to reach, as a part of its limit.</summary>
/// <param name="Least">The least that counts.</param>
/// <param name="Goal">What is aimed at.</param>
internal sealed record BenchmarkGoal(double Least, double Goal);

/// <summary>One step of a work, ready to be repeated.</summary>
/// <param name="run">Does one step.</param>
/// <param name="owned">Disposed with it, last first.</param>
internal sealed class BenchmarkStep(Action run, params IDisposable[] owned) : IDisposable
{
    /// <summary>What a step makes: tokens, or 10⁹ operations.</summary>
    public required double Units { get; init; }

    /// <summary>Unit of the figure.</summary>
    public string Unit { get; init; } = "tokens/s";

    /// <summary>Useful operations of a step: no padding, no masked pairs, nothing computed again.</summary>
    public double Operations { get; init; }

    /// <summary>Bytes of weights that a step reads.</summary>
    public double Bytes { get; init; }

    /// <summary>16 bytes for each trained parameter: weight, gradient, and what Adam remembers; 0 where nothing is trained.</summary>
    public long StateBytes { get; init; }

    /// <summary>Steps before the first that counts.</summary>
    public int WarmUp { get; init; } = 2;

    /// <summary>Does one step.</summary>
    public void Run() => run();

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int i = owned.Length - 1; i >= 0; i--) owned[i].Dispose();
    }
}

/// <summary>A work of <c>heed bench</c>: fixed shapes and seeds, random weights.</summary>
/// <param name="Name">Group, model and shape, with slashes.</param>
/// <param name="Prepare">Builds it in the current context.</param>
internal sealed record BenchmarkWork(string Name, Func<BenchmarkStep> Prepare)
{
    /// <summary>What bounds it.</summary>
    public BenchmarkLimit Limit { get; init; } = BenchmarkLimit.Peak;

    /// <summary>What it is to reach on one thread; null: nothing.</summary>
    public BenchmarkGoal? Goal { get; init; }

    /// <summary>What it is to reach on more threads; null: the same.</summary>
    public BenchmarkGoal? GoalOfThreads { get; init; }

    /// <summary>Threads; null: those of the command.</summary>
    public int? Threads { get; init; }

    /// <summary>The child process that runs it: works with the same word share one.</summary>
    public string Process { get; init; } = Name;

    /// <summary>Part of the time of a work that it is repeated for.</summary>
    public double Share { get; init; } = 1;

    /// <summary>Whether a command that names no work leaves it out.</summary>
    public bool OnlyIfNamed { get; init; }

    /// <summary>Most steps; what takes minutes is run once.</summary>
    public int MostRepetitions { get; init; } = int.MaxValue;

    /// <summary>Whether <paramref name="name"/> is this work's name or the beginning of it.</summary>
    public bool Is(string name) => Name == name || Name.StartsWith(name + "/", StringComparison.Ordinal);
}

/// <summary>How one work compares with another.</summary>
/// <param name="Name">What the ratio says.</param>
/// <param name="Above">The work whose figure is divided.</param>
/// <param name="Below">By that of this one.</param>
/// <param name="Value">The figure of a result that is compared.</param>
/// <param name="Least">What counts; where <paramref name="Smaller"/>, at most.</param>
/// <param name="Goal">What is aimed at.</param>
/// <param name="Smaller">Whether less is better.</param>
internal sealed record BenchmarkRatio(
    string Name, string Above, string Below, Func<BenchmarkResult, double> Value, double Least, double Goal, bool Smaller = false);

/// <summary>The limits of the computer while a work ran.</summary>
/// <param name="PeakOperations">Fused multiply-adds count two, operations a second over the work's threads.</param>
/// <param name="Bandwidth">Bytes a second read by these threads.</param>
internal sealed record BenchmarkLimits(double PeakOperations, double Bandwidth);

/// <summary>One figure.</summary>
/// <param name="Name">The work.</param>
/// <param name="Unit">Unit of best and median.</param>
/// <param name="Best">Of the fastest repetition.</param>
/// <param name="Median">Of the repetition in the middle.</param>
/// <param name="Repetitions">Steps that were timed.</param>
/// <param name="Threads">Threads of the work.</param>
/// <param name="Limits">What the computer could do at that time.</param>
internal sealed record BenchmarkResult(
    string Name, string Unit, double Best, double Median, int Repetitions, int Threads, BenchmarkLimits Limits)
{
    /// <summary>The best figure as a part of the peak; null where the work has no useful operations.</summary>
    public double? OfPeak { get; init; }

    /// <summary>The best figure as a part of the bandwidth; null where the work does not read weights once.</summary>
    public double? OfBandwidth { get; init; }

    /// <summary>Largest resident memory of the process, in bytes; 0 where others shared it or the system does not tell.</summary>
    public long ResidentBytes { get; init; }

    /// <summary>Resident memory beyond 16 bytes a parameter; 0 where nothing is trained.</summary>
    public long BeyondStateBytes { get; init; }

    /// <summary>What is to be reached, as a part of the limit; null: nothing.</summary>
    public BenchmarkGoal? Goal { get; init; }

    /// <summary>The part that the goal speaks of.</summary>
    public double? Part { get; init; }
}
