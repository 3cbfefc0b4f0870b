using Heed.Engine.Tensors;

namespace Heed.Engine.Tests;

/// <summary>A pool of its own for one test: at the end every block must be back. Wrap the whole test in <c>using Leaks leaks = new();</c>.</summary>
internal sealed class Leaks : IDisposable
{
    private readonly TensorPool _pool = new();
    private readonly IDisposable _use;
    private readonly TensorScope _scope;

    public Leaks()
    {
        _use = _pool.Use();
        _scope = TensorScope.Begin();
    }

    public TensorPool Pool => _pool;

    public void Dispose()
    {
        _scope.Dispose();
        _use.Dispose();
        Assert.Equal(0, _pool.LiveBlocks);
    }
}
