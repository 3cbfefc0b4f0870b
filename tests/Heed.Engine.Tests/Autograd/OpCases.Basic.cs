using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

internal static partial class OpCases
{
    private static Shape S(params ReadOnlySpan<int> sizes) => new(sizes);

    /// <summary>NumPy's broadcasting by plain loops.</summary>
    private static Wide Zip(Wide a, Wide b, Func<double, double, double> f)
    {
        Shape shape = BroadcastKernel.Shape(a.Shape, b.Shape, "test");
        double[] y = new double[shape.Count];
        for (int i = 0; i < y.Length; i++) y[i] = f(a.Values[Source(i, shape, a.Shape)], b.Values[Source(i, shape, b.Shape)]);
        return new Wide(y, shape);
    }

    private static int Source(int index, Shape of, Shape from)
    {
        int[] at = new int[of.Rank];
        for (int axis = of.Rank - 1; axis >= 0; axis--)
        {
            at[axis] = index % of[axis];
            index /= of[axis];
        }

        int source = 0, skip = of.Rank - from.Rank;
        for (int axis = 0; axis < from.Rank; axis++) source = (source * from[axis]) + (from[axis] == 1 ? 0 : at[axis + skip]);
        return source;
    }

    /// <summary>Applies a function to each row of the last axis.</summary>
    private static Wide Rows(Wide x, Func<double[], double[]> f)
    {
        int width = x.Shape.Last;
        double[] y = new double[x.Values.Length];
        for (int at = 0; at < y.Length; at += width) f(x.Values[at..(at + width)]).CopyTo(y, at);
        return new Wide(y, x.Shape);
    }

