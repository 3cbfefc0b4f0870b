using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Heed.Engine.Tensors;

/// <summary>Work cut into parts that may run concurrently and in any order. A struct, so that handing it out allocates nothing.</summary>
internal interface IWork
{
    /// <summary>Does one part. No part may add into what another part writes.</summary>
    void Part(int part);
}

/// <summary>The engine's threads: one pool for all kernels, which spins for some tens of microseconds between calls and then sleeps.</summary>
/// <remarks>
/// The number of threads never changes a result: the parts of a work and their boundaries follow from its shape alone.
/// A call made while another thread's call is running, or from inside a part, runs inline on its own thread.
/// </remarks>
public static class WorkerPool
{
    /// <summary>The largest value of <see cref="Threads"/>.</summary>
    public const int MaxThreads = 1024;

    // How long a worker waits for the next call before it sleeps. Between two kernels of a model there are a few microseconds; a wake-up costs five to fifty.
    private static readonly long SpinTicks = Stopwatch.Frequency * 60 / 1_000_000;

    // Of the low half: no part of this value can be claimed, since no work has this many parts.
    private const long Closed = int.MaxValue;

    private static readonly object Gate = new();
    private static readonly SemaphoreSlim Done = new(0);

    private static int _threads;
    private static int _started = 1;   // threads that exist for the pool, the caller among them
    private static Crew _crew = new();
    private static Shared _shared = new() { Ticket = Closed };

    [ThreadStatic]
    private static bool _inside;

    // Each field that several threads write has a cache line (and its prefetched neighbour) of its own.
    [StructLayout(LayoutKind.Explicit, Size = 640)]
    private unsafe struct Shared
    {
        // High half: the call's number; low half: the next part to be claimed. One compare-and-swap checks both,
        // so that a worker which looked at an earlier call cannot claim a part of a later one.
        [FieldOffset(128)] public long Ticket;
        [FieldOffset(256)] public int Pending;
        [FieldOffset(384)] public int CallerSleeps;
        [FieldOffset(512)] public void* Work;
        [FieldOffset(520)] public delegate*<void*, int, void> Part;
        [FieldOffset(528)] public int Parts;
    }

    private static ExceptionDispatchInfo? _failure;

