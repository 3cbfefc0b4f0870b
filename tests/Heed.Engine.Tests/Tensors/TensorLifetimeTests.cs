using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Tensors;

/// <summary>Tensors that died are refused wherever they are used, and what tensors say of themselves.</summary>
public class TensorLifetimeTests
{
    private const string Message = "The tensor [2, 3] died with its scope; Keep it there if it is needed later.";

    public static TheoryData<string> Uses => [.. ByName.Keys];

    private static readonly Dictionary<string, Action<Tensor>> ByName = new(StringComparer.Ordinal)
    {
        ["span"] = x => _ = x.Span,
        ["element"] = x => _ = x[1, 2],
        ["changed element"] = x => x[1, 2] = 1,
        ["array"] = x => _ = x.ToArray(),
        ["copy"] = x => _ = x.Clone(),
        ["view"] = x => _ = x.Reshape(3, 2),
        ["rows"] = x => _ = x.Rows(0, 1),
        ["tensor span"] = x => _ = x.AsTensorSpan(),
        ["scope that keeps it"] = x =>
        {
            using TensorScope scope = TensorScope.Begin();
            scope.Keep(x);
        },
        ["scope that adopts it"] = x =>
        {
            using TensorScope scope = TensorScope.Begin();
            scope.Adopt(x);
        },
        ["sum"] = x => _ = x + x,
        ["operand of an operation"] = x => _ = new Variable(x).Softmax(),
        ["leaf of a tape"] = x =>
        {
            Leaf leaf = new();
            using Tape tape = Tape.Begin();
            _ = leaf.Of(x) * 2f;
        },
    };

    [Theory]
    [MemberData(nameof(Uses))]
    public void A_tensor_that_died_with_its_scope_is_refused(string use)
    {
        Tensor x;
        using (TensorScope.Begin()) x = Tensor.Full(new Shape(2, 3), 1);
        Refused(() => ByName[use](x));
    }

    [Theory]
    [MemberData(nameof(Uses))]
    public void A_tensor_that_was_disposed_is_refused(string use)
    {
        Tensor x = Tensor.Full(new Shape(2, 3), 1);
        x.Dispose();
        Refused(() => ByName[use](x));
    }

    /// <summary>A block that was given back is soon another tensor's: the stale one must not read it.</summary>
    [Fact]
    public void A_dead_tensor_does_not_read_the_block_that_another_has_now()
    {
        Tensor dead = Tensor.Full(new Shape(2, 3), 1);
        dead.Dispose();
        using Tensor next = Tensor.Full(new Shape(2, 3), 7);
        Refused(() => _ = dead.Span);
        Assert.Equal(7, next[0, 0]);
    }

    [Fact]
    public void Disposing_again_does_nothing_not_even_where_a_scope_does_it()
    {
        Tensor kept;
        using (TensorScope scope = TensorScope.Begin())
        {
            Tensor x = Tensor.Zeros(2, 3), y = Tensor.Full(new Shape(4), 5);
            x.Dispose();
            x.Dispose();
            kept = scope.Keep(y);
        }

        Assert.Equal(5, kept[3]);
        kept.Dispose();
        kept.Dispose();
        Assert.Throws<ObjectDisposedException>(() => kept.ToArray());
    }

    [Fact]
    public void A_view_lives_on_when_its_owner_was_disposed_and_dies_with_its_own_scope()
    {
        Tensor owner = Tensor.Create([1, 2, 3, 4], 2, 2), view;
        using (TensorScope.Begin())
        {
            view = owner.Rows(1, 1);
            owner.Dispose();
            Assert.Equal([3f, 4f], view.ToArray());
            Assert.Throws<ObjectDisposedException>(() => owner.ToArray());
        }

        Assert.Throws<ObjectDisposedException>(() => view.ToArray());
    }

    [Fact]
    public void A_scope_that_ended_keeps_nothing_and_ends_twice()
    {
        using Tensor x = Tensor.Zeros(2);
        TensorScope scope = TensorScope.Begin();
        scope.Dispose();
        scope.Dispose();
        Assert.Throws<ObjectDisposedException>(() => scope.Keep(x));
        Assert.Throws<ObjectDisposedException>(() => scope.Adopt(x));
    }

    [Fact]
    public void Text_shows_shape_and_values_the_corners_only_where_there_are_many()
    {
        Assert.Equal("Tensor [] 1.5", Tensor.Scalar(1.5f).ToString());
        Assert.Equal("Tensor [3] {1, -2, 0.333333}", Tensor.Create([1, -2, 1 / 3f], 3).ToString());
        Assert.Equal("Tensor [2, 3] {{1, 2, 3}, {4, 5, 6}}", Tensor.Create([1, 2, 3, 4, 5, 6], 2, 3).ToString());
        Assert.Equal("Tensor [2, 1, 2] {{{1, 2}}, {{NaN, Infinity}}}", Tensor.Create([1, 2, float.NaN, float.PositiveInfinity], 2, 1, 2).ToString());
        Assert.Equal("Tensor [0] {}", Tensor.Zeros(0).ToString());
        Assert.Equal("Tensor [2, 0] {{}, {}}", Tensor.Zeros(2, 0).ToString());
        Assert.Equal("Tensor [6] {0, 1, 2, 3, 4, 5}", Counted(6).ToString());
        Assert.Equal("Tensor [7] {0, 1, 2, …, 4, 5, 6}", Counted(7).ToString());
        Assert.Equal("Tensor [1000000] {0, 1, 2, …, 999997, 999998, 999999}", Counted(1_000_000).ToString());
        Assert.Equal("Tensor [10, 2] {{0, 1}, {2, 3}, {4, 5}, …, {14, 15}, {16, 17}, {18, 19}}", Counted(10, 2).ToString());
        Assert.StartsWith("Tensor [100, 100, 100] {{{0, 1, 2, …, 97, 98, 99}, {100, 101, 102, …,", Counted(100, 100, 100).ToString(), StringComparison.Ordinal);
        Assert.True(Counted(100, 100, 100).ToString().Length < 2000);
        Tensor dead = Tensor.Zeros(2, 3);
        dead.Dispose();
        Assert.Equal("Tensor [2, 3] (disposed)", dead.ToString());
    }

    private static Tensor Counted(params int[] sizes)
    {
        Tensor x = Tensor.Uninitialized(sizes);
        for (int i = 0; i < x.Count; i++) x.Span[i] = i;
        return x;
    }

    private static void Refused(Action use)
    {
        ObjectDisposedException e = Assert.Throws<ObjectDisposedException>(use);
        Assert.StartsWith(Message, e.Message, StringComparison.Ordinal);
        Assert.Equal(nameof(Tensor), e.ObjectName);
    }
}
