using System.Collections.Concurrent;
using System.Reflection;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Xunit;
using Xunit.v3;

[assembly: Heed.Testing.LeakCheck]

namespace Heed.Testing;

/// <summary>
/// A leak check around every test of an assembly: each test has a context and a scope of its own, and when it ends every block must be
/// back. Compiled into the test projects that use tensors (<c>HasLeakCheck</c> in <c>tests/Directory.Build.props</c>).
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class LeakCheckAttribute : BeforeAfterTestAttribute
{
    private static readonly ConcurrentDictionary<string, OpenTest> Open = new(StringComparer.Ordinal);

    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => Before(methodUnderTest, test.UniqueID);

    public override void After(MethodInfo methodUnderTest, IXunitTest test) => After(test.UniqueID);

    internal static void Before(MethodInfo methodUnderTest, string id)
    {
        // Threads are the default context's: starting new ones for each test would cost more than many tests.
        ComputeContext context = ComputeContext.WithThreadsOf(ComputeContext.Default);
        // A scope belongs to a thread, and a test that awaits may end on another: it has the context alone and disposes what it makes.
        bool waits = methodUnderTest.ReturnType != typeof(void);
        Open[id] = new OpenTest(context, context.UseInFlow(), waits ? null : TensorScope.Begin(), Environment.CurrentManagedThreadId);
    }

    internal static void After(string id)
    {
        if (!Open.TryRemove(id, out OpenTest? open)) return;
        if (open.Scope is not null)
        {
            Assert.Equal(open.Thread, Environment.CurrentManagedThreadId);
            open.Scope.Dispose();
        }

        open.Use.Dispose();
        TensorPool tensors = open.Context.TensorPool;
        long blocks = tensors.LiveBlocks + tensors.LostBlocks;
        Assert.True(
            blocks == 0,
            $"{blocks} blocks ({tensors.LiveBytes:N0} bytes live) were not given back. Dispose models and parameter sets; an op must release what it saved.");
        open.Context.Dispose();
    }

    private sealed record OpenTest(ComputeContext Context, IDisposable Use, TensorScope? Scope, int Thread);
}
