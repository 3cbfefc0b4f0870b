using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Heed.Engine.Runtime;

/// <summary>The threads of a context. They take parts of all calls that run, one of each call in turn, spin for some tens of
/// microseconds when there are none, and then sleep.</summary>
/// <remarks>
/// Each caller works on its own parts, so no call waits for another one, and a call from inside a part runs inline. Workers fill the
/// threads that callers leave free: of T threads and C callers, T − C workers help. More would only push callers off their processors. Both
/// are looked at part by part, so a long call gets workers as soon as others end. The number of threads never changes a result: the parts
/// of a work and their boundaries follow from its shape alone.
/// </remarks>
internal sealed unsafe class Workers(int threads)
{
    // How long a worker waits for the next call before it sleeps. Between two kernels of a model there are a few microseconds; a wake-up
    // costs five to fifty.
    private static readonly long SpinTicks = Stopwatch.Frequency * 60 / 1_000_000;

    // How long a caller between two calls still counts: it comes back sooner than a worker could be put to use.
    private static readonly long CrowdTicks = Stopwatch.Frequency / 1_000;

    [ThreadStatic]
    private static bool t_inside;

    [ThreadStatic]
    private static int t_slot;

    private readonly Lock _gate = new();
    private WorkerCall[] _calls = [];       // only ever grows: whoever holds an older array sees the same calls
    private Worker[] _workers = [];
    private int _active;
    private int _crowd;
    private long _crowdSeen;
    private int _sleepers;
    private bool _ended;

    /// <summary>Threads that share a call's parts, the caller among them.</summary>
    public int Threads => threads;

    /// <summary>Runs all parts and returns when they are done. The first exception of a part is thrown again here, after the other parts
    /// have ended.</summary>
    public void Run<TWork>(ComputeContext context, TWork work, int parts)
        where TWork : struct, IWork
    {
        if (threads == 1 || t_inside || Volatile.Read(ref _ended))
        {
            for (int part = 0; part < parts; part++) work.Part(part);
            return;
        }

        // The work lies on this stack frame, which outlives every part: it neither moves nor is copied.
        RunShared(context, Unsafe.AsPointer(ref work), &Invoke<TWork>, parts);
    }

    /// <summary>Ends the threads; calls that run are completed by their callers.</summary>
    public void End()
    {
        lock (_gate)
        {
            Interlocked.Exchange(ref _ended, true);
            foreach (Worker worker in _workers) worker.TryWake();
        }
    }

    private static void Invoke<TWork>(void* work, int part)
        where TWork : struct, IWork => Unsafe.AsRef<TWork>(work).Part(part);

    private void RunShared(ComputeContext context, void* work, delegate*<void*, int, void> part, int parts)
    {
        if (_workers.Length == 0) Start();
        WorkerCall call = TakeCall();
        Interlocked.Increment(ref _active);
        call.Open(context, work, part, parts);
        t_inside = true;
        Wake(parts - 1);
        while (call.TryPart(out int left)) Wake(left);
        t_inside = false;
        call.WaitForWorkers(MaySpin ? SpinTicks : 0);
        Interlocked.Decrement(ref _active);
        call.Close();
    }

    /// <summary>A call's place that no other caller uses: the one this thread had before, if it can be.</summary>
    private WorkerCall TakeCall()
    {
        WorkerCall[] calls = Volatile.Read(ref _calls);
        int first = t_slot;
        for (int i = 0; i < calls.Length; i++)
        {
            int at = (first + i) % calls.Length;
            if (!calls[at].TryTake()) continue;
            t_slot = at;
            return calls[at];
        }

        lock (_gate)
        {
            WorkerCall call = new();
            call.TryTake();
            t_slot = _calls.Length;
            Volatile.Write(ref _calls, [.. _calls, call]);
            return call;
        }
    }

