using Heed.Engine.Kernels;
using Heed.Generation.Embeddings;
using Heed.Models.Embeddings;

namespace Heed.Retrieval;

/// <summary>Vectors in one block of memory, searched exactly. Any number of threads may ask one.</summary>
/// <remarks>
/// A pass in float32 over all rows (one dot product each, on all threads) leaves those that may be among the best within a proven bound of
/// its rounding; these are computed in double precision. So scores and order are those of a plain loop in double precision, whatever the
/// threads and the vector width. Binary vectors are passed by Hamming distance, and the best of that pass by query · bits.
/// </remarks>
public sealed class PackedVectors
{
    private readonly float[] _floats = [];
    private readonly Half[] _halves = [];
    private readonly byte[] _bits = [];
    private readonly double[] _norms = [];

    private PackedVectors(VectorFormat format, int width, int count, float[] floats, Half[] halves, byte[] bits)
    {
        (Format, Width, Count, _floats, _halves, _bits) = (format, width, count, floats, halves, bits);
        if (format == VectorFormat.Binary) return;
        _norms = new double[count];
        float[] row = new float[width];
        for (int i = 0; i < count; i++)
        {
            double square = 0;
            foreach (float v in Row(i, row)) square += (double)v * v;
            _norms[i] = Math.Sqrt(square);
        }
    }

    /// <summary>How the numbers are kept.</summary>
    public VectorFormat Format { get; }

    /// <summary>Numbers per vector.</summary>
    public int Width { get; }

    /// <summary>Number of vectors.</summary>
    public int Count { get; }

    /// <summary>Packs vectors.</summary>
    /// <param name="values">[N, D] in row-major order.</param>
    /// <param name="width">D, 1 or more.</param>
    /// <param name="format">How the numbers are kept.</param>
    /// <exception cref="ArgumentException">The values are no whole number of rows.</exception>
    public static PackedVectors Pack(ReadOnlySpan<float> values, int width, VectorFormat format = VectorFormat.Float32)
    {
        int count = Rows(values.Length, width);
        return format switch
        {
            VectorFormat.Float32 => new PackedVectors(format, width, count, values.ToArray(), [], []),
            VectorFormat.Float16 => new PackedVectors(format, width, count, [], Halves(values), []),
            VectorFormat.Binary => new PackedVectors(format, width, count, [], [], QuantizedVectors.Bits(values, width)),
            _ => throw new ArgumentOutOfRangeException(nameof(format), format, "Not a format."),
        };
    }

    /// <summary>Takes vectors that are packed already: each row ⌈D ÷ 8⌉ bytes.</summary>
    internal static PackedVectors OfBits(byte[] bits, int width)
        => new(VectorFormat.Binary, width, Rows(bits.Length, (width + 7) / 8), [], [], bits);

    /// <summary>Takes numbers of half precision that stay the caller's to leave alone.</summary>
    internal static PackedVectors OfHalves(Half[] halves, int width)
        => new(VectorFormat.Float16, width, Rows(halves.Length, width), [], halves, []);

    /// <summary>Takes numbers that stay the caller's to leave alone.</summary>
    internal static PackedVectors OfFloats(float[] floats, int width)
        => new(VectorFormat.Float32, width, Rows(floats.Length, width), floats, [], []);

    /// <summary>The nearest number of half precision, ties to even.</summary>
    internal static Half[] Halves(ReadOnlySpan<float> values)
    {
        Half[] halves = new Half[values.Length];
        for (int i = 0; i < halves.Length; i++) halves[i] = (Half)values[i];
        return halves;
    }