    private static IEnumerable<OpCase> Basic()
    {
        (string Name, Shape A, Shape B)[] pairs =
        [
            ("equal", S(3, 7), S(3, 7)), ("row", S(5, 19), S(19)), ("row first", S(19), S(5, 19)), ("column", S(4, 1), S(4, 33)), ("outer", S(4, 1, 3), S(1, 5, 1)),
            ("scalar", S(), S(2, 3)), ("one", S(1), S(1)), ("empty", S(0, 4), S(4)), ("middle", S(2, 1, 17), S(2, 3, 17)), ("rank 6", S(1, 2, 1, 2, 1, 3), S(2, 1, 2, 1, 2, 1)),
        ];
        foreach ((string name, Shape a, Shape b) in pairs)
        {
            yield return new("AddOp", name, [a, b], v => v[0] + v[1], w => Zip(w[0], w[1], (x, y) => x + y));
            yield return new("SubtractOp", name, [a, b], v => v[0] - v[1], w => Zip(w[0], w[1], (x, y) => x - y));
            yield return new("MultiplyOp", name, [a, b], v => v[0] * v[1], w => Zip(w[0], w[1], (x, y) => x * y));
            yield return new("DivideOp", name, [a, b], v => v[0] / v[1], w => Zip(w[0], w[1], (x, y) => x / y)) { AwayFromZero = 0.5f };
        }

        yield return new("AddOp", "the same twice", [S(3, 5)], v => v[0] + v[0], w => w[0].Map(x => 2 * x));
        yield return new("SubtractOp", "the same twice", [S(3, 5)], v => v[0] - v[0], w => w[0].Map(x => 0));
        yield return new("MultiplyOp", "the same twice", [S(3, 5)], v => v[0] * v[0], w => w[0].Map(x => x * x));
        yield return new("MultiplyOp", "one constant", [S(3, 5), S(5)], v => v[0] * v[1], w => Zip(w[0], w[1], (x, y) => x * y)) { Constants = [1] };
        yield return new("DivideOp", "constant divisor", [S(3, 5), S(5)], v => v[0] / v[1], w => Zip(w[0], w[1], (x, y) => x / y)) { Constants = [1], AwayFromZero = 0.5f };
        yield return new("AffineOp", "scaled", [S(33)], v => (v[0] * 1.5f) + 0.25f - 1f, w => w[0].Map(x => (1.5 * x) - 0.75)) { K = 3 };
        yield return new("AffineOp", "negated and used twice", [S(2, 3)], v => -v[0] + (v[0] / 4f), w => w[0].Map(x => -0.75 * x));
        yield return new("ReshapeOp", "view", [S(2, 6)], v => v[0].Reshape(3, -1) * v[0].Reshape(3, 4), w => new Wide(w[0].Map(x => x * x).Values, S(3, 4)));
        yield return new("ReshapeOp", "empty", [S(0, 6)], v => v[0].Reshape(3, 0), w => Wide.Zeros(3, 0));

        foreach ((Shape shape, int[] axes) in new[] { (S(3, 5), new[] { 1, 0 }), (S(2, 3, 4), [0, 2, 1]), (S(2, 3, 4), [2, 0, 1]), (S(2, 1, 3, 5), [0, 2, 1, 3]), (S(40, 35), [1, 0]), (S(1), [0]), (S(2, 0, 3), [2, 1, 0]), (S(2, 3, 2, 2, 2, 2), [5, 3, 1, 0, 2, -2]) })
        {
            yield return new("PermuteOp", $"{shape} by {string.Join(",", axes)}", [shape], v => v[0].Permute(axes), w =>
            {
                double[] y = new double[w[0].Values.Length];
                PermuteKernel.Scalar<double>(w[0].Values, shape, axes, y);
                return new Wide(y, PermuteKernel.Shape(shape, axes, "test"));
            });
        }

        yield return new("PermuteOp", "transposed", [S(2, 3, 5)], v => v[0].Transpose(), w =>
        {
            Wide y = Wide.Zeros(2, 5, 3);
            for (int b = 0; b < 2; b++)
                for (int i = 0; i < 3; i++)
                    for (int j = 0; j < 5; j++) y[b, j, i] = w[0][b, i, j];
            return y;
        });

        foreach ((Shape shape, int axis, int start, int count) in new[] { (S(4, 5), 0, 1, 2), (S(4, 5), 1, 2, 3), (S(2, 7, 3), 1, 6, 1), (S(4, 5), -1, 0, 5), (S(4, 5), 1, 5, 0), (S(3), 0, 1, 1) })
            yield return new("SliceOp", $"{shape} axis {axis} from {start} for {count}", [shape], v => v[0].Slice(axis, start, count), w => Cut(w[0], axis, start, count));
        yield return new("SliceOp", "overlapping slices add up", [S(4, 6)], v => v[0].Slice(1, 0, 4) + v[0].Slice(1, 2, 4), w => Zip(Cut(w[0], 1, 0, 4), Cut(w[0], 1, 2, 4), (a, b) => a + b));
        yield return new("ConcatenateOp", "columns", [S(3, 2), S(3, 5), S(3, 0)], v => Variable.Concatenate(-1, v), w =>
        {
            Wide y = Wide.Zeros(3, 7);
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 7; j++) y[i, j] = j < 2 ? w[0][i, j] : w[1][i, j - 2];
            return y;
        });
        yield return new("ConcatenateOp", "rows, one twice, one constant", [S(2, 3), S(1, 3)], v => Variable.Concatenate(0, v[0], v[1], v[0]), w => new Wide([.. w[0].Values, .. w[1].Values, .. w[0].Values], S(5, 3))) { Constants = [1] };

        int[] rows = [2, 0, 2, 4, 1];
        yield return new("GatherRowsOp", "with repetition", [S(5, 3)], v => v[0].Gather(rows), w => Pick(w[0], rows));
        yield return new("GatherRowsOp", "of nothing", [S(5, 3)], v => v[0].Gather([]), w => Wide.Zeros(0, 3));
        yield return new("GatherRowsOp", "of wide rows of rank 3", [S(5, 2, 33)], v => v[0].Gather(rows), w => new Wide(Pick(new Wide(w[0].Values, S(5, 66)), rows).Values, S(5, 2, 33)));
        yield return new("ScatterRowsOp", "with repetition", [S(5, 3)], v => v[0].Scatter(rows, 6), w =>
        {
            Wide y = Wide.Zeros(6, 3);
            for (int n = 0; n < 5; n++)
                for (int d = 0; d < 3; d++) y[rows[n], d] += w[0][n, d];
            return y;
        });

