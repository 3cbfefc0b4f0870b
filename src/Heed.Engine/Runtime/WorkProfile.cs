using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Heed.Engine.Runtime;

/// <summary>Where the time of one op went, summed over its calls. Times are seconds of the calling thread.</summary>
internal sealed class WorkTimes(string phase, string name)
{
    /// <summary>Forward, backward or another part of a step.</summary>
    public string Phase { get; } = phase;

    /// <summary>The op with its shape.</summary>
    public string Name { get; } = name;

    /// <summary>Calls.</summary>
    public long Calls { get; internal set; }

    /// <summary>From the call to its return: <see cref="Busy"/> and both waits.</summary>
    public double Elapsed { get; internal set; }

    /// <summary>Time in parts, over all threads, divided by the number of threads.</summary>
    public double Busy { get; internal set; }

    /// <summary>Waiting for parts to begin, over all threads, divided by their number: the hand-off, and threads that got no
    /// part.</summary>
    public double LateStart { get; internal set; }

    /// <summary>Waiting after the last part, likewise: parts that end apart.</summary>
    public double EarlyEnd { get; internal set; }

    /// <summary>Time of the calling thread before these calls, since the op before: allocation, bookkeeping, loops on one
    /// thread.</summary>
    public double Before { get; internal set; }

    /// <summary>Useful operations.</summary>
    public double Operations { get; internal set; }

    /// <summary>Bytes read and written.</summary>
    public double Bytes { get; internal set; }
}

/// <summary>
/// The instrument of <c>heed bench --profile</c>: while one is open, every work that its thread hands to the workers is timed. What is
/// between works is measured too, so the parts add up to the whole. Closed, it costs one look at a field per call.
/// </summary>
/// <remarks>One at a time in a process; works of other threads pass by. Timing each part costs some 50 ns.</remarks>
internal sealed partial class WorkProfile : IDisposable
{
    private static WorkProfile? s_active;

    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly int _threads = ComputeContext.Current.Threads;
    private readonly Dictionary<(string Phase, string Name), WorkTimes> _times = [];
    private readonly Dictionary<Type, string> _names = [];
    private readonly long _begun;
    private PartTime[] _parts = new PartTime[256];
    private string _phase = "forward";
    private bool _inside;
    private long _last;

    private WorkProfile() => _begun = _last = Stopwatch.GetTimestamp();

    /// <summary>The open profile, or null.</summary>
    public static WorkProfile? Active => Volatile.Read(ref s_active);

    /// <summary>The ops so far, in the order of their first call.</summary>
    public IReadOnlyCollection<WorkTimes> Ops => _times.Values;

    /// <summary>Seconds since the beginning, or to the end.</summary>
    public double Seconds { get; private set; }

    /// <summary>Seconds after the last op.</summary>
    public double After { get; private set; }

    /// <summary>Seconds of the profile's own bookkeeping.</summary>
    public double Own { get; private set; }

    /// <summary>Opens a profile of the calling thread's works.</summary>
    /// <exception cref="InvalidOperationException">One is open already.</exception>
    public static WorkProfile Begin()
    {
        WorkProfile profile = new();
        return Interlocked.CompareExchange(ref s_active, profile, null) is null
            ? profile
            : throw new InvalidOperationException("A profile is open already; dispose it first.");
    }

    /// <summary>Names the part of a step that follows; returns what was before.</summary>
    public static string? Enter(string? phase)
    {
        if (Active is not { } profile || phase is null || profile._thread != Environment.CurrentManagedThreadId) return null;
        string before = profile._phase;
        profile._phase = phase;
        return before;
    }

    /// <summary>Ends the profile.</summary>
    public void Dispose()
    {
        if (Interlocked.CompareExchange(ref s_active, null, this) != this) return;
        long now = Stopwatch.GetTimestamp();
        Seconds = Stopwatch.GetElapsedTime(_begun, now).TotalSeconds;
        After = Stopwatch.GetElapsedTime(_last, now).TotalSeconds;
    }

