using Heed.Engine.Runtime;

namespace Heed.Generation.Inference;

/// <summary>Counts the calls that use a model. After <see cref="Close"/> no call begins, and the last one that is running frees the
/// model.</summary>
/// <param name="owner">What <see cref="ObjectDisposedException"/> names.</param>
/// <param name="free">Frees the model; called once.</param>
internal sealed class ModelUses(object owner, Action free)
{
    private UseCount _count;

    /// <summary>Begins a use; disposing the result ends it.</summary>
    /// <exception cref="ObjectDisposedException">The model was closed.</exception>
    public IDisposable Enter()
    {
        ObjectDisposedException.ThrowIf(!_count.TryBegin(), owner);
        return new Use(this);
    }

    /// <summary>Lets no further call begin, and frees the model now or with the end of the last use.</summary>
    public void Close()
    {
        if (_count.Close()) free();
    }

    private void Leave()
    {
        if (_count.End()) free();
    }

    private sealed class Use(ModelUses uses) : IDisposable
    {
        private ModelUses? _uses = uses;

        public void Dispose() => Interlocked.Exchange(ref _uses, null)?.Leave();
    }
}
