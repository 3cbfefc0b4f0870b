using System.Globalization;

namespace Heed.Engine.Runtime;

/// <summary>The bytes that a <see cref="ComputeContext"/> holds, by owner, and their limit. Memory kept for reuse counts as used until
/// it is trimmed. Safe for concurrent use.</summary>
public sealed class MemoryBudget
{
    private static readonly MemoryOwner[] Owners = Enum.GetValues<MemoryOwner>();

    private readonly long[] _bytes = new long[Owners.Length];
    private readonly MemoryBudget? _parent;
    private readonly Action? _reclaim;
    private readonly string _limitedBy;
    private long _used;
    private long _peak;

    /// <param name="limitBytes">The limit.</param>
    /// <param name="limitedBy">The setting to raise, for the error.</param>
    /// <param name="reclaim">Gives back what is kept for reuse; called before a reservation is refused.</param>
    internal MemoryBudget(long limitBytes, string limitedBy, Action reclaim)
    {
        LimitBytes = limitBytes;
        _limitedBy = limitedBy;
        _reclaim = reclaim;
    }

    /// <summary>A share of a larger budget with a limit of its own: what is reserved here is reserved there.</summary>
    internal MemoryBudget(long limitBytes, string limitedBy, MemoryBudget parent, Action? reclaim = null)
    {
        _reclaim = reclaim;
        LimitBytes = limitBytes;
        _limitedBy = limitedBy;
        _parent = parent;
    }

    /// <summary>The limit, in bytes.</summary>
    public long LimitBytes { get; }

    /// <summary>Bytes held now, for all owners.</summary>
    public long UsedBytes => Interlocked.Read(ref _used);

    /// <summary>Largest <see cref="UsedBytes"/> so far.</summary>
    public long PeakBytes => Interlocked.Read(ref _peak);

    /// <summary>Bytes held now for one owner.</summary>
    public long BytesOf(MemoryOwner owner) => Interlocked.Read(ref _bytes[(int)owner]);

    /// <summary>Starts <see cref="PeakBytes"/> anew from what is in use now.</summary>
    internal void ResetPeak() => Interlocked.Exchange(ref _peak, UsedBytes);

    /// <summary>Counts memory that is about to be taken.</summary>
    /// <param name="owner">What it is for.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="what">The thing that needs it, for the error; null: the owner's name says enough.</param>
    /// <exception cref="BudgetException">The limit would be exceeded, even after giving back what is kept for reuse.</exception>
    internal void Reserve(MemoryOwner owner, long bytes, string? what = null)
    {
        if (TryReserve(owner, bytes) is not { } full) return;
        full._reclaim?.Invoke();
        if (TryReserve(owner, bytes) is not { } still) return;
        throw new BudgetException(still.Refusal(owner, bytes, what));
    }

    /// <summary>Uncounts memory that was given back.</summary>
    internal void Release(MemoryOwner owner, long bytes)
    {
        Interlocked.Add(ref _bytes[(int)owner], -bytes);
        Interlocked.Add(ref _used, -bytes);
        _parent?.Release(owner, bytes);
    }

    /// <summary>Null if the memory was counted, else the budget that is full.</summary>
    private MemoryBudget? TryReserve(MemoryOwner owner, long bytes)
    {
        long used = UsedBytes, before;
        do
        {
            before = used;
            if (bytes > LimitBytes - before) return this;
        }
        while ((used = Interlocked.CompareExchange(ref _used, before + bytes, before)) != before);

        if (_parent?.TryReserve(owner, bytes) is { } full)
        {
            Interlocked.Add(ref _used, -bytes);
            return full;
        }

        Interlocked.Add(ref _bytes[(int)owner], bytes);
        used = before + bytes;
        long peak;
        while (used > (peak = PeakBytes) && Interlocked.CompareExchange(ref _peak, used, peak) != peak)
        {
        }

        return null;
    }

    private string Refusal(MemoryOwner owner, long bytes, string? what)
    {
        string name = owner.ToString().ToLowerInvariant();
        string held = string.Join(", ", Owners.Where(o => BytesOf(o) > 0).Select(o => $"{o.ToString().ToLowerInvariant()} {Number(BytesOf(o))}"));
        string needed = what is null ? $"{Number(bytes)} bytes are needed" : $"{what} needs {Number(bytes)} bytes";
        return $"{name}: {needed}, and {Number(UsedBytes)} of the limit of {Number(LimitBytes)} bytes are in use{(held.Length == 0 ? "" : $" ({held})")}; "
            + $"raise {_limitedBy}, or use {Advice(owner)}.";
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Advice(MemoryOwner owner) => owner switch
    {
        MemoryOwner.Weights => "a smaller model or a 16-bit format",
        MemoryOwner.Caches => "fewer or shorter sequences at once",
        _ => "shorter texts or fewer at once",
    };
}
