using System.Runtime.InteropServices;

namespace Heed.Engine.Kernels;

/// <summary>Owns the pages that keep the keys and values of past tokens; freed pages are used again. One pool serves all layers, sequences and beams of a model.</summary>
/// <remarks>
/// A page holds 64 tokens of one layer: keys transposed [Hkv][K][64], then values [Hkv][64][V], V padded to 16, then a mark a head that says whether its
/// values are all finite. Pages are reference-counted: a forked sequence shares them until it writes. Safe for concurrent use; a single <see cref="KeyValuePages"/> is not.
/// </remarks>
public sealed unsafe class KeyValuePool : IDisposable
{
    /// <summary>Tokens of a page.</summary>
    public const int PageTokens = 64;

    private const int HeaderBytes = 64;                 // the reference count, or the next free page, stands before the data
    private readonly Lock _lock = new();
    private readonly long _dataFloats;
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
    /// <param name="maximumBytes">More pages than fit are refused.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range.</exception>
    public KeyValuePool(int keyHeads, int headWidth, int valueWidth = 0, long maximumBytes = long.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keyHeads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(headWidth, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(valueWidth);
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumBytes, 1);
        KeyHeads = keyHeads;
        HeadWidth = headWidth;
        ValueWidth = valueWidth == 0 ? headWidth : valueWidth;
        MaximumBytes = maximumBytes;
        _dataFloats = AttentionProblem.PageFloats(KeyHeads, HeadWidth, ValueWidth);
    }

    /// <summary>An empty pool whose pages are laid out by their owner: the sums of linear attention.</summary>
    internal KeyValuePool(long pageFloats, long maximumBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pageFloats, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumBytes, 1);
        MaximumBytes = maximumBytes;
        _dataFloats = pageFloats;
    }

    /// <summary>Returns the memory of a pool that nobody disposed: its sequences are forgotten too.</summary>
    ~KeyValuePool()
    {
        lock (_lock)
        {
            _finalized = true;
            foreach (nint page in _all) Free(page);
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
    public long MaximumBytes { get; }

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
        lock (_lock)
        {
            while (_free != 0)
            {
                nint page = _free;
                _free = Header(page)->Next;
                _all.Remove(page);
                Free(page);
                _pages--;
            }
        }
    }

    /// <summary>Frees the unused pages; those of sequences still alive go as these are disposed.</summary>
    public void Dispose()
    {
        _disposed = true;
        Trim();
        GC.SuppressFinalize(this);
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
            }
            else
            {
                if ((_pages + 1) * PageBytes > MaximumBytes)
                {
                    throw new BudgetException(
                        $"The key-value cache is full: its {_pages} pages of {PageBytes} bytes reach the limit of {MaximumBytes} bytes; raise the limit or run fewer or shorter sequences at once.");
                }

                page = (nint)NativeMemory.AlignedAlloc((nuint)PageBytes, 64) + HeaderBytes;
                // The collector cannot see the memory behind a forgotten sequence.
                GC.AddMemoryPressure(PageBytes);
                _all.Add(page);
                _pages++;
            }

            _used++;
        }

        Header(page)->References = 1;
        NativeMemory.Clear((void*)page, (nuint)(_dataFloats * sizeof(float)));
        return page;
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
