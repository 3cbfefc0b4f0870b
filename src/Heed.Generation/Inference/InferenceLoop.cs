using Heed.Engine.Tensors;
using Heed.Generation.Decoding;

namespace Heed.Generation.Inference;

/// <summary>
/// The one loop: requests arrive, are read and written together step by step, and leave. Used by one thread at a time.
/// </summary>
/// <remarks>
/// A step reads at most <see cref="InferenceOptions.TokensPerStep"/> tokens: one for each text that is being written, the rest for prompts,
/// the oldest first. When the cache is full, kept prefixes go first, then the youngest text, which waits until another has ended. What is
/// written depends on none of it.
/// </remarks>
internal sealed class InferenceLoop(Decoder decoder, InferenceOptions options) : IDisposable
{
    private readonly List<RunningRequest> _running = [];    // by arrival
    private readonly List<RunningRequest> _waiting = [];    // by arrival
    private readonly List<RunningRequest> _parked = [];     // nobody reads what they write
    private readonly PrefixCache _prefixes = new(options.MaximumPrefixBytes);
    private bool _roomSinceEviction = true;

    /// <summary>Number of requests that are not done.</summary>
    public int Count => _running.Count + _waiting.Count + _parked.Count;

    public PrefixCache Prefixes => _prefixes;

    /// <summary>Takes a request in; it begins with the next step.</summary>
    public void Add(RunningRequest request) => _waiting.Add(request);

    /// <summary>Takes withdrawn requests out and gives their pages back.</summary>
    public void Sweep()
    {
        foreach (List<RunningRequest> list in (List<RunningRequest>[])[_running, _waiting, _parked])
        {
            foreach (RunningRequest request in list)
            {
                if (!request.IsWithdrawn) continue;
                try
                {
                    request.Cancel();
                    Complete(request);
                }
                catch (Exception e)
                {
                    request.Fail(e);
                }
            }

            list.RemoveAll(r => r.IsDone);
        }
    }

    /// <summary>One step of all requests.</summary>
    /// <param name="owner">Whoever runs the step; <paramref name="cancellationToken"/> ends a step early only if all running requests are
    /// the owner's.</param>
    /// <param name="cancellationToken">Checked before each layer; the requests are then as they were before the step.</param>
    public void Step(object owner, CancellationToken cancellationToken)
    {
        Sweep();
        Park();
        Admit();
        CancellationToken own = _running.TrueForAll(r => ReferenceEquals(r.Owner, owner)) ? cancellationToken : default;
        while (_running.Count > 0)
        {
            List<RunningRequest> planned = Plan();
            try
            {
                Forward(planned, own);
                return;
            }
            catch (BudgetException e)
            {
                MakeRoom(planned, e);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Isolate(planned, e);
                return;
            }
        }
    }

    /// <summary>Fails all requests and gives all pages back.</summary>
    public void Close(Exception e)
    {
        foreach (RunningRequest request in (RunningRequest[])[.. _running, .. _waiting, .. _parked]) request.Fail(e);
        _running.Clear();
        _waiting.Clear();
        _parked.Clear();
        Dispose();
    }

    public void Dispose() => _prefixes.Dispose();

    /// <summary>A stream that nobody reads gives its place to others, until its reader returns. It keeps its pages as long as nobody needs
    /// them.</summary>
    private void Park()
    {
        foreach (RunningRequest request in _running.FindAll(r => r.Outbox.IsFull))
        {
            _running.Remove(request);
            _parked.Add(request);
        }

        foreach (RunningRequest request in _parked.FindAll(r => r.Outbox.IsHalfEmpty))
        {
            if (request.States.Count > 0 && !HasPlaceFor(request)) continue;
            _parked.Remove(request);
            Insert(request.States.Count > 0 ? _running : _waiting, request);
        }
    }

    /// <summary>True if as many sequences more may run; one request may always.</summary>
    private bool HasPlaceFor(RunningRequest request)
        => _running.Count == 0 || _running.Sum(r => r.Sequences) + request.Sequences <= options.MaximumSequences;

    private void Admit()
    {
        while (_waiting.Count > 0)
        {
            RunningRequest next = _waiting[0];
            if (!HasPlaceFor(next) || (_running.Count > 0 && next.WasEvicted && !_roomSinceEviction)) return;
            _waiting.RemoveAt(0);
            try
            {
                next.Start(_prefixes);
                if (next.IsDone) Complete(next);
            }
            catch (Exception e)
            {
                next.Fail(e);       // it is in no list any more: its caller would wait for ever
            }

            if (next.IsDone) continue;

            Insert(_running, next);
        }
    }