    /// <summary>A vector as it is kept: halves exactly, bits as 0 and 1.</summary>
    /// <param name="row">Its number.</param>
    /// <returns>[D].</returns>
    public float[] this[int row]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(row);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Count);
            float[] vector = new float[Width];
            return Row(row, vector).ToArray();
        }
    }

    /// <summary>The vectors nearest to a query.</summary>
    /// <param name="query">[D].</param>
    /// <param name="top">Up to how many.</param>
    /// <param name="similarity">How vectors are compared; binary ones by <see cref="VectorSimilarity.Dot"/> alone: query · bits (0 or
    /// 1).</param>
    /// <param name="allowed">[N], true for rows that may be found; empty: all.</param>
    /// <param name="multiplier">For binary vectors: <paramref name="top"/> times this many, of the least Hamming distance, are
    /// scored.</param>
    /// <returns>Nearest first; of equal scores the lower row.</returns>
    /// <exception cref="ArgumentException">A length or the similarity does not fit.</exception>
    public IReadOnlyList<Ranked> Nearest(ReadOnlySpan<float> query, int top, VectorSimilarity similarity = VectorSimilarity.Cosine,
        ReadOnlySpan<bool> allowed = default, int multiplier = 4)
    {
        if (query.Length != Width)
            throw new ArgumentException($"The query has {query.Length} numbers, the vectors have {Width}.", nameof(query));
        if (allowed.Length != 0 && allowed.Length != Count)
            throw new ArgumentException($"It has {allowed.Length} entries for {Count} vectors.", nameof(allowed));
        ArgumentOutOfRangeException.ThrowIfNegative(top);
        ArgumentOutOfRangeException.ThrowIfLessThan(multiplier, 1);
        if (Format == VectorFormat.Binary && similarity != VectorSimilarity.Dot)
            throw new ArgumentException($"Binary vectors are scored by {VectorSimilarity.Dot}, not by {similarity}.", nameof(similarity));
        int[] candidates = Format == VectorFormat.Binary ? NearBits(query, (int)Math.Min(Count, (long)top * multiplier), allowed)
            : Candidates(query, top, similarity, allowed);
        double[] scores = new double[candidates.Length];
        float[] row = new float[Width];
        for (int i = 0; i < scores.Length; i++)
        {
            scores[i] = Format == VectorFormat.Binary ? QuantizedVectors.ScoreBits(query, BitsOf(candidates[i]))
                : similarity.Of(query, Row(candidates[i], row));
        }

        // Of bits the candidates come by distance; equal scores keep that order, as the reference's stable sort does.
        return [.. TopK.Of<double>(scores, top).Select(i => new Ranked(candidates[i], scores[i]))];
    }

    /// <summary>Rows of the least Hamming distance to a query's bits, the lower row first of equal ones.</summary>
    internal int[] NearBits(ReadOnlySpan<float> query, int top, ReadOnlySpan<bool> allowed)
        => NearBits(QuantizedVectors.Bits(query, Width), top, allowed);

    /// <inheritdoc cref="NearBits(ReadOnlySpan{float}, int, ReadOnlySpan{bool})"/>
    internal int[] NearBits(ReadOnlySpan<byte> query, int top, ReadOnlySpan<bool> allowed)
    {
        float[] near = new float[Count];
        int possible = Count;
        for (int i = 0; i < near.Length; i++)
        {
            bool may = allowed.Length == 0 || allowed[i];
            if (!may) possible--;
            near[i] = may ? -QuantizedVectors.Hamming(query, BitsOf(i)) : float.NegativeInfinity;
        }

        return TopK.Of<float>(near, Math.Min(top, possible));
    }

    /// <summary>A row's bits.</summary>
    internal ReadOnlySpan<byte> BitsOf(int row)
    {
        int bytes = (Width + 7) / 8;
        return _bits.AsSpan(row * bytes, bytes);
    }

    /// <summary>Rows that may be among the best, in rising order.</summary>
    private int[] Candidates(ReadOnlySpan<float> query, int top, VectorSimilarity similarity, ReadOnlySpan<bool> allowed)
    {
        if (top == 0 || Count == 0) return [];
        float[] scores = new float[Count];
        RowScore kind = similarity switch
        {
            VectorSimilarity.Euclidean => RowScore.SquaredDistance,
            VectorSimilarity.Manhattan => RowScore.AbsoluteDistance,
            _ => RowScore.Dot,
        };
        if (Format == VectorFormat.Float32) RowScoreKernel.Invoke(kind, query, _floats, scores);
        else RowScoreKernel.Invoke(kind, query, _halves, scores);
        double square = 0;
        foreach (float q in query) square += (double)q * q;
        ScoreBounds bounds = new(similarity, Width, Math.Sqrt(square));
        double[] least = new double[Count], most = new double[Count];
        int possible = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            (least[i], most[i]) = allowed.Length == 0 || allowed[i] ? bounds.Of(scores[i], _norms[i]) : (double.NaN, double.NaN);
            if (!double.IsNaN(most[i])) possible++;
        }

        int[] surest = TopK.Of<double>(least, Math.Min(top, possible));
        if (surest.Length == 0) return [];
        double threshold = least[surest[^1]];
        List<int> candidates = new(surest.Length);
        for (int i = 0; i < most.Length; i++)
            if (most[i] >= threshold) candidates.Add(i);
        return [.. candidates];
    }

    private ReadOnlySpan<float> Row(int row, float[] buffer)
    {
        switch (Format)
        {
            case VectorFormat.Float32: return _floats.AsSpan(row * Width, Width);
            case VectorFormat.Float16:
                ReadOnlySpan<Half> halves = _halves.AsSpan(row * Width, Width);
                for (int d = 0; d < buffer.Length; d++) buffer[d] = (float)halves[d];
                return buffer;
            default:
                ReadOnlySpan<byte> bits = BitsOf(row);
                for (int d = 0; d < buffer.Length; d++) buffer[d] = (bits[d / 8] & (0x80 >> (d % 8))) != 0 ? 1 : 0;
                return buffer;
        }
    }

    private static int Rows(int values, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        return values % width == 0 ? values / width
            : throw new ArgumentException($"{values} numbers are no whole number of rows of {width}.", nameof(values));
    }
}