    /// <summary>Runs a work as <see cref="ComputeContext.Run{TWork}"/> would, and times it.</summary>
    public void Run<TWork>(TWork work, int parts)
        where TWork : struct, IWork
    {
        if (parts == 0) return;
        if (_inside || _thread != Environment.CurrentManagedThreadId)
        {
            if (parts == 1) work.Part(0);
            else ComputeContext.RunUntimed(work, parts);
            return;
        }

        WorkCost cost = work.Cost;
        (string, string) key = (_phase, cost.Name ?? NameOf(typeof(TWork)));
        if (!_times.TryGetValue(key, out WorkTimes? times)) _times[key] = times = new WorkTimes(key.Item1, key.Item2);
        if (_parts.Length < parts) _parts = new PartTime[Math.Max(parts, 2 * _parts.Length)];
        _inside = true;
        long start = Stopwatch.GetTimestamp();
        try
        {
            Timed<TWork> timed = new(work, _parts);
            if (parts == 1) timed.Part(0);
            else ComputeContext.RunUntimed(timed, parts);
        }
        finally
        {
            _inside = false;
        }

        long end = Stopwatch.GetTimestamp();
        Add(times, cost, start, end, _parts.AsSpan(0, parts));
        _last = Stopwatch.GetTimestamp();
        Own += Stopwatch.GetElapsedTime(end, _last).TotalSeconds;
    }

    private void Add(WorkTimes times, WorkCost cost, long start, long end, ReadOnlySpan<PartTime> parts)
    {
        Dictionary<int, (long First, long Last)> threads = [];
        long busy = 0;
        foreach (ref readonly PartTime part in parts)
        {
            busy += part.End - part.Start;
            threads[part.Thread] = threads.TryGetValue(part.Thread, out (long First, long Last) seen)
                ? (Math.Min(seen.First, part.Start), Math.Max(seen.Last, part.End))
                : (part.Start, part.End);
        }

        double late = (_threads - threads.Count) * (double)(end - start), early = 0;
        foreach ((long first, long last) in threads.Values)
        {
            late += first - start;
            early += end - last;
        }

        double tick = 1.0 / Stopwatch.Frequency, share = tick / Math.Max(_threads, threads.Count);
        times.Calls++;
        times.Elapsed += (end - start) * tick;
        times.Busy += busy * share;
        times.LateStart += late * share;
        times.EarlyEnd += early * share;
        times.Before += (start - _last) * tick;
        times.Operations += cost.Operations;
        times.Bytes += cost.Bytes;
    }

    /// <summary>SoftmaxKernel+RowWork → Softmax Row, without the carriers of lanes.</summary>
    private string NameOf(Type type)
    {
        if (_names.TryGetValue(type, out string? known)) return known;
        string text = Namespaces().Replace(type.ToString(), "");
        text = Noise().Replace(text, "");
        return _names[type] = Separators().Replace(text, " ").Trim();
    }

    [GeneratedRegex(@"[A-Za-z_]+\.")]
    private static partial Regex Namespaces();

    [GeneratedRegex(@"`\d+|LaneParts\+Carried|Kernel|Function|Work|,?(Lanes|MatMulTile)\d+")]
    private static partial Regex Noise();

    [GeneratedRegex(@"[\[\]+, ]+")]
    private static partial Regex Separators();

    private struct PartTime
    {
        public long Start;
        public long End;
        public int Thread;
    }

    private readonly struct Timed<TWork>(TWork work, PartTime[] times) : IWork
        where TWork : struct, IWork
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        public void Part(int part)
        {
            ref PartTime time = ref times[part];
            time.Thread = Environment.CurrentManagedThreadId;
            time.Start = Stopwatch.GetTimestamp();
            work.Part(part);
            time.End = Stopwatch.GetTimestamp();
        }
    }
}