    /// <summary>Shares the step's tokens. Each sequence's <see cref="DecoderSequence.Take"/> is set; those that read nothing are left out
    /// by <see cref="Forward"/>.</summary>
    private List<RunningRequest> Plan()
    {
        int room = options.TokensPerStep;
        foreach (RunningRequest request in _running)
            if (IsWriting(request)) room -= request.States.Count;
        // Prompts never starve: whatever is being written, one token of one prompt is read.
        room = Math.Max(room, 1);
        bool sourceRead = false;
        foreach (RunningRequest request in _running)
        {
            IReadOnlyList<DecoderSequence> states = request.States;
            if (IsWriting(request))
            {
                foreach (DecoderSequence state in states) state.Take = state.Unread.Length;
                continue;
            }

            bool together = states.Count > 1;
            foreach (DecoderSequence state in states)
            {
                // An encoder reads its text as a whole; one longer than the room has a step's rest for itself.
                int source = state is { IsNew: true, Source: { } text } ? text.Length : 0;
                bool waits = source > room && sourceRead;
                state.Take = waits ? 0 : Math.Min(state.Unread.Length - (together ? 1 : 0), Math.Max(room - source, source > 0 ? 1 : 0));
                sourceRead |= source > 0 && !waits;
                room = Math.Max(0, room - (waits ? 0 : source) - state.Take);
            }
        }

        return _running.FindAll(r => r.States.Any(s => s.Take > 0));
    }

    /// <summary>True if all that is left to read is the last id of each sequence (and no encoder's text).</summary>
    private static bool IsWriting(RunningRequest request)
        => request.States.All(s => s.Unread.Length == 1 && !(s.IsNew && s.Source is not null));

    private void Forward(List<RunningRequest> planned, CancellationToken cancellationToken)
    {
        using TensorScope scope = TensorScope.Begin();
        DecoderSequence[][] states = [.. planned.Select(r => r.States.Where(s => s.Take > 0).ToArray())];
        bool[] completes = [.. states.Select((s, i) => s.Length == planned[i].States.Count && Array.TrueForAll(s, x => x.Completes))];
        int[] rows = [.. states.Select(s => s.Count(x => x.Completes))];
        Tensor? scores = decoder.Step([.. states.SelectMany(s => s)], cancellationToken);      // [R, V]
        int row = 0;
        for (int i = 0; i < planned.Count; i++)
        {
            if (completes[i]) Advance(planned[i], scores!.Rows(row, rows[i]));
            row += rows[i];
        }

        _running.RemoveAll(r => r.IsDone);
    }

    private void Advance(RunningRequest request, Tensor scores)
    {
        try
        {
            request.Advance(scores, _prefixes);
            if (request.IsDone) Complete(request);
        }
        catch (Exception e)
        {
            request.Fail(e);
            _roomSinceEviction = true;
        }
    }

    private void Complete(RunningRequest request)
    {
        request.Complete(_prefixes);
        _roomSinceEviction = true;
    }

    /// <summary>The cache is full: drops prefixes, else evicts a stream that nobody reads, else the youngest text; a text that is alone and
    /// still does not fit fails.</summary>
    private void MakeRoom(List<RunningRequest> planned, BudgetException e)
    {
        if (_prefixes.DropHalf()) return;
        if (_parked.FindLast(r => r.States.Count > 0) is { } unread)
        {
            unread.Evict();
            return;
        }

        if (_running.Count == 1)
        {
            planned[0].Fail(e);
            _running.Clear();
            return;
        }

        RunningRequest youngest = _running[^1];
        _running.RemoveAt(_running.Count - 1);
        youngest.Evict();
        Insert(_waiting, youngest);
        _roomSinceEviction = false;
    }

    /// <summary>A step failed for another reason: each request runs alone, so that only those at fault get the error.</summary>
    private void Isolate(List<RunningRequest> planned, Exception e)
    {
        foreach (RunningRequest request in planned)
        {
            if (planned.Count == 1)
            {
                request.Fail(e);
                _running.Remove(request);
            }
            else
            {
                RunAlone(request);
            }
        }
    }

    /// <summary>A step of one request, unless it was put back to make room for another.</summary>
    private void RunAlone(RunningRequest request)
    {
        while (_running.Contains(request))
        {
            try
            {
                Forward([request], default);
                return;
            }
            catch (BudgetException e)
            {
                MakeRoom([request], e);
            }
            catch (Exception e)
            {
                request.Fail(e);
                _running.Remove(request);
            }
        }
    }

    private static void Insert(List<RunningRequest> list, RunningRequest request)
    {
        int at = list.FindIndex(r => r.Arrival > request.Arrival);
        list.Insert(at < 0 ? list.Count : at, request);
    }
}
