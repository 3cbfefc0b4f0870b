using Heed.Engine.Runtime;

namespace Heed.Verification.Benchmarks;

/// <summary>Where the time of a work's steps went.</summary>
/// <param name="Name">The work.</param>
/// <param name="Threads">Its threads.</param>
/// <param name="Steps">Steps that were profiled.</param>
/// <param name="PlainSeconds">Median time of a step without a profile.</param>
/// <param name="Times">The ops.</param>
/// <param name="Limits">What the computer could do at that time.</param>
internal sealed record BenchmarkProfile(
    string Name, int Threads, int Steps, double PlainSeconds, WorkProfile Times, BenchmarkLimits Limits)
{
    /// <summary>Seconds of a step.</summary>
    public double StepSeconds => Times.Seconds / Steps;

    /// <summary>The ops, the longest first.</summary>
    public IEnumerable<WorkTimes> Ops => Times.Ops.OrderByDescending(op => op.Elapsed + op.Before);

    /// <summary>Seconds of a step between ops, on the calling thread alone.</summary>
    public double BetweenSeconds => (Times.Ops.Sum(op => op.Before) + Times.After) / Steps;
}
