using Heed.Engine.Tensors;

namespace Heed.Inspection;

/// <summary>Where heads and positions lie in a value of one text; −1 where it has none.</summary>
/// <param name="Head">Axis of heads.</param>
/// <param name="Position">Axis of (asking) positions.</param>
internal readonly record struct ValueAxes(int Head, int Position)
{
    private static readonly string[] Scores = ["dot", "scaled", "biased", "masked", "pattern"];

    private static readonly string[] ByHead = ["q", "k", "v", "rot_q", "rot_k", "z", "result", "feature_q", "feature_k"];

    /// <summary>True for values with a row for each pair of query and key, [H, T, S].</summary>
    public static bool IsScore(string name) => name.Contains("attn.", StringComparison.Ordinal) && Array.IndexOf(Scores, Last(name)) >= 0;

    /// <summary>The axes of a value.</summary>
    public static ValueAxes Of(string name, Shape shape)
    {
        if (IsScore(name)) return new ValueAxes(0, 1);
        bool heads = shape.Rank == 3 && (Array.IndexOf(ByHead, Last(name)) >= 0 || name.Contains("q_norm.", StringComparison.Ordinal)
            || name.Contains("k_norm.", StringComparison.Ordinal));
        return new ValueAxes(heads ? 1 : -1, shape.Rank > 1 ? 0 : -1);
    }

    /// <summary>The head and the position of one of the parts, counted over the axes of both.</summary>
    public (int Head, int Position) At(int part, Shape shape)
    {
        if (Head < 0) return (-1, part);
        if (Position < 0) return (part, -1);
        int second = shape[Math.Max(Head, Position)];
        (int first, int last) = (part / second, part % second);
        return Head < Position ? (first, last) : (last, first);
    }

    /// <summary>Refuses heads and positions that are not there.</summary>
    public void Check(string name, Shape shape, int? head, int? position)
    {
        if (head is { } h) Check(name, shape, Head, h, "head");
        if (position is { } p) Check(name, shape, Position, p, "position");
    }

    private static void Check(string name, Shape shape, int axis, int index, string what)
    {
        if (axis < 0) throw new InputException($"{what} {index}: the value '{name}' {shape} has no axis of {what}s. Leave the {what} out.");
        if ((uint)index >= (uint)shape[axis])
            throw new InputException($"{what} {index}: the value '{name}' has the {what}s 0 to {shape[axis] - 1}.");
    }

    private static string Last(string name) => name[(name.LastIndexOf('.') + 1)..];
}
