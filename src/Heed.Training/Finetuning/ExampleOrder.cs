using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>
/// Which examples a micro-batch holds: every example once an epoch, the last batch of an epoch shorter if they do not come out even.
/// Computed from seed and position alone, so a run resumes from a number.
/// </summary>
/// <param name="lengths">Tokens of each example.</param>
/// <param name="batchSize">B.</param>
/// <param name="seed">The run's seed.</param>
/// <param name="shuffle">False for the data's order in every epoch.</param>
/// <param name="groupByLength">True for batches of similar length: examples are sorted within <see cref="GroupBatches"/> batches.</param>
/// <param name="classes">The class of each example: two of a class come side by side wherever they can. Null: that does not
/// matter.</param>
internal sealed class ExampleOrder(int[] lengths, int batchSize, ulong seed, bool shuffle, bool groupByLength,
    int[]? classes = null)
{
    /// <summary>Batches whose examples are sorted together, as the Hugging Face trainer's length grouping does.</summary>
    private const int GroupBatches = 50;

    private readonly BlockOrder _order = new(lengths.Length, seed);
    private long _epoch = -1;
    private int[] _examples = [];

    /// <summary>Micro-batches of an epoch.</summary>
    public long BatchesPerEpoch { get; } = ((long)lengths.Length + batchSize - 1) / batchSize;

    /// <summary>The examples of the micro-batch at a position of the run.</summary>
    public ReadOnlySpan<int> this[long position]
    {
        get
        {
            (long epoch, long batch) = Math.DivRem(position, BatchesPerEpoch);
            if (epoch != _epoch) (_examples, _epoch) = (Epoch(epoch), epoch);
            int first = (int)batch * batchSize;
            return _examples.AsSpan(first, Math.Min(batchSize, _examples.Length - first));
        }
    }

    private int[] Epoch(long epoch)
    {
        int[] examples = new int[lengths.Length];
        for (int i = 0; i < examples.Length; i++) examples[i] = shuffle ? _order[(epoch * examples.Length) + i] : i;
        if (classes is not null) return ByTwo(examples, classes);
        if (!groupByLength) return examples;
        return [.. examples.Chunk(GroupBatches * batchSize).SelectMany(Grouped)];
    }

    /// <summary>The second of two examples of a class brings both; those without a second end the epoch.</summary>
    private static int[] ByTwo(int[] drawn, int[] classes)
    {
        Dictionary<int, int> waiting = [];
        List<int> pairs = [];
        foreach (int example in drawn)
        {
            if (waiting.Remove(classes[example], out int first)) pairs.AddRange([first, example]);
            else waiting.Add(classes[example], example);
        }

        return [.. pairs, .. drawn.Where(e => waiting.TryGetValue(classes[e], out int alone) && alone == e)];
    }

    /// <summary>Examples of like length together; the batches themselves in the order in which an example of theirs was drawn
    /// first.</summary>
    private IEnumerable<int> Grouped(int[] drawn)
    {
        Dictionary<int, int> rank = drawn.Select((e, i) => (e, i)).ToDictionary(d => d.e, d => d.i);
        return drawn.OrderByDescending(e => lengths[e]).Chunk(batchSize)
            .OrderByDescending(batch => batch.Length)   // a shorter one ends the epoch
            .ThenBy(batch => batch.Min(e => rank[e]))
            .SelectMany(batch => batch);
    }
}
