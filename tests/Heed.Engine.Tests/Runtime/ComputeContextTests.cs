using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Runtime;

/// <summary>Contexts are independent, their callers get the bits they get alone, and their memory is bounded and given back.</summary>
[Collection("Threads")]
public class ComputeContextTests
{
    private static readonly TransformerConfig Config = new() { Width = 48, Heads = 4, InnerWidth = 96, EncoderLayers = 2, Activation = Activation.Gelu, NormFirst = true };

    [Fact]
    public void A_thread_computes_in_the_context_it_entered_last()
    {
        ComputeContext before = ComputeContext.Current;
        using ComputeContext a = new(new ComputeOptions { Threads = 1 }), b = new(new ComputeOptions { Threads = 2 });
        using (a.Enter())
        {
            Assert.Same(a, ComputeContext.Current);
            using (b.Enter()) Assert.Equal(2, ComputeContext.Current.Threads);
            Assert.Equal(1, ComputeContext.Current.Threads);
        }

        Assert.Same(before, ComputeContext.Current);
    }

    [Fact]
    public void A_disposed_context_is_not_entered()
    {
        ComputeContext context = new(new ComputeOptions { Threads = 2 });
        context.Dispose();
        context.Dispose();
        Assert.Throws<ObjectDisposedException>(() => context.Enter());
        Assert.Throws<ObjectDisposedException>(() => ComputeContext.Default = context);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1025)]
    public void A_senseless_number_of_threads_is_refused(int threads)
        => Assert.Equal("Threads", Assert.Throws<ArgumentOutOfRangeException>(() => new ComputeContext(new ComputeOptions { Threads = threads })).ParamName);

    [Fact]
    public void A_senseless_limit_is_refused()
        => Assert.Equal("MaximumBytes", Assert.Throws<ArgumentOutOfRangeException>(() => new ComputeContext(new ComputeOptions { MaximumBytes = 0 })).ParamName);

    [Fact]
    public void Two_models_in_contexts_of_one_and_two_threads_have_the_same_bits_at_the_same_time()
    {
        using ComputeContext one = new(new ComputeOptions { Threads = 1 }), two = new(new ComputeOptions { Threads = 2 });
        float[] expected = Run(1);
        float[][] results = new float[2][];
        Thread[] threads = [.. new[] { one, two }.Select((context, i) => new Thread(() =>
        {
            using ContextScope entered = context.Enter();
            for (int round = 0; round < 5; round++) results[i] = Run(1);
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.Equal(expected, results[0]);
        Assert.Equal(expected, results[1]);
    }

    [Fact]
    public void Sixteen_threads_with_one_model_get_the_bits_they_get_alone()
    {
        const int Callers = 16;
        using ComputeContext context = new(new ComputeOptions { Threads = 2 });
        using ContextScope entered = context.Enter();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        TransformerEncoder encoder = new(Config, parameters.Root / "encoder");
        foreach (Parameter parameter in parameters) parameter.Pack();
        float[][] alone = [.. Enumerable.Range(0, Callers).Select(i => Forward(encoder, i))], together = new float[Callers][];
        Thread[] threads = [.. Enumerable.Range(0, Callers).Select(i => new Thread(() =>
        {
            using ContextScope mine = context.Enter();
            for (int round = 0; round < 5; round++) together[i] = Forward(encoder, i);
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        for (int i = 0; i < Callers; i++) Assert.Equal(alone[i], together[i]);
    }

    [Fact]
    public void One_budget_holds_weights_caches_scratch_and_tensors_and_names_what_is_refused()
    {
        using ComputeContext context = new(new ComputeOptions { Threads = 1, MaximumBytes = 1 << 20 });
        using ContextScope entered = context.Enter();
        using PackedMatrix weight = new(128, 1024);                                             // half of it
        using Tensor tensor = Tensor.Zeros(64 * 1024).LeaveScope();                              // a quarter
        Assert.Equal(1 << 19, context.Memory.BytesOf(MemoryOwner.Weights));
        Assert.Equal(1 << 18, context.Memory.BytesOf(MemoryOwner.Tensors));

        string weights = Assert.Throws<BudgetException>(() => new PackedMatrix(256, 512)).Message;
        Assert.Equal(
            "weights: a weight of 256 × 512 values needs 524,288 bytes, and 786,432 of the limit of 1,048,576 bytes are in use (weights 524,288, tensors 262,144); "
            + "raise ComputeOptions.MaximumBytes, or use a smaller model or a 16-bit format.",
            weights);
        Assert.StartsWith("tensors: 524,288 bytes are needed", Assert.Throws<BudgetException>(() => Tensor.Zeros(128 * 1024)).Message, StringComparison.Ordinal);
        void Packing() => MatMulKernel.Invoke(
            new float[64 * 1024], MatrixLayout.RowMajor, new float[1024 * 512], MatrixLayout.RowMajor, new float[64 * 512], 64, 512, 1024);
        Assert.StartsWith("scratch: ", Assert.Throws<BudgetException>(Packing).Message, StringComparison.Ordinal);

        using KeyValueCache cache = new([new KeyValueShape(4, 64), new KeyValueShape(4, 64)]);
        using KeyValueSequence sequence = cache.NewSequence();
        float[] row = new float[2 * 4 * 64];
        sequence.Append(0, row);
        Assert.StartsWith(
            "caches: one more page of the key-value cache needs ", Assert.Throws<BudgetException>(() => sequence.Append(1, row)).Message, StringComparison.Ordinal);
        Assert.True(context.Memory.PeakBytes <= context.Memory.LimitBytes);
    }

    /// <summary>The pools of a cache share its limit: layers of different widths do not get it twice.</summary>
    [Fact]
    public void A_caches_limit_holds_for_all_its_layers_together()
    {
        using KeyValueCache cache = new([new KeyValueShape(2, 16), new KeyValueShape(2, 32)], maximumBytes: 30_000);
        using KeyValueSequence sequence = cache.NewSequence();
        sequence.Append(0, new float[2 * 2 * 16]);
        string message = Assert.Throws<BudgetException>(() => sequence.Append(1, new float[2 * 2 * 32])).Message;
        Assert.Contains("raise the cache's limit (maximumBytes)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_kept_for_reuse_is_given_back_before_anything_is_refused()
    {
        using ComputeContext context = new(new ComputeOptions { Threads = 1, MaximumBytes = 1 << 20 });
        using ContextScope entered = context.Enter();
        Tensor.Zeros(150 * 1024).LeaveScope().Dispose();
        using Tensor other = Tensor.Zeros(200 * 1024).LeaveScope();
        Assert.InRange(context.Memory.UsedBytes, 200 * 1024 * 4, 1 << 20);
    }

    [Fact]
    public void A_tensor_that_only_the_collector_finds_is_given_back_before_anything_is_refused()
    {
        using ComputeContext context = new(new ComputeOptions { Threads = 1, MaximumBytes = 1 << 20 });
        using ContextScope entered = context.Enter();
        Lose(context);
        using Tensor other = Tensor.Zeros(200 * 1024).LeaveScope();
        Assert.Equal(1, context.TensorPool.LostBlocks);
    }

    [Fact]
    public void Memory_returns_to_where_it_was_after_dispose_and_trim()
    {
        using ComputeContext context = new(new ComputeOptions { Threads = 2 });
        using ContextScope entered = context.Enter();
        using (Model()) { }
        context.Trim();
        Assert.Equal(0, context.Memory.UsedBytes);
        long before = GC.GetTotalMemory(forceFullCollection: true), peak;
        using (ParameterSet parameters = Model())
        {
            peak = context.Memory.UsedBytes;
            Assert.True(peak > 50 << 20);
        }

        context.Trim();
        Assert.Equal(0, context.Memory.UsedBytes);
        Assert.Equal(0, Enum.GetValues<MemoryOwner>().Sum(context.Memory.BytesOf));
        // The runtime's own figure may even fall below zero after the pinned blocks went.
        Assert.True(GC.GetTotalMemory(forceFullCollection: true) <= before + (peak / 20));
    }

    /// <summary>A wide layer's weights, plain and packed, a run over it, and a cache.</summary>
    private static ParameterSet Model()
    {
        using TensorScope scope = TensorScope.Begin();
        ParameterSet parameters = new(ParameterSource.Random(1));
        Linear up = new(1024, 4096, parameters.Root / "up"), down = new(4096, 1024, parameters.Root / "down");
        up.Weight.Pack();
        down.Forward(up.Forward(Tensor.Full(new Shape(200, 1024), 0.1f)));
        using KeyValueCache cache = new([new KeyValueShape(8, 64)]);
        using KeyValueSequence sequence = cache.NewSequence();
        sequence.Append(0, new float[100 * 2 * 8 * 64]);
        return parameters;
    }

    private static void Lose(ComputeContext context)
    {
        Thread thread = new(() =>
        {
            using ContextScope entered = context.Enter();
            Tensor.Zeros(150 * 1024);
        });
        thread.Start();
        thread.Join();
    }

    private static float[] Run(ulong seed)
    {
        using ParameterSet parameters = new(ParameterSource.Random(seed));
        TransformerEncoder encoder = new(Config, parameters.Root / "encoder");
        return Forward(encoder, 3);
    }

    private static float[] Forward(TransformerEncoder encoder, int caller)
    {
        using TensorScope scope = TensorScope.Begin();
        int N = 5 + (7 * caller);
        Tensor x = Tensor.Uninitialized(N, Config.Width);
        new CounterRandom(7, (ulong)caller).Normal(x.Span, 0, 1);
        return encoder.Forward(x, ForwardContext.Of(N)).Value.ToArray();
    }
}
