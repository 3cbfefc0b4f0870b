using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>
/// Arithmetic on tensors: operators with broadcasting, reductions, products, slices. Every result is a new tensor. To differentiate, use
/// the same names on <see cref="Autograd.Variable"/>.
/// </summary>
/// <remarks>Where <c>System.Numerics.Tensors</c> is imported too, say <c>using Tensor = Heed.Engine.Tensors.Tensor;</c>.</remarks>
public static class TensorOperations
{
    extension(Tensor x)
    {
        /// <summary>a + b; sizes of 1 and missing leading axes repeat.</summary>
        /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
        public static Tensor operator +(Tensor a, Tensor b) => Binary(default(AddFunction), a, b, "Tensor +");

        /// <summary>a − b; sizes of 1 and missing leading axes repeat.</summary>
        /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
        public static Tensor operator -(Tensor a, Tensor b) => Binary(default(SubtractFunction), a, b, "Tensor −");

        /// <summary>a·b, element by element; sizes of 1 and missing leading axes repeat.</summary>
        /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
        public static Tensor operator *(Tensor a, Tensor b) => Binary(default(MultiplyFunction), a, b, "Tensor *");

        /// <summary>a / b, element by element; sizes of 1 and missing leading axes repeat.</summary>
        /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
        public static Tensor operator /(Tensor a, Tensor b) => Binary(default(DivideFunction), a, b, "Tensor /");

        /// <summary>a + c.</summary>
        public static Tensor operator +(Tensor a, float c) => Affine(a, 1, c);

        /// <summary>a − c.</summary>
        public static Tensor operator -(Tensor a, float c) => Affine(a, 1, -c);

        /// <summary>c·a.</summary>
        public static Tensor operator *(Tensor a, float c) => Affine(a, c, 0);

        /// <summary>c·a.</summary>
        public static Tensor operator *(float c, Tensor a) => Affine(a, c, 0);

        /// <summary>a / c.</summary>
        public static Tensor operator /(Tensor a, float c) => a / Tensor.Scalar(c);

        /// <summary>−a.</summary>
        public static Tensor operator -(Tensor a) => Affine(a, -1, 0);

        /// <summary>Tensors one after another along an axis; all other sizes are equal.</summary>
        /// <param name="axis">The axis that grows; negative axes count from the last.</param>
        /// <param name="parts">One or more tensors.</param>
        /// <exception cref="ShapeException">Another size differs, or there are no parts.</exception>
        public static Tensor Concatenate(int axis, params ReadOnlySpan<Tensor> parts)
        {
            Tensor y = Tensor.Uninitialized(ConcatenatedShape(axis, parts));
            int width = Axis.Of(y.Shape, axis) is var a ? a.Size * a.Inner : 0, at = 0;
            foreach (Tensor part in parts)
            {
                int own = Axis.Of(part.Shape, axis) is var p ? p.Size * p.Inner : 0;
                StripKernel.Copy(part.Span, own, 0, y.Span, width, at, own);
                at += own;
            }

            return y;
        }

        /// <summary>
        /// Matrix product: [M, K]·[K, N] → [M, N]; leading axes are batches, which broadcast: [B, H, M, K]·[H, K, N] → [B, H, M, N].
        /// </summary>
        /// <exception cref="ShapeException">A rank is below 2, K differs, or the batches do not broadcast.</exception>
        public Tensor MatMul(Tensor other)
        {
            ArgumentNullException.ThrowIfNull(other);
            BatchedMatMul plan = new(x.Shape, other.Shape, "Tensor.MatMul");
            Tensor y = Tensor.Uninitialized(plan.Output);
            plan.Invoke(x.Span, other.Span, y.Span);
            return y;
        }

        /// <summary>Σ over everything.</summary>
        public float Sum() => ReductionKernel.Sum(x.Span);

        /// <summary>Σ over one axis.</summary>
        /// <param name="axis">Negative axes count from the last.</param>
        /// <param name="keep">True to keep the axis with size 1.</param>
        public Tensor Sum(int axis, bool keep = false)
        {
            Tensor y = Tensor.Uninitialized(Axis.Without(x.Shape, axis, keep));
            Axis.Of(x.Shape, axis).Sum(x.Span, y.Span);
            return y;
        }

        /// <summary>Mean over everything; NaN of nothing.</summary>
        public float Mean() => ReductionKernel.Sum(x.Span) / x.Count;

