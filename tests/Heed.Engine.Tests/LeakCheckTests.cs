using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Testing;

namespace Heed.Engine.Tests;

/// <summary>The leak check around every test is really there, and finds what is kept.</summary>
public class LeakCheckTests
{
    [Fact]
    public void Every_test_has_a_context_and_a_scope_of_its_own()
    {
        Assert.NotSame(ComputeContext.Default, ComputeContext.Current);
        Assert.NotNull(Tensor.Zeros(3).Scope);
        Assert.Equal(1, ComputeContext.Current.TensorPool.LiveBlocks);
    }

    [Fact]
    public void A_tensor_that_nobody_gives_back_is_found()
    {
        System.Reflection.MethodInfo method = typeof(LeakCheckTests).GetMethod(nameof(A_tensor_that_nobody_gives_back_is_found))!;
        const string Id = "a test inside this test";
        LeakCheckAttribute.Before(method, Id);
        Tensor kept = Tensor.Zeros(5).LeaveScope();
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => LeakCheckAttribute.After(Id));
        kept.Dispose();
    }
}
