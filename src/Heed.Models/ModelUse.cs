using Heed.Engine.Runtime;

namespace Heed.Models;

/// <summary>The time in which a thread computes with a model: it is in the model's context, and the weights stay also if another thread
/// disposes the model meanwhile.</summary>
internal readonly ref struct ModelUse
{
    private readonly Model? _model;
    private readonly ContextScope _scope;

    internal ModelUse(Model model, ContextScope scope)
    {
        _model = model;
        _scope = scope;
    }

    /// <summary>Leaves the context; the last user of a disposed model frees its weights.</summary>
    public void Dispose()
    {
        if (_model is null) return;      // no model: nothing was entered
        _scope.Dispose();
        _model.EndUse();
    }
}
