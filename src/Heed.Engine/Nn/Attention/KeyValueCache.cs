using Heed.Engine.Kernels;
using Heed.Engine.Runtime;

namespace Heed.Engine.Nn;

/// <summary>The sizes of one layer's keys and values, or of their sum.</summary>
/// <param name="KeyHeads">Heads of keys and values.</param>
/// <param name="HeadWidth">K, width of a key head.</param>
/// <param name="ValueWidth">Width of a value head; 0 means <paramref name="HeadWidth"/>.</param>
/// <param name="Cross">True where the layer attends to an encoder as well, whose keys and values are kept too.</param>
/// <param name="Features">M of linear attention, which keeps one sum over all tokens, [H, M, V + 1]; 0 where keys and values are kept token
/// by token.</param>
public readonly record struct KeyValueShape(int KeyHeads, int HeadWidth, int ValueWidth = 0, bool Cross = false, int Features = 0)
{
    /// <summary>Floats that a sequence of <paramref name="length"/> tokens takes in this layer.</summary>
    public long Floats(long length)
    {
        long value = ValueWidth == 0 ? HeadWidth : ValueWidth;
        return Features > 0 ? KeyHeads * Features * (value + 1) : KeyHeads * (HeadWidth + value) * length;
    }
}

/// <summary>
/// Holds the keys and values of tokens that a model has read, in pages shared by all sequences of a model: one for each decoder that
/// serves.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    private readonly Dictionary<KeyValueShape, KeyValuePool> _pools = [];

    /// <summary>A cache for a model's layers.</summary>
    /// <param name="layers">One entry a layer.</param>
    /// <param name="maximumBytes">Limit for the pages of all layers together, in bytes; the current context's budget holds as well.</param>
    /// <param name="limitName">What a user sets to raise the limit, for the message of a full cache; null: <paramref name="maximumBytes"/>
    /// itself.</param>
    public KeyValueCache(IReadOnlyList<KeyValueShape> layers, long maximumBytes = long.MaxValue, string? limitName = null)
    {
        ArgumentNullException.ThrowIfNull(layers);
        Layers = layers;
        MemoryBudget budget = KeyValuePool.Share(maximumBytes, TrimPools, limitName);
        foreach (KeyValueShape layer in layers)
        {
            KeyValueShape sizes = layer with { Cross = false };
            if (_pools.ContainsKey(sizes)) continue;
            if (layer.Features > 0 && layer.Cross) throw new ArgumentException("A layer that keeps a sum has no encoder's keys and values.", nameof(layers));
            _pools[sizes] = layer.Features > 0
                ? new KeyValuePool(
                    FeatureSum.Floats(layer.KeyHeads, layer.Features, layer.ValueWidth == 0 ? layer.HeadWidth : layer.ValueWidth), budget)
                : new KeyValuePool(layer.KeyHeads, layer.HeadWidth, layer.ValueWidth, budget);
        }
    }

    /// <summary>The sizes of each layer.</summary>
    public IReadOnlyList<KeyValueShape> Layers { get; }

    /// <summary>Bytes in pages that sequences hold.</summary>
    public long UsedBytes
    {
        get
        {
            long bytes = 0;
            foreach (KeyValuePool pool in _pools.Values) bytes += pool.UsedBytes;
            return bytes;
        }
    }

    /// <summary>Bytes of one page in every layer: what a sequence of up to 64 tokens holds.</summary>
    public long PageBytes
    {
        get
        {
            long bytes = 0;
            foreach (KeyValueShape layer in Layers) bytes += _pools[layer with { Cross = false }].PageBytes;
            return bytes;
        }
    }

    /// <summary>A sequence that has read nothing yet.</summary>
    public KeyValueSequence NewSequence()
    {
        KeyValuePages?[] self = new KeyValuePages?[Layers.Count], cross = new KeyValuePages?[Layers.Count];
        FeatureSum?[] sums = new FeatureSum?[Layers.Count];
        for (int i = 0; i < self.Length; i++)
        {
            KeyValuePool pool = _pools[Layers[i] with { Cross = false }];
            if (Layers[i].Features > 0) sums[i] = new FeatureSum(pool);
            else self[i] = pool.Create();
            if (Layers[i].Cross) cross[i] = pool.Create();
        }

        return new KeyValueSequence(self, cross, sums);
    }

    private void TrimPools()
    {
        foreach (KeyValuePool pool in _pools.Values) pool.Trim();
    }

    /// <summary>Returns the memory of all pages.</summary>
    public void Dispose()
    {
        foreach (KeyValuePool pool in _pools.Values) pool.Dispose();
    }
}

/// <summary>The keys and values of one sequence in every layer. Pages are shared between forks until one of them writes.</summary>
public sealed class KeyValueSequence : IDisposable
{
    private readonly KeyValuePages?[] _self;
    private readonly KeyValuePages?[] _cross;
    private readonly FeatureSum?[] _sums;

    internal KeyValueSequence(KeyValuePages?[] self, KeyValuePages?[] cross, FeatureSum?[] sums)
    {
        _self = self;
        _cross = cross;
        _sums = sums;
    }

    /// <summary>Number of tokens read.</summary>
    public int Count => _self.Length == 0 ? 0 : CountOf(0);

