using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Inspection;

/// <summary>Named values of texts of different lengths, put back into padded grids: 0 where a padded position asks or answers.</summary>
internal static class PaddedValues
{
    /// <summary>Runs a batch and keeps all values.</summary>
    /// <param name="inspector">Whose model.</param>
    /// <param name="inputs">Padded grids.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[B, T, …], and [B, H, T, S] of scores; <c>masked</c> is −∞ where a real query meets a padded key.</returns>
    public static Dictionary<string, ValueArray> Gather(Inspector inspector, ModelInputs inputs, CancellationToken cancellationToken)
    {
        ModelRunner runner = inspector.Runner;
        using ModelUse use = inspector.Model.Enter();
        using TensorScope scope = TensorScope.Begin();
        TokenBatch target = runner.Target(inputs), source = runner.HasTwoStacks ? inputs.Pack() : target;
        Dictionary<string, ValueArray> values = new(StringComparer.Ordinal);
        Hooks hooks = new();
        foreach (string name in inspector.Names)
            hooks.Observe(inspector.EngineName(name), (_, x) => values[name] = Grid(name, x.Value));
        runner.Run(inputs, hooks, null, cancellationToken);
        return values;

        ValueArray Grid(string name, Tensor value)
        {
            bool cross = name.Contains(".cross_attn.", StringComparison.Ordinal), reads =
                name.StartsWith("encoder.", StringComparison.Ordinal);
            TokenBatch queries = reads ? source : target, keys = cross ? source : queries;
            if (ValueAxes.IsScore(name))
            {
                using Tensor grid = ModelRun.ToGrid(value, queries, keys);
                if (name.EndsWith(".masked", StringComparison.Ordinal)) Hide(grid, queries, keys);
                return ValueArray.Create(grid.Span, grid.Shape);
            }

            bool ofKeys = cross && (name.EndsWith(".k", StringComparison.Ordinal) || name.EndsWith(".v", StringComparison.Ordinal));
            TokenBatch batch = ofKeys ? keys : queries;
            bool byText = runner.IsTextClassifier && (name == "logits" || name.StartsWith("head.", StringComparison.Ordinal));
            if (byText) return ValueArray.Create(value.Span, new Shape([value.Shape[0], 1, .. value.Shape.ToArray()[1..]]));
            using Tensor rows = batch.ToGrid(value);
            return ValueArray.Create(rows.Span, rows.Shape);
        }
    }

    /// <summary>−∞ where a real query meets a padded key.</summary>
    private static void Hide(Tensor grid, TokenBatch queries, TokenBatch keys)
    {
        (int B, int H, int T, int S) = (grid.Shape[0], grid.Shape[1], grid.Shape[2], grid.Shape[3]);
        HashSet<int> asks = [.. queries.Cells], answers = [.. keys.Cells];
        for (int b = 0; b < B; b++)
            for (int h = 0; h < H; h++)
                for (int q = 0; q < T; q++)
                    for (int k = 0; k < S; k++)
                        if (asks.Contains((b * T) + q) && !answers.Contains((b * S) + k)) grid.Span[(((((b * H) + h) * T) + q) * S) + k] =
                            float.NegativeInfinity;
    }
}
