using System.Runtime.InteropServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>Owns the pages that keep the keys and values of past tokens; freed pages are used again. One pool serves all layers, sequences
/// and beams of a model.</summary>
/// <remarks>
/// A page holds 64 tokens of one layer: keys transposed [Hkv][K][64], then values [Hkv][64][V], V padded to 16, then a mark a head that
/// says whether its values are all finite. Pages are reference-counted: a forked sequence shares them until it writes. Safe for concurrent
/// use; a single <see cref="KeyValuePages"/> is not.
/// </remarks>
internal sealed unsafe class KeyValuePool : IDisposable, ITrimmable
{
    /// <summary>Tokens of a page.</summary>
    public const int PageTokens = 64;

    private const int HeaderBytes = 64;                 // the reference count, or the next free page, stands before the data
    private readonly Lock _lock = new();
    private readonly long _dataFloats;
    private readonly MemoryBudget _budget;
    private readonly HashSet<nint> _all = [];
    private nint _free;
    private long _pages;
    private long _used;
    private bool _disposed;
    private bool _finalized;

    /// <summary>An empty pool for keys [Hkv, K] and values [Hkv, V] a token.</summary>
    /// <param name="keyHeads">Hkv ≥ 1.</param>
    /// <param name="headWidth">K ≥ 1.</param>
    /// <param name="valueWidth">V ≥ 1; 0 means K.</param>
    /// <param name="maximumBytes">Limit for the pages, in bytes; the current context's budget holds as well.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range.</exception>
    public KeyValuePool(int keyHeads, int headWidth, int valueWidth = 0, long maximumBytes = long.MaxValue)
        : this(keyHeads, headWidth, valueWidth, Share(maximumBytes))
    {
    }

    /// <summary>The same with a share of a budget.</summary>
    internal KeyValuePool(int keyHeads, int headWidth, int valueWidth, MemoryBudget budget)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keyHeads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(headWidth, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(valueWidth);
        KeyHeads = keyHeads;
        HeadWidth = headWidth;
        ValueWidth = valueWidth == 0 ? headWidth : valueWidth;
        _budget = budget;
        _dataFloats = AttentionProblem.PageFloats(KeyHeads, HeadWidth, ValueWidth);
        ComputeContext.Current.Register(this);
    }

    /// <summary>An empty pool whose pages are laid out by their owner: the sums of linear attention.</summary>
    internal KeyValuePool(long pageFloats, MemoryBudget budget)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pageFloats, 1);
        _budget = budget;
        _dataFloats = pageFloats;
        ComputeContext.Current.Register(this);
    }

    /// <summary>Returns the memory of a pool that nobody disposed: its sequences are forgotten too.</summary>
    ~KeyValuePool()
    {
        lock (_lock)
        {
            _finalized = true;
            foreach (nint page in _all) Free(page);
            _budget?.Release(MemoryOwner.Caches, _all.Count * PageBytes);
            _all.Clear();
        }
    }

    /// <summary>Hkv.</summary>
    public int KeyHeads { get; }

    /// <summary>K.</summary>
    public int HeadWidth { get; }

    /// <summary>V.</summary>
    public int ValueWidth { get; }

    /// <summary>The most bytes the pool may hold.</summary>
    public long MaximumBytes => _budget.LimitBytes;

    /// <summary>Bytes of one page.</summary>
    public long PageBytes => (_dataFloats * sizeof(float)) + HeaderBytes;

    /// <summary>Pages some sequence holds; a shared page counts once.</summary>
    public long UsedPages => Interlocked.Read(ref _used);

    /// <summary>Bytes taken from the system, used or free.</summary>
    public long HeldBytes => Interlocked.Read(ref _pages) * PageBytes;

    /// <summary>Bytes of the pages in use.</summary>
    public long UsedBytes => UsedPages * PageBytes;

    /// <summary>An empty sequence (of one layer).</summary>
    public KeyValuePages Create() => new(this);

    /// <summary>Gives the free pages back to the system.</summary>
    public void Trim()
    {
        long freed = 0;
        lock (_lock)
        {
            for (; _free != 0; freed++)
            {
                nint page = _free;
                _free = Header(page)->Next;
                _all.Remove(page);
                Free(page);
            }

            _pages -= freed;
        }

        if (freed > 0) _budget.Release(MemoryOwner.Caches, freed * PageBytes);
    }

    /// <summary>Frees the unused pages; those of sequences still alive go as these are disposed.</summary>
    public void Dispose()
    {
        _disposed = true;
        Trim();
        GC.SuppressFinalize(this);
    }

    /// <summary>A share of the current context's budget for the pools of one cache.</summary>
    /// <param name="maximumBytes">Limit of the share.</param>
    /// <param name="reclaim">Gives the pools' free pages back before a page is refused; null for a single pool, which uses its own.</param>
    /// <param name="limitName">What the caller calls the limit, for messages.</param>
    internal static MemoryBudget Share(long maximumBytes, Action? reclaim = null, string? limitName = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumBytes, 1);
        return new MemoryBudget(maximumBytes, limitName ?? "the cache's limit (maximumBytes)", ComputeContext.Current.Memory, reclaim);
    }

    /// <summary>A zeroed page with one owner.</summary>
    /// <exception cref="BudgetException">The pool is full.</exception>
    internal nint Rent()
    {
        nint page;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            page = _free;
            if (page != 0)
            {
                _free = Header(page)->Next;
                _used++;
            }
        }

        if (page == 0) page = Allocate();
        Header(page)->References = 1;
        NativeMemory.Clear((void*)page, (nuint)(_dataFloats * sizeof(float)));
        return page;
    }

    // Outside the lock: before it refuses, the budget trims the other pools.
    private nint Allocate()
    {
        _budget.Reserve(MemoryOwner.Caches, PageBytes, "one more page of the key-value cache");
        try
        {
            nint page = (nint)NativeMemory.AlignedAlloc((nuint)PageBytes, 64) + HeaderBytes;
            // The collector cannot see the memory behind a forgotten sequence.
            GC.AddMemoryPressure(PageBytes);
            lock (_lock)
            {
                _all.Add(page);
                _pages++;
                _used++;
            }

            return page;
        }
        catch (OutOfMemoryException)
        {
            _budget.Release(MemoryOwner.Caches, PageBytes);
            throw new BudgetException(
                $"caches: a page of {PageBytes} bytes for the key-value cache could not be allocated; use fewer or shorter sequences at once.");
        }
    }

    internal static void Share(nint page) => Interlocked.Increment(ref Header(page)->References);

    internal static bool IsShared(nint page) => Volatile.Read(ref Header(page)->References) > 1;

    internal void Release(nint page)
    {
        if (_finalized) return;
        if (Interlocked.Decrement(ref Header(page)->References) > 0) return;
        lock (_lock)
        {
            Header(page)->Next = _free;
            _free = page;
            _used--;
        }

        if (_disposed) Trim();
    }

    internal void Copy(nint from, nint to) => NativeMemory.Copy((void*)from, (void*)to, (nuint)(_dataFloats * sizeof(float)));

    private void Free(nint page)
    {
        NativeMemory.AlignedFree((byte*)page - HeaderBytes);
        GC.RemoveMemoryPressure(PageBytes);
    }

    private static PageHeader* Header(nint page) => (PageHeader*)(page - HeaderBytes);

    private struct PageHeader
    {
        public nint Next;
        public int References;
    }
}