    /// <summary>A sequence that has read the same tokens and goes its own way: a beam, or another answer to the same prompt.</summary>
    public KeyValueSequence Fork() => new(Array.ConvertAll(_self, p => p?.Fork()), Array.ConvertAll(_cross, p => p?.Fork()), Array.ConvertAll(_sums, s => s?.Fork()));

    /// <summary>Forgets all tokens from <paramref name="count"/> on; at 0 the encoder's as well.
    /// Layers with a window resume only from where their window is still kept: from the last step's beginning, or from 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More tokens than were read, or <paramref name="count"/> lies in what a layer's window
    /// has left behind.</exception>
    /// <exception cref="InvalidOperationException">A layer keeps a sum, which goes back only to nothing or to the last step's
    /// beginning.</exception>
    public void Truncate(int count)
    {
        foreach (KeyValuePages? pages in _self) pages?.Truncate(count);
        foreach (FeatureSum? sum in _sums) sum?.Truncate(count);
        if (count > 0) return;
        foreach (KeyValuePages? pages in _cross) pages?.Truncate(0);
    }

    /// <summary>True if <see cref="Truncate"/> to this many tokens works and leaves all that later tokens attend to: layers with a window
    /// or a sum forget what they no longer need.</summary>
    public bool CanTruncate(int count)
    {
        if (count < 0 || count > Count) return false;
        foreach (KeyValuePages? pages in _self)
            if (pages is not null && count < pages.EarliestEnd) return false;
        foreach (FeatureSum? sum in _sums)
            if (sum is not null && count != sum.Count) return false;
        return true;
    }

    /// <summary>Bytes of the pages that the sequence holds, shared ones included.</summary>
    public long PageBytes
    {
        get
        {
            long bytes = 0;
            foreach (KeyValuePages? pages in _self) bytes += pages?.HeldBytes ?? 0;
            foreach (KeyValuePages? pages in _cross) bytes += pages?.HeldBytes ?? 0;
            foreach (FeatureSum? sum in _sums) bytes += sum?.HeldBytes ?? 0;
            return bytes;
        }
    }

    /// <summary>Number of rows that a layer keeps: tokens read, or the encoder's rows.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="cross">True for the encoder's rows.</param>
    public int CountOf(int layer, bool cross = false) => !cross && _sums[layer] is { } sum ? sum.Count : (cross ? Cross(layer) : Self(layer)).Count;

    /// <summary>Keeps rows of one layer. Attention does this itself; a layer of another kind keeps here what it must know of earlier
    /// tokens, such as its states.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="rows">Rows of the key's width followed by the value's.</param>
    /// <param name="cross">True for the encoder's rows.</param>
    /// <exception cref="ArgumentException">The rows are not whole.</exception>
    /// <exception cref="BudgetException">The cache is full.</exception>
    public void Append(int layer, ReadOnlySpan<float> rows, bool cross = false)
    {
        KeyValuePages pages = cross ? Cross(layer) : Self(layer);
        int keyWidth = pages.Pool.KeyHeads * pages.Pool.HeadWidth, width = keyWidth + (pages.Pool.KeyHeads * pages.Pool.ValueWidth);
        if (rows.Length % width != 0) throw new ArgumentException($"{rows.Length} elements are no whole number of rows of {width}.", nameof(rows));
        if (rows.Length > 0) pages.Append(rows, width, rows[keyWidth..], width, rows.Length / width);
    }

    /// <summary>Copies rows of one layer out.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="first">The first row.</param>
    /// <param name="rows">Filled with rows of the key's width followed by the value's.</param>
    /// <param name="cross">True for the encoder's rows.</param>
    /// <exception cref="ArgumentException">The rows are not whole, or not all there.</exception>
    public void Read(int layer, int first, Span<float> rows, bool cross = false)
    {
        KeyValuePages pages = cross ? Cross(layer) : Self(layer);
        int keyWidth = pages.Pool.KeyHeads * pages.Pool.HeadWidth, width = keyWidth + (pages.Pool.KeyHeads * pages.Pool.ValueWidth);
        if (rows.Length % width != 0) throw new ArgumentException($"{rows.Length} elements are no whole number of rows of {width}.", nameof(rows));
        for (int i = 0; i < rows.Length / width; i++)
        {
            Span<float> row = rows.Slice(i * width, width);
            pages.Read(row[..keyWidth], row[keyWidth..], first + i);
        }
    }

    /// <summary>Gives the pages back.</summary>
    public void Dispose()
    {
        foreach (KeyValuePages? pages in _self) pages?.Dispose();
        foreach (FeatureSum? sum in _sums) sum?.Dispose();
        foreach (KeyValuePages? pages in _cross) pages?.Dispose();
    }

    internal KeyValuePages Self(int layer) => _self[layer] ?? throw new InvalidOperationException($"Layer {layer} of the cache keeps the sum of linear attention and no keys and values.");

    internal FeatureSum Sum(int layer) => _sums[layer] ?? throw new InvalidOperationException($"Layer {layer} of the cache keeps keys and values and no sum of linear attention.");

    internal KeyValuePages Cross(int layer) => _cross[layer] ?? throw new InvalidOperationException($"Layer {layer} of the cache has no room for an encoder's keys and values.");
}
