using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>Gathers hidden states and attention patterns of one run under Hugging Face's names. A run without details has none of these objects.</summary>
public sealed class RunDetails
{
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    // Layers end their scopes; what was gathered in them lives as long as the run's other results.
    private readonly TensorScope? _scope = TensorScope.Current;

    /// <summary>What was gathered, padded: <c>hidden_states.0</c> [B, T, D], <c>attentions.0</c> [B, H, T, S].</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    /// <summary>Gathers rows as the next of a list: <c>hidden_states</c> → <c>hidden_states.0</c>, <c>.1</c> …</summary>
    /// <param name="list">Name of the list, such as <c>decoder_hidden_states</c>.</param>
    /// <param name="rows">[N, …].</param>
    /// <param name="batch">The batch whose rows they are.</param>
    public void AddRows(string list, Variable rows, TokenBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Add(list, batch.ToGrid(rows.Value));
    }

    /// <summary>Gathers a tensor that is already padded, as the next of a list.</summary>
    public void Add(string list, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        int n = 0;
        while (_tensors.ContainsKey($"{list}.{n}")) n++;
        Set($"{list}.{n}", tensor);
    }

    /// <summary>Gathers a tensor under its own name.</summary>
    public void Set(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        _tensors[name] = _scope?.Adopt(tensor) ?? tensor.LeaveScope();
    }

    /// <summary>Hooks that gather the patterns of one stack in addition to what the caller observes.</summary>
    /// <param name="hooks">The caller's hooks, changed in place; null makes new ones.</param>
    /// <param name="ending">End of the site's name, such as <c>.attn.pattern</c>; <paramref name="beginning"/> its start.</param>
    /// <param name="beginning">Start of the site's name: <c>blocks.</c>, <c>encoder.</c>.</param>
    /// <param name="list">Name of the list: <c>attentions</c>.</param>
    /// <param name="queries">The batch of the queries.</param>
    /// <param name="keys">The batch of the keys; the queries' own where null.</param>
    public Hooks Patterns(Hooks? hooks, string beginning, string ending, string list, TokenBatch queries, TokenBatch? keys = null)
        => (hooks ?? new Hooks()).ObserveWhere(
            site => site.StartsWith(beginning, StringComparison.Ordinal) && site.EndsWith(ending, StringComparison.Ordinal),
            (_, pattern) => Add(list, ToGrid(pattern.Value, queries, keys ?? queries)));

    /// <summary>A pattern [B, H, T, S] over the real tokens, put into the padded grids.</summary>
    private static Tensor ToGrid(Tensor pattern, TokenBatch queries, TokenBatch keys)
    {
        (int B, int H, int T, int S) = pattern.Shape.Bind4(nameof(pattern), "[B, H, T, S]");
        int gridT = queries.GridColumns, gridS = keys.GridColumns;
        Tensor grid = Tensor.Zeros(B, H, gridT, gridS);
        Span<float> target = grid.Span, source = pattern.Span;
        for (int b = 0; b < B; b++)
        {
            int keyStart = keys.Starts[b], keyCount = keys.Starts[b + 1] - keyStart;
            if (keys.AttendedRows is { } attended) (keyStart, keyCount) = (keyStart + attended[b].First, attended[b].Count);
            for (int h = 0; h < H; h++)
            {
                for (int i = queries.Starts[b]; i < queries.Starts[b + 1]; i++)
                {
                    for (int j = 0; j < keyCount; j++)
                    {
                        int from = (((((b * H) + h) * T) + i - queries.Starts[b]) * S) + j;
                        int to = (((((b * H) + h) * gridT) + (queries.Cells[i] % gridT)) * gridS) + (keys.Cells[keyStart + j] % gridS);
                        target[to] = source[from];
                    }
                }
            }
        }

        return grid;
    }
}