        /// <summary>Mean over one axis; NaN where the axis has size 0.</summary>
        /// <inheritdoc cref="Sum(Tensor, int, bool)" path="/param"/>
        public Tensor Mean(int axis, bool keep = false)
        {
            Tensor y = x.Sum(axis, keep);
            BroadcastKernel.Invoke(default(DivideFunction), y.Span, y.Shape, [x.Shape[axis]], new Shape(), y.Span, y.Shape);
            return y;
        }

        /// <summary>The greatest element; NaN if there is one.</summary>
        /// <exception cref="ArgumentException">There is none.</exception>
        public float Max() => x.Span[ReductionKernel.ArgMax(x.Span)];

        /// <summary>The greatest elements along one axis; NaN where there is one.</summary>
        /// <inheritdoc cref="Sum(Tensor, int, bool)" path="/param"/>
        /// <exception cref="ArgumentException">The axis has size 0.</exception>
        public Tensor Max(int axis, bool keep = false)
        {
            Tensor y = Tensor.Uninitialized(Axis.Without(x.Shape, axis, keep));
            Axis.Of(x.Shape, axis).Max(x.Span, y.Span, new int[y.Count]);
            return y;
        }

        /// <summary>The first places of the greatest elements along one axis, or of the first NaN, in the order of the remaining
        /// axes.</summary>
        /// <exception cref="ArgumentException">The axis has size 0.</exception>
        public int[] ArgMax(int axis = -1)
        {
            Axis a = Axis.Of(x.Shape, axis);
            int[] places = new int[a.Outer * a.Inner];
            a.Max(x.Span, new float[places.Length], places);
            return places;
        }

        /// <summary>The last two axes exchanged.</summary>
        /// <exception cref="ShapeException">The rank is below 2.</exception>
        public Tensor Transpose() => x.Permute(TransposedAxes(x.Shape));

        /// <summary>The axes in another order: axis i of the result is axis <c>axes[i]</c> of this one.</summary>
        /// <exception cref="ShapeException"><paramref name="axes"/> is no order of the axes.</exception>
        public Tensor Permute(params ReadOnlySpan<int> axes)
        {
            Tensor y = Tensor.Uninitialized(PermuteKernel.Shape(x.Shape, axes, "Tensor.Permute"));
            PermuteKernel.Invoke(x.Span, x.Shape, axes, y.Span);
            return y;
        }

        /// <summary><paramref name="count"/> places of one axis from <paramref name="start"/> on.</summary>
        /// <exception cref="ArgumentOutOfRangeException">They are not all there.</exception>
        public Tensor Slice(int axis, int start, int count)
        {
            Axis a = Axis.Of(x.Shape, axis);
            ArgumentOutOfRangeException.ThrowIfNegative(start);
            ArgumentOutOfRangeException.ThrowIfNegative(count);
            ArgumentOutOfRangeException.ThrowIfGreaterThan((long)start + count, a.Size, nameof(count));
            Tensor y = Tensor.Uninitialized(Axis.With(x.Shape, axis, count));
            if (y.Count > 0) StripKernel.Copy(x.Span, a.Size * a.Inner, start * a.Inner, y.Span, count * a.Inner, 0, count * a.Inner);
            return y;
        }

        /// <summary>Rows of the first axis by index: y[n] = x[rows[n]].</summary>
        /// <exception cref="ArgumentOutOfRangeException">A row is not there.</exception>
        public Tensor Gather(ReadOnlySpan<int> rows)
        {
            Tensor y = Tensor.Uninitialized(Axis.With(x.Shape, 0, rows.Length));
            EmbeddingKernel.Invoke(x.Span, rows, Axis.Of(x.Shape, 0).Inner, y.Span);
            return y;
        }

        /// <summary>The opposite of <see cref="Gather(Tensor, ReadOnlySpan{int})"/>: row n is added to row <c>rows[n]</c> of a tensor of
        /// zeros with <paramref name="count"/> rows.</summary>
        /// <exception cref="ArgumentOutOfRangeException">A row is outside 0 … count − 1.</exception>
        public Tensor Scatter(ReadOnlySpan<int> rows, int count)
        {
            Tensor y = Tensor.Zeros(Axis.With(x.Shape, 0, count));
            EmbeddingKernel.AddGradient(x.Span, rows, Axis.Of(x.Shape, 0).Inner, y.Span);
            return y;
        }

