using Heed.Engine.Kernels;

namespace Heed.Engine.Nn;

/// <summary>The sizes of one layer's keys and values.</summary>
/// <param name="KeyHeads">Heads of keys and values.</param>
/// <param name="HeadWidth">K, width of a key head.</param>
/// <param name="ValueWidth">Width of a value head; 0 means <paramref name="HeadWidth"/>.</param>
/// <param name="Cross">True where the layer attends to an encoder as well, whose keys and values are kept too.</param>
public readonly record struct KeyValueShape(int KeyHeads, int HeadWidth, int ValueWidth = 0, bool Cross = false);

/// <summary>
/// Holds the keys and values of tokens that a model has read, in pages shared by all sequences of a model: one for each decoder that serves.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    private readonly Dictionary<(int, int, int), KeyValuePool> _pools = [];

    /// <summary>A cache for a model's layers.</summary>
    /// <param name="layers">One entry a layer.</param>
    /// <param name="maximumBytes">Most memory its pages may take, in bytes.</param>
    public KeyValueCache(IReadOnlyList<KeyValueShape> layers, long maximumBytes = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(layers);
        Layers = layers;
        foreach (KeyValueShape layer in layers)
        {
            (int, int, int) sizes = (layer.KeyHeads, layer.HeadWidth, layer.ValueWidth);
            if (!_pools.ContainsKey(sizes)) _pools[sizes] = new KeyValuePool(layer.KeyHeads, layer.HeadWidth, layer.ValueWidth, maximumBytes);
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

    /// <summary>A sequence that has read nothing yet.</summary>
    public KeyValueSequence NewSequence()
    {
        KeyValuePages[] self = new KeyValuePages[Layers.Count];
        KeyValuePages?[] cross = new KeyValuePages?[Layers.Count];
        for (int i = 0; i < self.Length; i++)
        {
            KeyValuePool pool = _pools[(Layers[i].KeyHeads, Layers[i].HeadWidth, Layers[i].ValueWidth)];
            self[i] = pool.Create();
            if (Layers[i].Cross) cross[i] = pool.Create();
        }

        return new KeyValueSequence(self, cross);
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
    private readonly KeyValuePages[] _self;
    private readonly KeyValuePages?[] _cross;

    internal KeyValueSequence(KeyValuePages[] self, KeyValuePages?[] cross)
    {
        _self = self;
        _cross = cross;
    }

    /// <summary>Number of tokens read.</summary>
    public int Count => _self.Length == 0 ? 0 : _self[0].Count;

    /// <summary>A sequence that has read the same tokens and goes its own way: a beam, or another answer to the same prompt.</summary>
    public KeyValueSequence Fork() => new(Array.ConvertAll(_self, p => p.Fork()), Array.ConvertAll(_cross, p => p?.Fork()));

    /// <summary>Forgets all tokens from <paramref name="count"/> on; at 0 the encoder's as well. Layers with a window go on only from where their window is still kept: from the last step's beginning, or from 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More tokens than were read, or <paramref name="count"/> lies in what a layer's window has left behind.</exception>
    public void Truncate(int count)
    {
        foreach (KeyValuePages pages in _self) pages.Truncate(count);
        if (count > 0) return;
        foreach (KeyValuePages? pages in _cross) pages?.Truncate(0);
    }

    /// <summary>Number of rows that a layer keeps: tokens read, or the encoder's rows.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="cross">True for the encoder's rows.</param>
    public int CountOf(int layer, bool cross = false) => (cross ? Cross(layer) : Self(layer)).Count;

    /// <summary>Keeps rows of one layer. Attention does this itself; a layer of another kind keeps here what it must know of earlier tokens, such as its states.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="rows">Rows of the key's width and, behind it, the value's.</param>
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
    /// <param name="rows">Filled with rows of the key's width and, behind it, the value's.</param>
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
        foreach (KeyValuePages pages in _self) pages.Dispose();
        foreach (KeyValuePages? pages in _cross) pages?.Dispose();
    }

    internal KeyValuePages Self(int layer) => _self[layer];

    internal KeyValuePages Cross(int layer) => _cross[layer] ?? throw new InvalidOperationException($"Layer {layer} of the cache has no room for an encoder's keys and values.");
}
