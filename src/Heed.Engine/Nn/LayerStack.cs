using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>Runs the layers of a model one after another: the one place for cancellation, checkpointing and the release of what a layer
/// leaves.</summary>
public static class LayerStack
{
    /// <summary>x → layer 0 → layer 1 → …</summary>
    /// <param name="layers">The layers, in order.</param>
    /// <param name="x">[N, D].</param>
    /// <param name="context">Rows, cache, hooks; <see cref="ForwardContext.Checkpoint"/> recomputes each layer in the backward
    /// pass.</param>
    /// <param name="forward">One layer's forward, from [N, D] to [N, D].</param>
    /// <param name="finish">What follows the last layer: the final norm; null for nothing.</param>
    /// <returns>[N, D].</returns>
    /// <exception cref="OperationCanceledException"><see cref="ForwardContext.CancellationToken"/> was set.</exception>
    public static Variable Run<TLayer>(
        IReadOnlyList<TLayer> layers, Variable x, ForwardContext context, Func<TLayer, Variable, Variable> forward, Func<Variable,
            Variable>? finish = null)
    {
        ArgumentNullException.ThrowIfNull(layers);
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(forward);
        int begin = 0;
        if (context.Resume is { } resume) (begin, x) = (resume.Layer, resume.Rows);
        Variable first = x;
        Action<Variable>? visit = context.EachLayer;
        visit?.Invoke(x);
        for (int i = begin; i < layers.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            TLayer layer = layers[i];
            Variable before = x;
            if (context.Checkpoint && Tape.IsRecording)
            {
                x = Tape.Checkpoint(input => forward(layer, input), before);
            }
            else
            {
                using TensorScope scope = TensorScope.Begin();
                Variable after = forward(layer, before);
                scope.Keep(after.Value);
                x = after;
            }

            if (i < layers.Count - 1 || finish is null) visit?.Invoke(x);
            // The stream between layers is nobody's once the next layer has read it, unless it was shown to somebody or is the caller's
            // own.
            if (visit is null && i > begin && !ReferenceEquals(before.Value, x.Value)
                && !ReferenceEquals(before.Value, first.Value)) before.Value.Dispose();
        }

        if (finish is null) return x;
        x = finish(x);
        visit?.Invoke(x);
        return x;
    }
}