        foreach ((Shape shape, int axis) in new[] { (S(3, 5), 0), (S(3, 5), 1), (S(2, 3, 4), 1), (S(7), 0), (S(1, 1), 0), (S(4, 67), 1), (S(70, 3), 0) })
        {
            yield return new("SumOp", $"{shape} axis {axis}", [shape], v => v[0].Sum(axis), w => Reduce(w[0], axis, false, x => x.Sum())) { K = shape[axis] };
            yield return new("SumOp", $"mean of {shape} axis {axis}, kept", [shape], v => v[0].Mean(axis, keep: true), w => Reduce(w[0], axis, true, x => x.Average())) { K = shape[axis] + 3 };
            yield return new("MaxOp", $"{shape} axis {axis}", [shape], v => v[0].Max(axis), w => Reduce(w[0], axis, false, x => x.Max()));
        }

        yield return new("SumOp", "everything", [S(3, 5)], v => v[0].Sum(), w => new Wide([w[0].Values.Sum()], S())) { K = 15 };
        yield return new("SumOp", "of an empty axis", [S(3, 0)], v => v[0].Sum(1), w => Wide.Zeros(3));
        yield return new("SumOp", "mean of everything", [S(3, 5)], v => v[0].Mean(), w => new Wide([w[0].Values.Average()], S())) { K = 18 };

        foreach (Shape shape in new[] { S(3, 5), S(1), S(0, 2), S(2, 19) })
        {
            yield return new("ExpOp", $"{shape}", [shape], v => v[0].Exp(), w => w[0].Map(Math.Exp)) { K = 4 };
            yield return new("LogOp", $"{shape}", [shape], v => v[0].Log(), w => w[0].Map(Math.Log)) { Range = (1.5f, 4), K = 4 };
            yield return new("PowerOp", $"root of {shape}", [shape], v => v[0].Sqrt(), w => w[0].Map(Math.Sqrt)) { Range = (0.2f, 4) };
            yield return new("PowerOp", $"square of {shape}", [shape], v => v[0].Power(2), w => w[0].Map(x => x * x));
            yield return new("PowerOp", $"1.7 of {shape}", [shape], v => v[0].Power(1.7f), w => w[0].Map(x => Math.Pow(x, 1.7f))) { Range = (0.3f, 3), K = 16 };
            yield return new("PowerOp", $"inverse of {shape}", [shape], v => v[0].Power(-1), w => w[0].Map(x => 1 / x)) { Range = (0.3f, 3) };
        }
    }

    private static Wide Cut(Wide x, int axis, int start, int count)
    {
        Axis a = Axis.Of(x.Shape, axis);
        List<double> y = [];
        for (int o = 0; o < a.Outer; o++)
            for (int s = start; s < start + count; s++)
                for (int i = 0; i < a.Inner; i++) y.Add(x.Values[(((o * a.Size) + s) * a.Inner) + i]);
        return new Wide([.. y], Axis.With(x.Shape, axis, count));
    }

    private static Wide Pick(Wide x, int[] rows)
    {
        int width = x.Shape[1];
        return new Wide([.. rows.SelectMany(r => x.Values[(r * width)..((r + 1) * width)])], S(rows.Length, width));
    }

    private static Wide Reduce(Wide x, int axis, bool keep, Func<IEnumerable<double>, double> f)
    {
        Axis a = Axis.Of(x.Shape, axis);
        double[] y = new double[a.Outer * a.Inner];
        for (int k = 0; k < y.Length; k++)
        {
            int at = (k / a.Inner * a.Size * a.Inner) + (k % a.Inner);
            y[k] = f(Enumerable.Range(0, a.Size).Select(s => x.Values[at + (s * a.Inner)]));
        }

        return new Wide(y, Axis.Without(x.Shape, axis, keep));
    }
}
