using Heed.Engine.Kernels;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class AttentionKernelTests
{
    private static readonly int[] Lengths = [1, 63, 64, 65, 130];

    private static AttentionOptions Options(int width = 12, int heads = 2) => new() { Heads = heads, HeadWidth = width, Scale = 1f / MathF.Sqrt(width) };

    // Name, options, sequences: every way to hide and to bias.
    private static IEnumerable<(string Name, AttentionOptions Options, AttentionSequence[] Sequences)> Variants()
    {
        AttentionSequence self = new(0, 130, 0, 130);
        yield return ("causal", Options() with { Causal = true }, [self]);
        yield return ("batch", Options() with { Causal = true }, [new(0, 3, 0, 3), new(3, 70, 3, 70), new(73, 1, 73, 1), new(74, 0, 74, 5), new(74, 2, 79, 0)]);
        yield return ("window", Options() with { Window = 5 }, [self]);
        yield return ("wide window", Options() with { Window = 70, Causal = true }, [self]);
        yield return ("continued", Options() with { Causal = true }, [new(0, 9, 0, 130, 121)]);
        yield return ("continued window", Options() with { Causal = true, Window = 20 }, [new(0, 9, 0, 130, 121)]);
        yield return ("before the keys", Options() with { Causal = true }, [new(0, 70, 0, 60, -10)]);
        yield return ("relative", Options() with { RelativeRange = 259, RelativeOffset = 129, Causal = true }, [self, new(130, 7, 130, 7)]);
        yield return ("relative both ways", Options() with { RelativeRange = 259, RelativeOffset = 129 }, [self]);
        yield return ("bias shared", Options() with { Bias = DenseLayout.Shared }, [new(0, 65, 0, 66), new(65, 3, 66, 70)]);
        yield return ("bias per head", Options() with { Bias = DenseLayout.PerHead, Causal = true }, [new(0, 65, 0, 65), new(65, 3, 65, 3)]);
        yield return ("mask of keys", Options() with { Mask = DenseLayout.Keys }, [new(0, 65, 0, 66), new(65, 3, 66, 70)]);
        yield return ("mask shared", Options() with { Mask = DenseLayout.Shared, Causal = true }, [new(0, 65, 0, 66), new(65, 3, 66, 70)]);
        yield return ("mask per head", Options() with { Mask = DenseLayout.PerHead }, [new(0, 65, 0, 66)]);
        yield return ("grouped", Options(heads: 6) with { KeyHeads = 2, Causal = true }, [new(0, 70, 0, 70)]);
        yield return ("one key head", Options(heads: 3) with { KeyHeads = 1 }, [new(0, 7, 0, 70)]);
        yield return ("other value width", Options() with { ValueWidth = 20 }, [new(0, 7, 0, 70)]);
        yield return ("blocks", Options() with { Blocks = new BlockPattern(16, 9, 9, [.. Ids(81, 3, 8).Select(n => n == 0)]) }, [self]);
        yield return ("blocks per head", Options() with { Causal = true, Blocks = new BlockPattern(64, 3, 3, [true, false, false, false, true, false, true, true, false, true, true, true, true, false, false, false, false, true], true) }, [self]);
        yield return ("dropout", Options() with { Dropout = 0.25f, Seed = 5, Causal = true }, [self, new(130, 3, 130, 3)]);
    }

    public static TheoryData<string> Names => [.. Variants().Select(v => v.Name)];

    private static AttentionData Data(string name)
    {
        (_, AttentionOptions options, AttentionSequence[] sequences) = Variants().Single(v => v.Name == name);
        return new AttentionData(options, sequences);
    }

    internal static void Check(AttentionData data)
    {
        int terms = data.Keys + data.Options.HeadWidth;
        (float[] z, float[] lse) = data.Forward();
        Close(z, data.Definition(), terms);
        Assert.DoesNotContain(lse, float.IsNaN);
        float[][] actual = data.Backward();
        double[][] expected = data.DefinitionGradient();
        double norm = Math.Sqrt(data.OutputGradient.Sum(g => (double)g * g));     // a row with one key has no gradient of its scores but rounding
        for (int n = 0; n < actual.Length; n++) Close(actual[n], expected[n], 4 * Math.Sqrt(terms + data.Queries) / (1 << 24), 1e-6 * norm);
    }

    [Fact]
    public void Every_length_of_queries_and_keys_matches_the_double_definition()
    {
        foreach (int queries in Lengths)
            foreach (int keys in Lengths)
                foreach (bool causal in (bool[])[false, true])
                    Check(new AttentionData(Options() with { Causal = causal }, new AttentionSequence(0, queries, 0, keys, Math.Max(0, keys - queries))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(36)]
    [InlineData(64)]
    public void Every_width_matches_the_double_definition(int width) => Check(new AttentionData(Options(width) with { Causal = true }, new AttentionSequence(0, 66, 0, 66)));

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_bias_and_mask_matches_the_double_definition(string name) => Check(Data(name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Bits_are_the_same_at_every_vector_width_and_thread_count(string name)
    {
        AttentionData data = Data(name);
        SameBits(() => [.. data.Forward().Output, .. data.Forward().LogSumExp, .. data.Backward().SelectMany(g => g)]);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("causal")]
    [InlineData("window")]
    [InlineData("relative")]
    [InlineData("bias")]
    [InlineData("mask")]
    [InlineData("grouped")]
    [InlineData("dropout")]
    public void The_definition_agrees_with_difference_quotients(string kind)
    {
        AttentionOptions options = Options(3) with { Causal = kind == "causal", Window = kind == "window" ? 2 : 0 };
        options = kind switch
        {
            "relative" => options with { RelativeRange = 11, RelativeOffset = 5 },
            "bias" => options with { Bias = DenseLayout.Shared },
            "mask" => options with { Mask = DenseLayout.PerHead },
            "grouped" => options with { KeyHeads = 1, ValueWidth = 2 },
            "dropout" => options with { Dropout = 0.5f, Seed = 3 },
            _ => options,
        };
        AttentionData data = new(options, new AttentionSequence(0, 4, 0, 5), new AttentionSequence(4, 2, 5, 2, 1));
        double[][] gradient = data.DefinitionGradient();
        double[][] at = [Doubles(data.Query), Doubles(data.Key), Doubles(data.Value), Doubles(data.Relative), Doubles(data.Bias)];
        double[] dz = Doubles(data.OutputGradient);
        for (int n = 0; n < at.Length; n++) Differences(_ => Dot(data.Definition(at[0], at[1], at[2], at[3], at[4]), dz), at[n], gradient[n]);
    }

    [Fact]
    public void A_row_that_sees_nothing_gives_zeros_and_no_gradient()
    {
        AttentionData data = new(Options() with { Mask = DenseLayout.Shared }, new AttentionSequence(0, 3, 0, 70)) { Mask = [.. Enumerable.Range(0, 210).Select(n => n / 70 != 1)] };
        (float[] z, float[] lse) = data.Forward();
        Assert.All(z[24..48], v => Assert.Equal(0, BitConverter.SingleToInt32Bits(v)));
        Assert.Equal(float.NegativeInfinity, lse[2]);
        Assert.All(data.Backward()[0][data.QueryStride..(2 * data.QueryStride)], v => Assert.Equal(0f, v));
        Check(data);
    }

    [Fact]
    public void Huge_scores_neither_overflow_nor_lose_the_largest()
    {
        AttentionData data = new(Options() with { Causal = true, Scale = 3000f }, new AttentionSequence(0, 130, 0, 130));
        (float[] z, _) = data.Forward();
        Assert.All(z, v => Assert.True(float.IsFinite(v)));
        Assert.All(data.Backward().SelectMany(g => g), v => Assert.True(float.IsFinite(v)));
    }

    [Fact]
    public void A_NaN_stays_in_the_rows_that_see_it()
    {
        AttentionData data = new(Options() with { Causal = true }, new AttentionSequence(0, 130, 0, 130));
        data.Key[100 * data.KeyStride] = float.NaN;             // key 100, head 0
        (float[] z, _) = data.Forward();
        for (int i = 0; i < 130; i++)
            for (int h = 0; h < 2; h++)
                for (int d = 0; d < 12; d++) Assert.Equal(h == 0 && i >= 100, float.IsNaN(z[(((i * 2) + h) * 12) + d]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_sequence_has_the_same_bits_alone_and_in_a_batch(int index)
    {
        AttentionOptions options = Options() with { Causal = true, RelativeRange = 300, RelativeOffset = 299 };
        AttentionSequence[] all = [new(0, 70, 0, 70), new(70, 130, 70, 130), new(200, 1, 200, 1)];
        AttentionData batch = new(options, [.. all]);
        AttentionData alone = new(options, new AttentionSequence(0, all[index].QueryCount, 0, all[index].KeyCount))
        {
            Query = batch.Query[(all[index].QueryStart * batch.QueryStride)..],
            Key = batch.Key[(all[index].KeyStart * batch.KeyStride)..],
            Value = batch.Value[(all[index].KeyStart * batch.ValueStride)..],
            OutputGradient = batch.OutputGradient[(all[index].QueryStart * 24)..],
        };
        (float[] one, _) = alone.Forward();
        Equal(one, batch.Forward().Output.AsSpan(all[index].QueryStart * 24, one.Length).ToArray(), "forward");
        float[] dq = alone.Backward()[0], dqs = batch.Backward()[0];
        Equal(dq[..(alone.Queries * alone.QueryStride)], dqs.AsSpan(all[index].QueryStart * batch.QueryStride, alone.Queries * alone.QueryStride).ToArray(), "gradient");
    }

    [Fact]
    public void Calls_in_a_steady_state_allocate_nothing()
    {
        AttentionData data = new(Options() with { Causal = true, RelativeRange = 259, RelativeOffset = 129 }, new AttentionSequence(0, 130, 0, 130));
        (float[] z, float[] lse) = data.Forward();
        float[][] g = data.Backward();
        void Step()
        {
            AttentionKernel.Forward(data.Inputs, data.Options, data.Sequences, z, lse);
            AttentionKernel.Backward(data.Inputs, data.Options, data.Sequences, z, lse, data.OutputGradient, new AttentionGradients<float>
            {
                Query = g[0],
                QueryStride = data.QueryStride,
                Key = g[1],
                KeyStride = data.KeyStride,
                Value = g[2],
                ValueStride = data.ValueStride,
                RelativeBias = g[3],
            });
        }

        for (int n = 0; n < 3; n++) Step();
        long used = ComputeContext.Current.Scratch.UsedBytes, before = GC.GetAllocatedBytesForCurrentThread();
        for (int n = 0; n < 5; n++) Step();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(used, ComputeContext.Current.Scratch.UsedBytes);
    }

    [Fact]
    public void Working_memory_grows_with_the_length_and_not_with_its_square()
    {
        long Peak(int length)
        {
            AttentionData data = new(Options() with { Causal = true }, new AttentionSequence(0, length, 0, length));
            ComputeContext.Current.Scratch.ResetPeak();
            long before = ComputeContext.Current.Scratch.UsedBytes;
            data.Backward();
            return ComputeContext.Current.Scratch.PeakBytes - before;
        }

        using ComputeContext single = new(new ComputeOptions { Threads = 1 });      // each thread has its own
        using ContextScope entered = single.Enter();
        Assert.InRange(Peak(2048), 0, 5 * Peak(512));
    }

    [Fact]
    public void Wrong_lengths_are_refused()
    {
        AttentionData data = new(Options() with { RelativeRange = 9, RelativeOffset = 4 }, new AttentionSequence(0, 5, 0, 5));
        float[] z = new float[data.OutputLength];
        Assert.Throws<ArgumentException>(() => AttentionKernel.Forward(data.Inputs, data.Options, data.Sequences, z.AsSpan(1), []));
        Assert.Throws<ArgumentException>(() => AttentionKernel.Forward(data.Inputs, data.Options, data.Sequences, z, new float[1]));
        Assert.Throws<ArgumentException>(() => AttentionKernel.Forward(data.Inputs, data.Options, [new AttentionSequence(0, 5, 1, 5)], z, []));
        Assert.Throws<ArgumentException>(() => AttentionKernel.Forward(data.Inputs, data.Options with { RelativeRange = 8 }, data.Sequences, z, []));
        Assert.Throws<ArgumentException>(() => AttentionKernel.Forward(data.Inputs, data.Options with { Bias = DenseLayout.Shared }, data.Sequences, z, []));
        Assert.Throws<ArgumentException>(() => AttentionKernel.Forward(data.Inputs, data.Options with { KeyHeads = 3 }, data.Sequences, z, []));
    }
}
