using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>Where the stripes of queries and the pages of keys of each sequence begin. Native memory, so that a call allocates nothing
/// managed.</summary>
internal unsafe struct AttentionPlan
{
    /// <summary>[B + 1]: number of the first stripe of queries of each sequence, and of all.</summary>
    public int* FirstStripe;

    /// <summary>[B + 1]: number of the first page of each sequence, and of all.</summary>
    public int* FirstPage;

    /// <summary>The pages of all sequences, in order.</summary>
    public float** Pages;

    private int _sequences;
    private float* _table;
    private long _tableFloats;
    private float* _data;
    private long _dataFloats;

    /// <summary>Counts stripes and pages; the pages themselves are still to be given or packed.</summary>
    public AttentionPlan(AttentionSequence[] sequences)
    {
        this = default;
        _sequences = sequences.Length;
        long pages = 0;
        foreach (ref readonly AttentionSequence s in sequences.AsSpan()) pages += PagesOf(s);
        _tableFloats = (2 * pages) + (2L * (_sequences + 1));
        _table = ComputeContext.Current.Scratch.Rent(_tableFloats);
        Pages = (float**)_table;
        FirstStripe = (int*)(Pages + pages);
        FirstPage = FirstStripe + _sequences + 1;
        FirstStripe[0] = FirstPage[0] = 0;
        for (int b = 0; b < _sequences; b++)
        {
            FirstStripe[b + 1] = checked(FirstStripe[b] + (int)(((long)sequences[b].QueryCount + AttentionProblem.Stripe - 1) / AttentionProblem.Stripe));
            FirstPage[b + 1] = checked(FirstPage[b] + PagesOf(sequences[b]));
        }
    }

    /// <summary>Stripes of queries of all sequences.</summary>
    public readonly int StripeCount => FirstStripe[_sequences];

    /// <summary>Pages of all sequences.</summary>
    public readonly int PageCount => FirstPage[_sequences];

    /// <summary>Takes the pages of the sequences' caches.</summary>
    public readonly void Take(KeyValuePages[] caches)
    {
        for (int b = 0; b < _sequences; b++)
            for (int p = FirstPage[b]; p < FirstPage[b + 1]; p++) Pages[p] = (float*)caches[b].Pages[p - FirstPage[b]];
    }

    /// <summary>Rents memory for the pages.</summary>
    public void RentPages(long pageFloats)
    {
        _dataFloats = PageCount * pageFloats;
        _data = ComputeContext.Current.Scratch.Rent(_dataFloats);
        for (int p = 0; p < PageCount; p++) Pages[p] = _data + (p * pageFloats);
    }

    /// <summary>The sequence a stripe of queries, or a page, belongs to.</summary>
    /// <param name="first"><see cref="FirstStripe"/> or <see cref="FirstPage"/>.</param>
    /// <param name="number">Of the block or page.</param>
    public readonly int SequenceOf(int* first, int number)
    {
        int low = 0, high = _sequences;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (first[middle] <= number) low = middle;
            else high = middle;
        }

        return low;
    }

    /// <summary>Gives the memory back.</summary>
    public void Release()
    {
        ComputeContext.Current.Scratch.Return(_table, _tableFloats);
        if (_data != null) ComputeContext.Current.Scratch.Return(_data, _dataFloats);
        this = default;
    }

    private static int PagesOf(in AttentionSequence s) => (int)(((long)s.KeyCount + AttentionProblem.Page - 1) / AttentionProblem.Page);
}
