using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>Rows of a table by number: tokens, learned positions, segments.  ids: [N] → [N, D].</summary>
public sealed class Embedding : Module
{
    /// <summary>Makes <c>weight</c>, [V, D].</summary>
    /// <param name="entries">V.</param>
    /// <param name="width">D.</param>
    /// <param name="at">Where the parameter is named.</param>
    /// <param name="initializer">First values; normal with 0.02 where null, with the padding row zero.</param>
    /// <param name="padding">A row that gets no gradient, or null.</param>
    /// <param name="isOutput">
    /// True where the table is the output layer too: in inference it then lies packed for that product, and rows are read from the panels.
    /// Another table lies so where it is held in another format than float32.
    /// </param>
    public Embedding(int entries, int width, ParameterScope at, Initializer? initializer = null, int? padding = null, bool isOutput = false)
        : base(at)
    {
        Initializer first = initializer ?? (padding is { } row ? Initializer.NormalExceptRow(0.02f, row) : Initializer.Normal(0.02f));
        Weight = isOutput ? at.Weight("weight", new Shape(entries, width), first) : at.Table("weight", new Shape(entries, width), first);
        Padding = padding;
    }

    /// <summary>[V, D].</summary>
    public Parameter Weight { get; }

    /// <summary>The row that gets no gradient, or null.</summary>
    public int? Padding { get; }

    /// <summary>Looks rows up.</summary>
    /// <param name="ids">[N], each 0 … V − 1; the list must not change before the backward pass.</param>
    /// <returns>[N, D].</returns>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the table.</exception>
    public Variable Forward(IReadOnlyList<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        int[] rows = ids as int[] ?? [.. ids];
        Variable y = Weight.AsWeight().Gather(rows, Padding ?? -1);
        return Change is null ? y : y + Change.Gather(rows, Padding ?? -1);
    }

    /// <summary>A low-rank change of the rows, or null. An output layer that is the same table does not have it.</summary>
    internal LowRank? Change { get; set; }
}
