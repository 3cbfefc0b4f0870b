using Heed.Engine.Nn;

namespace Heed.Models.Files.Onnx;

/// <summary>What the layers of a post-norm encoder add to their scores.</summary>
/// <param name="Scale">Factor of the products of queries and keys.</param>
/// <param name="Distances">[H, T, T]: biases of distances that all layers share, or null.</param>
/// <param name="Disentangled">Distances that queries and keys are held against, or null.</param>
internal readonly record struct OnnxScores(float Scale, string? Distances = null, OnnxDistances? Disentangled = null);

/// <summary>DeBERTa's positions as nodes of ONNX: rows of distances, and which of them each query and key has.</summary>
internal sealed class OnnxDistances
{
    private readonly OnnxGraph _graph;
    private readonly DisentangledPositions _positions;
    private readonly string _rows, _entries;
    private readonly int _heads;

    private OnnxDistances(OnnxGraph graph, DisentangledPositions positions, string rows, string entries, int heads)
        => (_graph, _positions, _rows, _entries, _heads) = (graph, positions, rows, entries, heads);

    /// <summary>Adds the nodes that all layers share.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="positions">The table.</param>
    /// <param name="distances">[T, T]: query position − key position.</param>
    /// <param name="heads">H.</param>
    public static OnnxDistances Build(OnnxGraph graph, DisentangledPositions positions, string distances, int heads)
    {
        string rows = graph.Weight(positions.Rows.Weight);                                                                 // [2s, D]
        if (positions.Norm is { } norm) rows = graph.Norm(rows, norm);
        // From some distance on all have the first or the last row, so that texts of any length are served.
        int last = positions.RowOf(int.MaxValue / 2), first = positions.RowOf(-(int.MaxValue / 2)), reach = 1;
        while (positions.RowOf(reach) != last || positions.RowOf(-reach) != first) reach++;
        long[] entries = new long[(2 * reach) + 1];
        for (int d = -reach; d <= reach; d++) entries[d + reach] = positions.RowOf(d);
        string clipped = graph.Node("Clip", distances, graph.Whole(-reach), graph.Whole(reach));
        string found = graph.Node("Gather", graph.Wholes(entries), graph.Node("Add", clipped, graph.Whole(reach)));        // [T, T]
        return new OnnxDistances(graph, positions, rows, found, heads);
    }

    /// <summary>What a layer adds to its scores.</summary>
    /// <param name="attention">The layer's projections.</param>
    /// <param name="q">[B, H, T, K].</param>
    /// <param name="k">[B, H, T, K].</param>
    /// <param name="scores">[B, H, T, T], for their shape.</param>
    /// <param name="scale">Factor.</param>
    /// <returns>[B, H, T, T] each.</returns>
    public IEnumerable<string> Scores(MultiHeadAttention attention, string q, string k, string scores, float scale)
    {
        string shape = _graph.Node("Shape", scores);
        if (_positions.HasKeys) yield return Picked(q, attention.PositionKey ?? attention.Key!, _entries, isTurned: false);
        if (_positions.HasQueries)
        {
            // Of key j with query i the row is that of i − j too: the table of entries is turned, and so is what comes out.
            string entries = _graph.NodeWith("Transpose", [OnnxAttribute.Of("perm", 1, 0)], _entries);
            yield return Picked(k, attention.PositionQuery ?? attention.Query!, entries, isTurned: true);
        }

        string Picked(string x, Projection projection, string entries, bool isTurned)
        {
            string rows = _graph.Node("Reshape", _graph.Linear(_rows, projection), _graph.Wholes(0, _heads, -1));          // [2s, H, K]
            rows = _graph.NodeWith("Transpose", [OnnxAttribute.Of("perm", 1, 2, 0)], rows);                                // [H, K, 2s]
            string against = _graph.Node("Mul", _graph.Node("MatMul", x, rows), _graph.Number(scale));                     // [B, H, T, 2s]
            string each = _graph.Node("Expand", entries, shape);                                                           // [B, H, T, T]
            string picked = _graph.NodeWith("GatherElements", [OnnxAttribute.Of("axis", -1)], against, each);
            return isTurned ? _graph.NodeWith("Transpose", [OnnxAttribute.Of("perm", 0, 1, 3, 2)], picked) : picked;
        }
    }
}
