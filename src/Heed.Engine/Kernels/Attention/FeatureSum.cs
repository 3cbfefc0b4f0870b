namespace Heed.Engine.Kernels;

/// <summary>
/// What linear attention keeps of one sequence in one layer: the sum over its keys of features times values, as large after a thousand
/// tokens as after one.
/// </summary>
/// <remarks>
/// A page, [H][M][V + 1, padded], is written once and then only read, so forks share it. The page before stays for one step, so that a step
/// that failed can be taken back.
/// </remarks>
internal sealed class FeatureSum : IDisposable
{
    private readonly KeyValuePool _pool;
    private nint _before;
    private int _countBefore;
    private bool _disposed;

    public FeatureSum(KeyValuePool pool) => _pool = pool;

    /// <summary>Floats of a page.</summary>
    public static long Floats(int heads, int features, int valueWidth) => (long)heads * features * AttentionProblem.Pad(valueWidth + 1);

    /// <summary>Tokens summed.</summary>
    public int Count { get; private set; }

    /// <summary>The sum of these tokens; 0 where there are none.</summary>
    public nint Page { get; private set; }

    /// <summary>Bytes of the pages held.</summary>
    public long HeldBytes => ((Page != 0 ? 1 : 0) + (_before != 0 ? 1 : 0)) * _pool.PageBytes;

    /// <summary>A page for the sum of the tokens so far and <paramref name="rows"/> more, to be written by the caller.</summary>
    /// <exception cref="BudgetException">The pool is full.</exception>
    public nint Advance(int rows)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        nint next = _pool.Rent();
        Release(_before);
        (_before, _countBefore) = (Page, Count);
        Count += rows;
        return Page = next;
    }

    /// <summary>A second sequence with the same tokens.</summary>
    public FeatureSum Fork()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Page != 0) KeyValuePool.Share(Page);
        return new FeatureSum(_pool) { Page = Page, Count = Count, _countBefore = -1 };
    }

    /// <summary>Goes back to the first <paramref name="count"/> tokens: to none, or to those before the last step.</summary>
    /// <exception cref="InvalidOperationException">Another number: tokens cannot be taken out of a sum.</exception>
    public void Truncate(int count)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (count == Count) return;
        if (count != 0 && (count != _countBefore || count > Count))
            throw new InvalidOperationException($"Linear attention keeps the sum of {Count} tokens and cannot go back to {count} of them; it goes back to 0 or to the {Math.Max(_countBefore, 0)} before the last step.");
        Release(Page);
        if (count == 0) Release(_before);
        (Page, Count) = count == 0 ? (0, 0) : (_before, count);
        (_before, _countBefore) = (0, -1);
    }

    public void Dispose()
    {
        if (_disposed) return;
        Release(Page);
        Release(_before);
        _disposed = true;
    }

    private void Release(nint page)
    {
        if (page != 0) _pool.Release(page);
    }
}
