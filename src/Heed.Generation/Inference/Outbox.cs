using System.Runtime.ExceptionServices;

namespace Heed.Generation.Inference;

/// <summary>What the loop has for the caller of one request: updates as they come, and in the end the texts or an error. The loop writes,
/// the caller reads.</summary>
/// <param name="streams">True if the caller wants updates; false: only the result.</param>
internal sealed class Outbox(bool streams)
{
    /// <summary>Unread updates at which a stream is set aside: nobody is reading it.</summary>
    private const int Most = 64;

    private readonly Lock _lock = new();
    private readonly Queue<GenerationUpdate> _updates = [];
    private IReadOnlyList<GeneratedText>? _texts;
    private ExceptionDispatchInfo? _failure;

    /// <summary>True once the texts or the error are there.</summary>
    public bool IsDone
    {
        get
        {
            lock (_lock) return _texts is not null || _failure is not null;
        }
    }

    /// <summary>True if the caller has something to take.</summary>
    public bool HasNews
    {
        get
        {
            lock (_lock) return _updates.Count > 0 || _texts is not null || _failure is not null;
        }
    }

    /// <summary>True if the caller does not read what is written for it.</summary>
    public bool IsFull
    {
        get
        {
            lock (_lock) return _updates.Count >= Most;
        }
    }

    /// <summary>True once the caller has read half of what was too much.</summary>
    public bool IsHalfEmpty
    {
        get
        {
            lock (_lock) return _updates.Count <= Most / 2;
        }
    }

    public void Add(GenerationUpdate update)
    {
        if (!streams) return;
        lock (_lock) _updates.Enqueue(update);
    }

    public void Complete(IReadOnlyList<GeneratedText> texts)
    {
        lock (_lock)
            if (_failure is null) _texts ??= texts;
    }

    public void Fail(Exception e)
    {
        lock (_lock)
            if (_texts is null) _failure ??= ExceptionDispatchInfo.Capture(e);
    }

    /// <summary>Takes the next update; null if there is none (yet).</summary>
    /// <exception cref="HeedException">The request failed; updates before the error come first.</exception>
    public GenerationUpdate? Take()
    {
        lock (_lock)
        {
            if (_updates.TryDequeue(out GenerationUpdate? update)) return update;
            _failure?.Throw();
            return null;
        }
    }

    /// <summary>The texts of a request that is done.</summary>
    /// <exception cref="HeedException">The request failed.</exception>
    public IReadOnlyList<GeneratedText> Texts()
    {
        lock (_lock)
        {
            _failure?.Throw();
            return _texts ?? throw new InvalidOperationException("The request is not done.");
        }
    }
}
