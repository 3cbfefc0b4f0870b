using System.Globalization;
using System.Runtime.CompilerServices;

namespace Heed.Engine.Tensors;

/// <summary>The sizes of a tensor, outermost axis first; at most <see cref="MaximumRank"/> axes. A scalar has rank 0.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    /// <summary>Largest number of axes.</summary>
    public const int MaximumRank = 6;

    private readonly Sizes _sizes;
    private readonly int _countBeyondOne;   // so that the default value is a scalar, which has one element

    /// <summary>Builds a shape from its sizes.</summary>
    /// <exception cref="ShapeException">There are more than <see cref="MaximumRank"/> axes, a size is negative, or the product exceeds 2³¹ − 1.</exception>
    public Shape(params ReadOnlySpan<int> sizes)
    {
        if (sizes.Length > MaximumRank) throw new ShapeException($"A shape has at most {MaximumRank} axes; {sizes.Length} were given.");
        long count = 1;
        for (int i = 0; i < sizes.Length; i++)
        {
            if (sizes[i] < 0) throw new ShapeException($"Axis {i} has the size {sizes[i]}; sizes are 0 or more.");
            count *= sizes[i];
            if (count > int.MaxValue) throw new ShapeException($"A shape of {Text(sizes)} has more than {int.MaxValue} elements, the most a tensor can hold.");
            _sizes[i] = sizes[i];
        }

        Rank = sizes.Length;
        _countBeyondOne = (int)count - 1;
    }

    /// <summary>Number of axes.</summary>
    public int Rank { get; }

    /// <summary>Number of elements, the product of the sizes; 1 for a scalar.</summary>
    public int Count => _countBeyondOne + 1;

    /// <summary>Size of one axis; negative axes count from the last (−1).</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public int this[int axis]
    {
        get
        {
            int at = axis < 0 ? axis + Rank : axis;
            ArgumentOutOfRangeException.ThrowIfNegative(at, nameof(axis));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(at, Rank, nameof(axis));
            return _sizes[at];
        }
    }

    /// <summary>Sizes as an array.</summary>
    public int[] ToArray()
    {
        int[] sizes = new int[Rank];
        for (int i = 0; i < Rank; i++) sizes[i] = _sizes[i];
        return sizes;
    }

    /// <summary>The shape with the last axis replaced.</summary>
    public Shape WithLast(int size)
    {
        int[] sizes = ToArray();
        sizes[^1] = size;
        return new Shape(sizes);
    }

    /// <summary>Number of rows if the last axis is the row: the product of all sizes but the last; 1 for rank 0 and 1.</summary>
    public int Rows
    {
        get
        {
            int rows = 1;
            for (int i = 0; i < Rank - 1; i++) rows *= _sizes[i];
            return rows;
        }
    }

    /// <summary>Size of the last axis; 1 for a scalar.</summary>
    public int Last => Rank == 0 ? 1 : _sizes[Rank - 1];

    /// <summary>The two sizes of a rank-2 shape.</summary>
    /// <param name="argument">Name of the argument whose shape this is, for the error.</param>
    /// <param name="expected">The letters expected, such as <c>[N, D]</c>.</param>
    /// <param name="site">The method that binds; filled by the compiler.</param>
    /// <exception cref="ShapeException">The rank is not 2.</exception>
    internal (int First, int Second) Bind2(string argument, string expected = "[N, D]", [CallerMemberName] string site = "")
        => Rank == 2 ? (_sizes[0], _sizes[1]) : throw new ShapeException(site, argument, this, expected);

    /// <summary>The three sizes of a rank-3 shape; see <see cref="Bind2"/>.</summary>
    /// <exception cref="ShapeException">The rank is not 3.</exception>
    internal (int First, int Second, int Third) Bind3(string argument, string expected, [CallerMemberName] string site = "")
        => Rank == 3 ? (_sizes[0], _sizes[1], _sizes[2]) : throw new ShapeException(site, argument, this, expected);

    /// <summary>The four sizes of a rank-4 shape; see <see cref="Bind2"/>.</summary>
    /// <exception cref="ShapeException">The rank is not 4.</exception>
    internal (int First, int Second, int Third, int Fourth) Bind4(string argument, string expected, [CallerMemberName] string site = "")
        => Rank == 4 ? (_sizes[0], _sizes[1], _sizes[2], _sizes[3]) : throw new ShapeException(site, argument, this, expected);

    /// <inheritdoc/>
    public bool Equals(Shape other)
    {
        if (Rank != other.Rank) return false;
        for (int i = 0; i < Rank; i++)
            if (_sizes[i] != other._sizes[i]) return false;
        return true;
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.Add(Rank);
        for (int i = 0; i < Rank; i++) hash.Add(_sizes[i]);
        return hash.ToHashCode();
    }

    /// <summary>True where both have the same sizes.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>True where the sizes differ.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>The sizes in brackets: <c>[2, 768]</c>.</summary>
    public override string ToString() => Text(((ReadOnlySpan<int>)_sizes)[..Rank]);

    private static string Text(ReadOnlySpan<int> sizes)
    {
        string[] parts = new string[sizes.Length];
        for (int i = 0; i < parts.Length; i++) parts[i] = sizes[i].ToString(CultureInfo.InvariantCulture);
        return $"[{string.Join(", ", parts)}]";
    }

    [InlineArray(MaximumRank)]
    private struct Sizes
    {
        private int _first;
    }
}
