using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Inspection;

public sealed partial class Inspector
{
    /// <summary>The logit lens: the scores that the model would give if it ended after each layer. Each state goes through the final norm,
    /// whose statistics are computed anew, and the whole head; post-norm decoders have no final norm.</summary>
    /// <param name="text">The text.</param>
    /// <param name="position">One position alone; null: all, which is L + 1 times as much work as the head of a run.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[L+1, T, V], of one position [L+1, V], of a classifier of texts [L+1, classes]. Row 0 is of the embeddings; the last row is
    /// the model's own scores.</returns>
    /// <exception cref="InputException">The model has no head or no attention layers, or the position is not there.</exception>
    /// <remarks>nostalgebraist 2020; Belrose et al. 2023, arXiv:2303.08112 §2.</remarks>
    public ValueArray Lens(InspectedText text, int? position = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        HashSet<string> names = [.. StateNames];
        Dictionary<string, ValueArray> states = Gather([text], names.Contains, null, cancellationToken);
        return Lens(text, position, name => states[name].At(0), cancellationToken);
    }

    /// <summary>The names of the states that the lens reads: what enters layer 0, then what leaves each layer.</summary>
    internal IEnumerable<string> StateNames => Enumerable.Range(0, LastStack.Blocks.Count + 1).Select(LastStack.StateName);

    /// <summary>The lens of states that are known, each [T, D].</summary>
    internal ValueArray Lens(InspectedText text, int? position, Func<string, ValueArray> states, CancellationToken cancellationToken)
    {
        StackParts stack = LastStack;
        using ModelUse use = Model.Enter();
        float[] all = [];
        Shape row = new();
        for (int l = 0; l <= stack.Blocks.Count; l++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using TensorScope scope = TensorScope.Begin();
            Variable scores = Unembed(states(stack.StateName(l)), text, position);
            if (l == 0)
            {
                row = scores.Shape;
                all = new float[(stack.Blocks.Count + 1) * row.Count];
            }

            scores.Value.Span.CopyTo(all.AsSpan(l * row.Count));
        }

        int[] sizes = position is null && !_runner.IsTextClassifier ? row.ToArray() : [row.Last];
        return new ValueArray(all, new Shape([stack.Blocks.Count + 1, .. sizes]));
    }

    /// <summary>Scores of a state as if it were the last.</summary>
    private Variable Unembed(ValueArray state, InspectedText text, int? position)
    {
        TokenBatch batch = _runner.Target(ModelRunner.Batch([text]));
        ForwardContext context = batch.Context();
        Variable rows = state.ToTensor();
        if (LastStack.FinalNorm is { } norm) rows = norm.Forward(rows);
        return _runner.Score(rows, batch, context, position);
    }
}
