using Heed.Engine.Tensors;
using Heed.Inspection;

namespace Heed.Explorer.Traces;

/// <summary>One tensor of a run, copied: it lives as long as its trace.</summary>
/// <param name="Name">Its hook name.</param>
/// <param name="Sizes">Its shape.</param>
/// <param name="Values">Its values, row by row.</param>
internal sealed record Captured(string Name, int[] Sizes, float[] Values)
{
    /// <summary>Bytes of the values.</summary>
    public long Bytes => (long)Values.Length * sizeof(float);

    /// <summary>Length of the last axis; 1 of a single number.</summary>
    public int Last => Sizes.Length == 0 ? 1 : Sizes[^1];

    /// <summary>A value of a run under the engine's name; scores get the engine's axis of texts back, [1, H, T, S].</summary>
    public static Captured Of(string name, ValueArray value)
        => new(name, ValueAxes.IsScore(name) ? [1, .. value.Shape.ToArray()] : value.Shape.ToArray(), value.Shared);

    /// <summary>The values as inspection takes them, without the engine's axis of texts.</summary>
    public ValueArray AsValue => new(Values, new Shape(ValueAxes.IsScore(Name) ? Sizes[1..] : Sizes));

    /// <summary>Whether a number that is not finite is none to worry about: a hidden score after the mask.</summary>
    public bool Hides(float value) => value == float.NegativeInfinity && Name.EndsWith(".masked", StringComparison.Ordinal);

    /// <summary>The values below some leading indices: of [H, T, S] and (h, t) the S values of that row.</summary>
    /// <exception cref="InputException">There are too many indices, or one is outside its axis.</exception>
    public (int[] Sizes, ArraySegment<float> Values) At(ReadOnlySpan<int> leading)
    {
        if (leading.Length > Sizes.Length)
            throw new InputException($"at: has {leading.Length} indices, and {Name} has the shape [{string.Join(", ", Sizes)}].");
        int start = 0, count = Values.Length;
        for (int axis = 0; axis < leading.Length; axis++)
        {
            if ((uint)leading[axis] >= (uint)Sizes[axis])
                throw new InputException($"at: index {leading[axis]} of axis {axis} of {Name} is outside 0 to {Sizes[axis] - 1}.");
            count /= Sizes[axis];
            start += leading[axis] * count;
        }

        return (Sizes[leading.Length..], new ArraySegment<float>(Values, start, count));
    }
}