    /// <summary>Callers at once, as of late: the most in the last millisecond.</summary>
    private int Crowd()
    {
        int active = Volatile.Read(ref _active), crowd = Volatile.Read(ref _crowd);
        long now = Stopwatch.GetTimestamp(), age = now - Volatile.Read(ref _crowdSeen);
        // Seldom written, since all threads read it.
        if (active <= crowd && age <= (active == crowd ? CrowdTicks / 4 : CrowdTicks)) return crowd;
        Volatile.Write(ref _crowd, active);
        Volatile.Write(ref _crowdSeen, now);
        return active;
    }

    // Threads beyond the processors only take turns, and spinning takes the turn of one that has work.
    private bool MaySpin => Math.Max(threads, Volatile.Read(ref _crowd)) <= Environment.ProcessorCount;

    private bool MayHelp(int worker) => worker < threads - Volatile.Read(ref _crowd);

    private void Wake(int wanted)
    {
        int crowd = Crowd();
        Worker[] workers = _workers;
        for (int i = 0; i < Math.Min(workers.Length, threads - crowd) && wanted > 0 && Volatile.Read(ref _sleepers) > 0; i++)
            if (workers[i].TryWake()) wanted--;
    }

    /// <summary>Runs one part of the next call after <paramref name="last"/> that has one; false if none has.</summary>
    private bool TryNextPart(ref int last)
    {
        if (Volatile.Read(ref _active) == 0) return false;
        WorkerCall[] calls = Volatile.Read(ref _calls);
        for (int i = 1; i <= calls.Length; i++)
        {
            int at = (last + i) % calls.Length;
            if (!calls[at].TryPart(out _, enter: true)) continue;
            last = at;
            return true;
        }

        return false;
    }

    private bool HasParts()
    {
        if (Volatile.Read(ref _active) == 0) return false;
        foreach (WorkerCall call in Volatile.Read(ref _calls))
            if (call.HasParts) return true;
        return false;
    }

    private void Start()
    {
        if (OperatingSystem.IsBrowser()) return;      // one thread: calls run inline
        lock (_gate)
        {
            if (_workers.Length > 0 || _ended) return;
            Worker[] workers = new Worker[threads - 1];
            for (int i = 0; i < workers.Length; i++) workers[i] = new Worker(this, i);
            Volatile.Write(ref _workers, workers);
            foreach (Worker worker in workers) new Thread(worker.Loop) { IsBackground = true, Name = "Heed worker" }.Start();
        }
    }

    private sealed class Worker(Workers owner, int number)
    {
        private readonly Signal _wake = new();
        private int _sleeps;

        public void Loop()
        {
            t_inside = true;
            int last = number;
            while (!Volatile.Read(ref owner._ended))
            {
                while (owner.MayHelp(number) && owner.TryNextPart(ref last))
                {
                }

                if (SpinUntilNews()) continue;
                ComputeContext.Restore(null);
                Interlocked.Increment(ref owner._sleepers);
                Interlocked.Exchange(ref _sleeps, 1);
                // Work that was published just before the line above did not see this sleeper.
                // If it can no longer be withdrawn, a wake-up is on its way and must be taken.
                if (HasNews && TryRise()) continue;
                _wake.Wait();
            }
        }

        public bool TryWake()
        {
            if (!TryRise()) return false;
            _wake.Set();
            return true;
        }

        private bool HasNews => (owner.MayHelp(number) && owner.HasParts()) || Volatile.Read(ref owner._ended);

        private bool TryRise()
        {
            if (Volatile.Read(ref _sleeps) == 0 || Interlocked.Exchange(ref _sleeps, 0) == 0) return false;
            Interlocked.Decrement(ref owner._sleepers);
            return true;
        }

        private bool SpinUntilNews()
        {
            long end = Stopwatch.GetTimestamp() + SpinTicks;
            do
            {
                if (HasNews) return true;
                Thread.SpinWait(4);
            }
            while (owner.MaySpin && owner.MayHelp(number) && Stopwatch.GetTimestamp() < end);
            return false;
        }
    }
}
