using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

/// <summary>Each dimension at 1, b − 1, b, b + 1 and 3b + 5 of its block b, forward and backward, beside the definition in float64. Blocks:
/// 64 queries, 64 keys, 6 rows of a tile, 16 lanes.</summary>
[Collection(KernelCollection.Name)]
public class AttentionBlockTests
{
    private const int Block = AttentionProblem.Block, Page = AttentionProblem.Page;

    private static int[] Sizes(int b) => [1, b - 1, b, b + 1, (3 * b) + 5];

    private static AttentionOptions Options(int heads = 2, int width = 12) => new() { Heads = heads, HeadWidth = width, Scale = 1f / MathF.Sqrt(width) };

    public static TheoryData<string> Kinds => ["none", "causal", "window", "relative", "bias", "bias per head", "mask", "mask of keys", "blocks", "dropout", "grouped"];

    private static AttentionOptions Of(string kind, int queries, int keys) => kind switch
    {
        "causal" => Options() with { Causal = true },
        "window" => Options() with { Causal = true, Window = Page + 1 },
        "relative" => Options() with { RelativeRange = queries + keys + 1, RelativeOffset = Math.Max(queries, keys) },
        "bias" => Options() with { Bias = DenseLayout.Shared },
        "bias per head" => Options() with { Bias = DenseLayout.PerHead, Causal = true },
        "mask" => Options() with { Mask = DenseLayout.Shared },
        "mask of keys" => Options() with { Mask = DenseLayout.Keys, Causal = true },
        "blocks" => Options() with { Blocks = new BlockPattern(16, (queries + keys + 15) / 16, (keys + 15) / 16, [.. Ids((queries + keys + 15) / 16 * ((keys + 15) / 16), 3, 2).Select(n => n > 0)]) },
        "dropout" => Options() with { Dropout = 0.2f, Seed = 4 },
        "grouped" => Options(heads: 4) with { KeyHeads = 2, Causal = true },
        _ => Options(),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Queries_by_keys(string kind)
    {
        foreach (int queries in Sizes(Block))
        {
            foreach (int keys in Sizes(Page))
            {
                int offset = Math.Max(0, keys - queries);
                AttentionOptions o = Of(kind, queries, keys);
                if (o.RelativeRange > 0) o = o with { RelativeRange = queries + keys + offset + 1, RelativeOffset = queries + offset };
                AttentionKernelTests.Check(new AttentionData(o, new AttentionSequence(0, queries, 0, keys, offset)));
            }
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    public void Widths_of_heads_and_of_values(int block)
    {
        foreach (int width in Sizes(block))
            foreach (int valueWidth in Sizes(block))
                AttentionKernelTests.Check(new AttentionData(Options(width: width) with { ValueWidth = valueWidth, Causal = true }, new AttentionSequence(0, Block + 7, 0, Page + 7)));
    }

    [Fact]
    public void Rows_of_a_tile()
    {
        foreach (int queries in Sizes(AttentionTile.Rows))
            foreach (int keys in Sizes(AttentionTile.Rows))
                foreach (bool causal in (bool[])[false, true])
                    AttentionKernelTests.Check(new AttentionData(Options() with { Causal = causal }, new AttentionSequence(0, queries, 0, keys, keys - queries)));
    }

    [Fact]
    public void Windows()
    {
        foreach (int window in (int[])[.. Sizes(Page), .. Sizes(16), .. Sizes(AttentionTile.Rows)])
            foreach (bool causal in (bool[])[false, true])
                AttentionKernelTests.Check(new AttentionData(Options() with { Causal = causal, Window = window }, new AttentionSequence(0, 199, 0, 199)));
    }

    [Fact]
    public void Places_of_the_first_query()
    {
        foreach (int offset in (int[])[.. Sizes(Page), -1, -63, -64, -65])
            foreach (int window in (int[])[0, 20])
                AttentionKernelTests.Check(new AttentionData(Options() with { Causal = true, Window = window }, new AttentionSequence(0, Block + 3, 0, Math.Max(3, Block + 3 + offset), offset)));
    }

    [Fact]
    public void Heads_and_groups()
    {
        foreach (int heads in (int[])[1, 2, 3, 6, 12])
            foreach (int keyHeads in (int[])[1, 2, 3, 6, 12])
                if (heads % keyHeads == 0) AttentionKernelTests.Check(new AttentionData(Options(heads) with { KeyHeads = keyHeads, Causal = true }, new AttentionSequence(0, Block + 1, 0, Block + 1)));
    }

    [Fact]
    public void Blocks_of_a_pattern()
    {
        foreach (int size in Sizes(16))
        {
            int count = (197 + size - 1) / size;
            bool[] allowed = [.. Ids(count * count, 3, size).Select((n, at) => n == 0 || at % (count + 1) == 0)];
            AttentionKernelTests.Check(new AttentionData(Options() with { Blocks = new BlockPattern(size, count, count, allowed) }, new AttentionSequence(0, 197, 0, 197)));
        }
    }

    [Fact]
    public void Sequences_of_a_batch()
    {
        foreach (bool causal in (bool[])[false, true])
        {
            List<AttentionSequence> sequences = [];
            int rows = 0, keys = 0;
            foreach (int length in Sizes(Block))
            {
                foreach (int past in (int[])[0, 1, Page])
                {
                    sequences.Add(new AttentionSequence(rows, length, keys, length + past, past));
                    rows += length;
                    keys += length + past;
                }
            }

            AttentionKernelTests.Check(new AttentionData(Options(1) with { Causal = causal }, [.. sequences]));
        }
    }

    // The features' and the values' lanes; one more value carries the sum.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Linear_attention(bool causal)
    {
        foreach (int features in Sizes(16))
            foreach (int width in Sizes(16))
                LinearAttentionKernelTests.Check(causal, features, width, [new(0, 7, 0, 7), new(7, 0, 7, 3), new(7, 3, 10, 0), new(10, 1, 10, 9, 8)]);
        foreach (int queries in Sizes(AttentionTile.Rows))
            foreach (int keys in Sizes(AttentionTile.Rows))
                LinearAttentionKernelTests.Check(causal, 12, 20, [new(0, queries, 0, keys, Math.Max(0, keys - queries))]);
    }
}
