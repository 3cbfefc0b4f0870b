using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Heed.Engine.Runtime;

/// <summary>A call that runs: its parts, of which the caller and workers claim one after the other. Used again by later calls, so that a
/// call allocates nothing.</summary>
internal sealed unsafe class WorkerCall
{
    // Of the low half: no part of this number can be claimed, since no work has this many parts.
    private const long Closed = int.MaxValue;

    private readonly Signal _done = new();
    private ComputeContext? _context;
    private ExceptionDispatchInfo? _failure;
    private Shared _shared = new() { Ticket = Closed };

    // Each field that several threads write has a cache line (and its prefetched neighbour) of its own.
    [StructLayout(LayoutKind.Explicit, Size = 640)]
    private struct Shared
    {
        // High half: the call's number; low half: the next part to be claimed. One compare-and-swap checks both,
        // so that a worker which looked at an earlier call cannot claim a part of a later one.
        [FieldOffset(128)] public long Ticket;
        [FieldOffset(256)] public int Pending;
        [FieldOffset(384)] public int CallerSleeps;
        [FieldOffset(512)] public void* Work;
        [FieldOffset(520)] public delegate*<void*, int, void> Part;
        [FieldOffset(528)] public int Parts;
        [FieldOffset(532)] public int Taken;
    }

    /// <summary>Whether a part is left to be claimed.</summary>
    public bool HasParts => (int)Volatile.Read(ref _shared.Ticket) < _shared.Parts;

    /// <summary>Takes the place for one caller.</summary>
    public bool TryTake() => Volatile.Read(ref _shared.Taken) == 0 && Interlocked.Exchange(ref _shared.Taken, 1) == 0;

    /// <summary>Publishes the parts.</summary>
    public void Open(ComputeContext context, void* work, delegate*<void*, int, void> part, int parts)
    {
        long call = (long)(uint)((int)(_shared.Ticket >> 32) + 1) << 32;
        Interlocked.Exchange(ref _shared.Ticket, call | Closed);
        _context = context;
        _shared.Work = work;
        _shared.Part = part;
        _shared.Parts = parts;
        _shared.Pending = parts;
        Interlocked.Exchange(ref _shared.Ticket, call);
    }

    /// <summary>Claims and runs one part; false if there is none left.</summary>
    /// <param name="left">Parts that were left to be claimed.</param>
    /// <param name="enter">True on a worker, which computes in the caller's context.</param>
    public bool TryPart(out int left, bool enter = false)
    {
        left = 0;
        while (true)
        {
            long ticket = Volatile.Read(ref _shared.Ticket);
            int part = (int)ticket;
            void* work = _shared.Work;
            delegate*<void*, int, void> invoke = _shared.Part;
            ComputeContext? context = _context;
            if (part >= _shared.Parts) return false;
            left = _shared.Parts - part - 1;
            // Success proves that the call was still open when its fields were read: they are rewritten only under a closed ticket.
            if (Interlocked.CompareExchange(ref _shared.Ticket, ticket + 1, ticket) != ticket) continue;

            try
            {
                if (enter) ComputeContext.Restore(context);
                invoke(work, part);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
            }

            if (Interlocked.Decrement(ref _shared.Pending) == 0 && Interlocked.Exchange(ref _shared.CallerSleeps, 0) != 0) _done.Set();
            return true;
        }
    }

    /// <summary>Waits until the parts that workers claimed are done.</summary>
    public void WaitForWorkers(long spinTicks)
    {
        if (Volatile.Read(ref _shared.Pending) == 0) return;
        long end = Stopwatch.GetTimestamp() + spinTicks;
        do
        {
            Thread.SpinWait(4);
            if (Volatile.Read(ref _shared.Pending) == 0) return;
        }
        while (Stopwatch.GetTimestamp() < end);

        while (Volatile.Read(ref _shared.Pending) != 0)
        {
            Interlocked.Exchange(ref _shared.CallerSleeps, 1);
            if (Volatile.Read(ref _shared.Pending) == 0 && Interlocked.Exchange(ref _shared.CallerSleeps, 0) != 0) return;
            _done.Wait();
        }
    }

    /// <summary>Leaves the place to another caller, and throws what a part threw.</summary>
    public void Close()
    {
        ExceptionDispatchInfo? failure = _failure;
        _failure = null;
        _context = null;
        Volatile.Write(ref _shared.Taken, 0);
        failure?.Throw();
    }
}
