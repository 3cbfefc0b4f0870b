using System.Collections.Concurrent;
using System.Reflection;
using Heed.Engine.Tensors;
using Xunit;
using Xunit.v3;

[assembly: Heed.Testing.LeakCheck]

namespace Heed.Testing;

/// <summary>
/// A leak check around every test of an assembly: each test has a pool and a scope of its own, and when it ends every block must be back.
/// Compiled into the test projects that use tensors (<c>HasLeakCheck</c> in <c>tests/Directory.Build.props</c>).
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class LeakCheckAttribute : BeforeAfterTestAttribute
{
    private static readonly ConcurrentDictionary<string, (TensorPool Pool, IDisposable Use, TensorScope? Scope, int Thread)> Open = new(StringComparer.Ordinal);

    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => Before(methodUnderTest, test.UniqueID);

    public override void After(MethodInfo methodUnderTest, IXunitTest test) => After(test.UniqueID);

    internal static void Before(MethodInfo methodUnderTest, string id)
    {
        TensorPool pool = new();
        // A scope belongs to a thread, and a test that awaits may end on another: it has the pool alone and disposes what it makes.
        bool waits = methodUnderTest.ReturnType != typeof(void);
        Open[id] = (pool, pool.Use(), waits ? null : TensorScope.Begin(), Environment.CurrentManagedThreadId);
    }

    internal static void After(string id)
    {
        if (!Open.TryRemove(id, out (TensorPool Pool, IDisposable Use, TensorScope? Scope, int Thread) open)) return;
        if (open.Scope is not null)
        {
            Assert.Equal(open.Thread, Environment.CurrentManagedThreadId);
            open.Scope.Dispose();
        }

        open.Use.Dispose();
        Assert.True(open.Pool.LiveBlocks == 0, $"{open.Pool.LiveBlocks} blocks of {open.Pool.LiveBytes:N0} bytes were not given back. Dispose models and parameter sets; an op must release what it saved.");
    }
}