    /// <summary>Threads that share a call's parts, the calling thread among them: 1 … <see cref="MaxThreads"/>.
    /// At first the environment variable HEED_THREADS, else the number of processors; always 1 in a browser. May be set between calls.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1 or above <see cref="MaxThreads"/>.</exception>
    /// <exception cref="UsageException">HEED_THREADS is not such a number.</exception>
    /// <exception cref="InvalidOperationException">Set from inside a part.</exception>
    public static int Threads
    {
        get
        {
            int threads = Volatile.Read(ref _threads);
            if (threads != 0) return threads;
            threads = Initial();
            int before = Interlocked.CompareExchange(ref _threads, threads, 0);
            return before != 0 ? before : threads;
        }

        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxThreads);
            if (_inside) throw new InvalidOperationException("WorkerPool.Threads cannot be set from inside a part of a running call.");
            if (OperatingSystem.IsBrowser()) value = 1;
            lock (Gate)
            {
                Volatile.Write(ref _threads, value);
                if (_started > value) Retire();
            }
        }
    }

    /// <summary>Runs <paramref name="work"/>'s parts 0 … <paramref name="parts"/> − 1 on all threads and returns when all are done.
    /// The first exception of a part is thrown again here, after the other parts have ended.</summary>
    internal static void Run<TWork>(TWork work, int parts)
        where TWork : struct, IWork
    {
        ArgumentOutOfRangeException.ThrowIfNegative(parts);
        if (parts <= 1 || _inside || Threads == 1 || !Monitor.TryEnter(Gate))
        {
            for (int part = 0; part < parts; part++) work.Part(part);
            return;
        }

        try
        {
            unsafe
            {
                // The work lies on this stack frame, which outlives every part: it neither moves nor is copied.
                RunShared(Unsafe.AsPointer(ref work), &Invoke<TWork>, parts);
            }
        }
        finally
        {
            Monitor.Exit(Gate);
        }
    }

    private static unsafe void Invoke<TWork>(void* work, int part)
        where TWork : struct, IWork => Unsafe.AsRef<TWork>(work).Part(part);

    private static unsafe void RunShared(void* work, delegate*<void*, int, void> part, int parts)
    {
        StartWorkers();
        long call = (long)(uint)((int)(_shared.Ticket >> 32) + 1) << 32;
        Interlocked.Exchange(ref _shared.Ticket, call | Closed);
        _shared.Work = work;
        _shared.Part = part;
        _shared.Parts = parts;
        _shared.Pending = parts;
        Interlocked.Exchange(ref _shared.Ticket, call);
        _crew.WakeUpTo(parts - 1);

        _inside = true;
        while (TryPart()) { }
        _inside = false;
        WaitForOthers();

        if (_failure is { } failure)
        {
            _failure = null;
            failure.Throw();
        }
    }

    /// <summary>Claims and runs one part of the current call; false when there is none left.</summary>
    private static unsafe bool TryPart()
    {
        while (true)
        {
            long ticket = Volatile.Read(ref _shared.Ticket);
            int part = (int)ticket;
            void* work = _shared.Work;
            delegate*<void*, int, void> invoke = _shared.Part;
            if (part >= _shared.Parts) return false;
            // Success proves that the call was still open when its fields were read: they are rewritten only under a closed ticket.
            if (Interlocked.CompareExchange(ref _shared.Ticket, ticket + 1, ticket) != ticket) continue;

            try
            {
                invoke(work, part);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
            }

            if (Interlocked.Decrement(ref _shared.Pending) == 0 && Interlocked.Exchange(ref _shared.CallerSleeps, 0) != 0) Done.Release();
            return true;
        }
    }

    private static void WaitForOthers()
    {
        long end = Stopwatch.GetTimestamp() + SpinTicks;
        do
        {
            if (Volatile.Read(ref _shared.Pending) == 0) return;
            Thread.SpinWait(4);
        }
        while (_started <= Environment.ProcessorCount && Stopwatch.GetTimestamp() < end);

        while (Volatile.Read(ref _shared.Pending) != 0)
        {
            Interlocked.Exchange(ref _shared.CallerSleeps, 1);
            if (Volatile.Read(ref _shared.Pending) == 0 && Interlocked.Exchange(ref _shared.CallerSleeps, 0) != 0) return;
            Done.Wait();
        }
    }

    private static bool HasWork() => (int)Volatile.Read(ref _shared.Ticket) < _shared.Parts;

    private static void StartWorkers()
    {
        for (int threads = Threads; _started < threads; _started++)
            new Thread(_crew.Loop) { IsBackground = true, Name = "Heed worker" }.Start();
    }

    // Under the gate, so no call is running.
    private static void Retire()
    {
        _crew.End();
        _crew = new Crew();
        _started = 1;
    }

    private static int Initial()
    {
        if (OperatingSystem.IsBrowser()) return 1;
        string? text = Environment.GetEnvironmentVariable("HEED_THREADS");
        if (string.IsNullOrWhiteSpace(text)) return Math.Clamp(Environment.ProcessorCount, 1, MaxThreads);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int threads) && threads is >= 1 and <= MaxThreads
            ? threads
            : throw new UsageException($"The environment variable HEED_THREADS is '{Printable.Escape(text)}', not a whole number from 1 to {MaxThreads}; correct it or remove it.");
    }

    /// <summary>The workers that live between two lowerings of <see cref="Threads"/>.</summary>
    private sealed class Crew
    {
        private readonly object _bed = new();
        private int _wakeUps;
        private int _sleepers;
        private bool _ended;

        public void Loop()
        {
            _inside = true;
            while (true)
            {
                while (TryPart()) { }
                if (Volatile.Read(ref _ended)) return;
                if (SpinUntilNews()) continue;
                Interlocked.Increment(ref _sleepers);
                // Work that was published just before the line above did not count this sleeper.
                // If the entry can no longer be withdrawn, a wake-up is on its way and must be taken.
                if (HasNews() && TryTakeSleepers(1) == 1) continue;
                lock (_bed)
                {
                    while (_wakeUps == 0) Monitor.Wait(_bed);
                    _wakeUps--;
                }
            }
        }

        public void WakeUpTo(int wanted)
        {
            int count = TryTakeSleepers(wanted);
            if (count > 0) Release(count);
        }

        // Every present and future sleeper passes: the count of wake-ups no longer matters.
        public void End()
        {
            Volatile.Write(ref _ended, true);
            Release(MaxThreads);
        }

        private void Release(int count)
        {
            lock (_bed)
            {
                _wakeUps += count;
                if (count == 1) Monitor.Pulse(_bed);
                else Monitor.PulseAll(_bed);
            }
        }

        private int TryTakeSleepers(int wanted)
        {
            int sleepers = Volatile.Read(ref _sleepers);
            while (sleepers > 0)
            {
                int count = Math.Min(sleepers, wanted);
                int before = Interlocked.CompareExchange(ref _sleepers, sleepers - count, sleepers);
                if (before == sleepers) return count;
                sleepers = before;
            }

            return 0;
        }

        private bool HasNews() => HasWork() || Volatile.Read(ref _ended);

        private bool SpinUntilNews()
        {
            if (_started > Environment.ProcessorCount) return HasNews();
            long end = Stopwatch.GetTimestamp() + SpinTicks;
            do
            {
                if (HasNews()) return true;
                Thread.SpinWait(4);
            }
            while (Stopwatch.GetTimestamp() < end);
            return false;
        }
    }
}
