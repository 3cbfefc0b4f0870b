using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests;

/// <summary>A context of its own for one test: at the end every block must be back. Wrap the whole test in <c>using Leaks leaks =
/// new();</c>.</summary>
internal sealed class Leaks : IDisposable
{
    private readonly ComputeContext _context = ComputeContext.WithThreadsOf(ComputeContext.Current);
    private readonly IDisposable _use;
    private readonly TensorScope _scope;

    public Leaks()
    {
        _use = _context.UseInFlow();
        _scope = TensorScope.Begin();
    }

    public TensorPool Pool => _context.TensorPool;

    public void Dispose()
    {
        _scope.Dispose();
        _use.Dispose();
        Assert.Equal(0, Pool.LiveBlocks + Pool.LostBlocks);
        _context.Dispose();
    }
}