        /// <summary>eˣ / Σ eˣ over the last axis; a row of −∞ alone gives zeros.</summary>
        public Tensor Softmax() => Rowwise(x, SoftmaxKernel.Invoke);

        /// <summary>x − ln Σ eˣ over the last axis.</summary>
        public Tensor LogSoftmax() => Rowwise(x, SoftmaxKernel.LogInvoke);

        /// <summary>eˣ.</summary>
        public Tensor Exp() => Map(default(ExpFunction), x);

        /// <summary>ln x.</summary>
        public Tensor Log() => Map(default(LogFunction), x);

        /// <summary>√x.</summary>
        public Tensor Sqrt() => Map(default(SqrtFunction), x);

        /// <summary>xᵖ = e^(p·ln x) for x ≥ 0; exact for p = 1, 2, ½ and −1.</summary>
        public Tensor Power(float exponent) => exponent switch
        {
            1 => x.Clone(),
            2 => x * x,
            0.5f => x.Sqrt(),
            -1 => Tensor.Scalar(1) / x,
            _ => (x.Log() * exponent).Exp(),
        };

        /// <summary>An activation function, element by element.</summary>
        public Tensor Activate(Activation activation)
        {
            Tensor y = Tensor.Uninitialized(x.Shape);
            ActivationKernel.Invoke(activation, x.Span, y.Span);
            return y;
        }
    }

    internal static int[] TransposedAxes(Shape shape)
    {
        if (shape.Rank < 2) throw new ShapeException("Transpose", "this", shape, "[..., M, N]");
        int[] axes = new int[shape.Rank];
        for (int i = 0; i < axes.Length; i++) axes[i] = i;
        (axes[^1], axes[^2]) = (axes[^2], axes[^1]);
        return axes;
    }

    internal static Shape ConcatenatedShape(int axis, ReadOnlySpan<Tensor> parts)
    {
        if (parts.IsEmpty) throw new ShapeException("Tensor.Concatenate: there are no parts; at least one is needed.");
        Shape first = parts[0].Shape;
        long size = 0;
        foreach (Tensor part in parts)
        {
            if (part.Shape.Rank != first.Rank || Axis.With(part.Shape, axis, 1) != Axis.With(first, axis, 1))
                throw new ShapeException("Tensor.Concatenate", nameof(parts), part.Shape, Axis.With(first, axis, part.Shape.Rank == first.Rank ? part.Shape[axis] : 1).ToString(), $"the first part is {first}");
            size += part.Shape[axis];
        }

        return size <= int.MaxValue ? Axis.With(first, axis, (int)size) : throw new ShapeException($"Tensor.Concatenate: axis {axis} would have {size} places.");
    }

    internal static Tensor Map<F>(F f, Tensor x) where F : struct, IMap
    {
        Tensor y = Tensor.Uninitialized(x.Shape);
        MapKernel.Invoke(f, x.Span, y.Span);
        return y;
    }

    internal static Tensor Binary<F>(F f, Tensor a, Tensor b, string site) where F : struct, IMap2
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        Tensor y = Tensor.Uninitialized(BroadcastKernel.Shape(a.Shape, b.Shape, site));
        BroadcastKernel.Invoke(f, a.Span, a.Shape, b.Span, b.Shape, y.Span, y.Shape);
        return y;
    }

    internal static Tensor Affine(Tensor x, float factor, float offset) => Map(new AffineFunction(factor, offset), x);

    /// <summary>Σ over the axes along which <paramref name="shape"/> was repeated: the gradient of broadcasting. Always a tensor of its
    /// own.</summary>
    internal static Tensor SumTo(Tensor dy, Shape shape)
    {
        if (dy.Shape == shape) return dy.Clone();
        Tensor sum = dy;
        while (sum.Shape.Rank > shape.Rank) sum = sum.Sum(0);
        for (int axis = 0; axis < shape.Rank; axis++)
            if (shape[axis] == 1 && sum.Shape[axis] != 1) sum = sum.Sum(axis, keep: true);
        return ReferenceEquals(sum, dy) ? dy.Clone() : sum;
    }

    private delegate void RowKernel(ReadOnlySpan<float> x, int width, Span<float> y);

    private static Tensor Rowwise(Tensor x, RowKernel kernel)
    {
        Tensor y = Tensor.Uninitialized(x.Shape);
        kernel(x.Span, x.Shape.Last, y.Span);
        return y;
    }
}
