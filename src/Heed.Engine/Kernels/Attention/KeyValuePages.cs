namespace Heed.Engine.Kernels;

/// <summary>The keys and values of one sequence in one layer, in pages of 64 tokens counted from its first token.</summary>
internal sealed unsafe class KeyValuePages : IDisposable
{
    private nint[] _pages = [];
    private int _forgotten;                 // pages from the first that are surely released
    private bool _disposed;

    internal KeyValuePages(KeyValuePool pool) => Pool = pool;

    /// <summary>The pool the pages come from.</summary>
    public KeyValuePool Pool { get; }

    /// <summary>Tokens stored, those forgotten included.</summary>
    public int Count { get; private set; }

    /// <summary>The least number of tokens to which <see cref="Truncate"/> leaves the window of the next token complete.</summary>
    internal int EarliestEnd { get; private set; }

    /// <summary>Bytes of the pages held.</summary>
    internal long HeldBytes => (PageCount - _forgotten) * Pool.PageBytes;

    internal ReadOnlySpan<nint> Pages => _pages.AsSpan(0, PageCount);

    private int PageCount => (Count + KeyValuePool.PageTokens - 1) / KeyValuePool.PageTokens;

    /// <summary>Adds <paramref name="rows"/> tokens. A last page that is shared is copied first.</summary>
    /// <param name="key">Rows [Hkv·K], <paramref name="keyStride"/> floats apart.</param>
    /// <param name="keyStride">Floats from one row of keys to the next.</param>
    /// <param name="value">Rows [Hkv·V], <paramref name="valueStride"/> floats apart.</param>
    /// <param name="valueStride">Floats from one row of values to the next.</param>
    /// <param name="rows">Tokens, ≥ 0.</param>
    /// <exception cref="ArgumentException">A span is shorter than the rows need.</exception>
    /// <exception cref="BudgetException">The pool is full; the tokens before the refused page are stored.</exception>
    /// <exception cref="ObjectDisposedException">The sequence was disposed.</exception>
    public void Append(ReadOnlySpan<float> key, int keyStride, ReadOnlySpan<float> value, int valueStride, int rows)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        AttentionChecks.Rows(nameof(key), key.Length, keyStride, rows, Pool.KeyHeads * Pool.HeadWidth);
        AttentionChecks.Rows(nameof(value), value.Length, valueStride, rows, Pool.KeyHeads * Pool.ValueWidth);
        fixed (float* keys = key, values = value)
        {
            for (int done = 0; done < rows;)
            {
                int at = Count % KeyValuePool.PageTokens;
                int take = Math.Min(rows - done, KeyValuePool.PageTokens - at);
                float* page = (float*)WritablePage(Count / KeyValuePool.PageTokens, at);
                float* from = keys + ((long)done * keyStride);
                for (int head = 0; head < Pool.KeyHeads; head++)
                {
                    AttentionPages.PackKeys(from + ((long)head * Pool.HeadWidth), keyStride, take, Pool.HeadWidth, AttentionPages.Keys(page, head, Pool.HeadWidth) + at);
                    *AttentionPages.Stain(page, Pool.KeyHeads, head, Pool.HeadWidth, Pool.ValueWidth) += AttentionPages.PackRows(
                        values + ((long)done * valueStride) + ((long)head * Pool.ValueWidth), valueStride, take, Pool.ValueWidth,
                        AttentionPages.Values(page, Pool.KeyHeads, head, Pool.HeadWidth, Pool.ValueWidth) + ((long)at * AttentionProblem.Pad(Pool.ValueWidth)));
                }

                Count += take;
                done += take;
            }
        }
    }

    /// <summary>Copies tokens out as rows: keys [S, Hkv·K] and values [S, Hkv·V]; forgotten ones are 0.</summary>
    /// <exception cref="ArgumentException">A span does not hold a whole number of rows, the same of both, or more than <see cref="Count"/>.</exception>
    internal void Read(Span<float> keys, Span<float> values, int first = 0)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int keyWidth = Pool.KeyHeads * Pool.HeadWidth, valueWidth = Pool.KeyHeads * Pool.ValueWidth, rows = keys.Length / keyWidth;
        if (first < 0 || rows > Count - first || keys.Length != rows * keyWidth || values.Length != rows * valueWidth)
            throw new ArgumentException($"{keys.Length} and {values.Length} elements do not hold keys of {keyWidth} and values of {valueWidth} of the {Count} tokens from {first} on.");
        for (int j = 0; j < rows; j++)
        {
            float* page = (float*)_pages[(first + j) / KeyValuePool.PageTokens];
            int at = (first + j) % KeyValuePool.PageTokens;
            Span<float> key = keys.Slice(j * keyWidth, keyWidth), value = values.Slice(j * valueWidth, valueWidth);
            if (page == null)
            {
                key.Clear();
                value.Clear();
                continue;
            }

            for (int d = 0; d < keyWidth; d++) key[d] = page[(d * KeyValuePool.PageTokens) + at];
            for (int g = 0; g < Pool.KeyHeads; g++)
            {
                float* row = AttentionPages.Values(page, Pool.KeyHeads, g, Pool.HeadWidth, Pool.ValueWidth) + ((long)at * AttentionProblem.Pad(Pool.ValueWidth));
                new ReadOnlySpan<float>(row, Pool.ValueWidth).CopyTo(value[(g * Pool.ValueWidth)..]);
            }
        }
    }

    /// <summary>A second sequence with the same tokens, sharing the pages (a beam, a common prefix).</summary>
    /// <exception cref="ObjectDisposedException">The sequence was disposed.</exception>
    public KeyValuePages Fork()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        KeyValuePages fork = new(Pool) { Count = Count, _pages = Pages.ToArray(), _forgotten = _forgotten, EarliestEnd = EarliestEnd };
        foreach (nint page in fork._pages)
            if (page != 0) KeyValuePool.Share(page);
        return fork;
    }

    /// <summary>Forgets all tokens but the first <paramref name="count"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative or above <see cref="Count"/>, or in tokens already forgotten.</exception>
    public void Truncate(int count)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        if (count % KeyValuePool.PageTokens != 0 && _pages[count / KeyValuePool.PageTokens] == 0)
            throw new ArgumentOutOfRangeException(nameof(count), count, "The tokens before were forgotten; truncate to a later one.");
        int before = PageCount;
        Count = count;
        _forgotten = Math.Min(_forgotten, PageCount);
        if (count == 0) EarliestEnd = 0;
        for (int i = PageCount; i < before; i++) ReleasePage(i);
    }

    /// <summary>Frees the pages whose tokens all lie before <paramref name="position"/>, for models whose window no longer reaches them.</summary>
    public void ForgetBefore(int position)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int end = Math.Min(position, Count) / KeyValuePool.PageTokens;
        if (_forgotten >= end) return;
        for (; _forgotten < end; _forgotten++) ReleasePage(_forgotten);
        // The caller's next token sees what is Count − position tokens back.
        EarliestEnd = (end * KeyValuePool.PageTokens) + Math.Max(0, Count - position);
    }

    /// <summary>Returns the pages that no other sequence shares to the pool.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        for (int i = 0; i < PageCount; i++) ReleasePage(i);
        _disposed = true;
    }

    private void ReleasePage(int index)
    {
        if (_pages[index] == 0) return;
        Pool.Release(_pages[index]);
        _pages[index] = 0;
    }

    private nint WritablePage(int index, int at)
    {
        if (at == 0)
        {
            if (index == _pages.Length) Array.Resize(ref _pages, Math.Max(4, index * 2));
            return _pages[index] = Pool.Rent();
        }

        nint page = _pages[index];
        if (!KeyValuePool.IsShared(page)) return page;
        nint copy = Pool.Rent();
        Pool.Copy(page, copy);
        Pool.Release(page);
        return _pages[index] = copy;
    }
}
