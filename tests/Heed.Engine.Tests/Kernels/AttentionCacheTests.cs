using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class AttentionCacheTests
{
    private const int Tokens = 200;
    private const int Width = 24;                   // of a row of z

    private static AttentionData Data(bool window = false) => new(
        new AttentionOptions { Heads = 2, KeyHeads = 1, HeadWidth = 12, Scale = 0.3f, Causal = true, Window = window ? 70 : 0, RelativeRange = Tokens, RelativeOffset = Tokens - 1 },
        new AttentionSequence(0, Tokens, 0, Tokens));

    private static void Append(AttentionData data, KeyValuePages pages, int start, int rows) =>
        pages.Append(data.Key.AsSpan(start * data.KeyStride), data.KeyStride, data.Value.AsSpan(start * data.ValueStride), data.ValueStride, rows);

    private static float[] Attend(AttentionData data, KeyValuePages pages, int start, int rows)
    {
        float[] z = new float[rows * Width];
        AttentionKernel.Forward(data.Query.AsSpan(start * data.QueryStride), data.QueryStride, [pages], data.Relative, data.Options, [new AttentionSequence(0, rows, 0, start + rows, start)], z, []);
        return z;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Token_by_token_and_in_pieces_over_a_cache_has_the_bits_of_the_whole_prompt(bool window)
    {
        AttentionData data = Data(window);
        (float[] whole, _) = data.Forward();
        foreach (int piece in (int[])[1, 7, 64, 100, Tokens])
        {
            using KeyValuePool pool = new(1, 12);
            using KeyValuePages pages = pool.Create();
            for (int at = 0; at < Tokens; at += piece)
            {
                int rows = Math.Min(piece, Tokens - at);
                Append(data, pages, at, rows);
                Equal(whole[(at * Width)..((at + rows) * Width)], Attend(data, pages, at, rows), $"pieces of {piece} at {at}");
                if (window) pages.ForgetBefore(at + rows - 70);
            }
        }
    }

    [Fact]
    public void Sequences_of_a_batch_over_caches_have_the_bits_of_each_alone()
    {
        AttentionData data = Data();
        using KeyValuePool pool = new(1, 12);
        using KeyValuePages first = pool.Create(), second = pool.Create();
        Append(data, first, 0, 150);
        Append(data, second, 0, 65);
        float[] z = new float[3 * Width];
        AttentionKernel.Forward(
            data.Query.AsSpan(149 * data.QueryStride), data.QueryStride, [first, second, second], data.Relative, data.Options,
            [new AttentionSequence(0, 1, 0, 150, 149), new AttentionSequence(1, 1, 0, 65, 64), new AttentionSequence(2, 1, 0, 33, 32)], z, []);
        for (int b = 0; b < 3; b++)
        {
            float[] alone = new float[Width];
            AttentionKernel.Forward(
                data.Query.AsSpan((149 + b) * data.QueryStride), data.QueryStride, [b == 0 ? first : second], data.Relative, data.Options,
                [new AttentionSequence(0, 1, 0, b == 0 ? 150 : b == 1 ? 65 : 33, b == 0 ? 149 : b == 1 ? 64 : 32)], alone, []);
            Equal(alone, z[(b * Width)..((b + 1) * Width)], $"sequence {b}");
        }
    }

    [Fact]
    public void A_fork_shares_its_pages_until_one_of_the_two_writes()
    {
        AttentionData data = Data();
        (float[] whole, _) = data.Forward();
        using KeyValuePool pool = new(1, 12);
        using KeyValuePages first = pool.Create();
        Append(data, first, 0, 100);
        using KeyValuePages fork = first.Fork();
        Assert.Equal(2, pool.UsedPages);
        Append(data, fork, 150, 1);                             // another token at place 100
        Assert.Equal(3, pool.UsedPages);
        Append(data, first, 100, 1);
        Equal(whole[(100 * Width)..(101 * Width)], Attend(data, first, 100, 1), "the one forked from");
        Assert.NotEqual(whole[(100 * Width)..(101 * Width)], Attend(data, fork, 100, 1));
        fork.Truncate(100);
        Append(data, fork, 100, 1);
        Equal(whole[(100 * Width)..(101 * Width)], Attend(data, fork, 100, 1), "the fork, taken back");
    }

    [Fact]
    public void Tokens_taken_back_leave_no_trace_even_where_they_were_not_numbers()
    {
        AttentionData data = Data();
        (float[] whole, _) = data.Forward();
        using KeyValuePool pool = new(1, 12);
        using KeyValuePages pages = pool.Create();
        Append(data, pages, 0, 70);
        float[] bad = new float[5 * 12];
        bad.AsSpan().Fill(float.NaN);
        pages.Append(bad, 12, bad, 12, 5);
        pages.Truncate(70);
        Equal(whole[(69 * Width)..(70 * Width)], Attend(data, pages, 69, 1), "after the truncation");
    }

    [Fact]
    public void Forgotten_or_missing_keys_are_refused()
    {
        AttentionData data = Data();
        using KeyValuePool pool = new(1, 12);
        using KeyValuePages pages = pool.Create();
        Append(data, pages, 0, 100);
        Assert.Throws<ArgumentException>(() => Attend(data, pages, 100, 1));
        pages.ForgetBefore(70);
        Assert.Throws<ArgumentException>(() => Attend(data, pages, 99, 1));
        using KeyValuePool other = new(2, 12);
        using KeyValuePages wrong = other.Create();
        Assert.Throws<ArgumentException>(() => Attend(data, wrong, 0, 0));
    }
}
