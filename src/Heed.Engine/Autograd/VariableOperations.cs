using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>The differentiable operations by name. Letters: <c>docs/dimensions.md</c>. Where nothing records they only compute.</summary>
public static class VariableOperations
{
    extension(Variable x)
    {
        /// <summary>Variables one after another along an axis; all other sizes are equal.</summary>
        /// <param name="axis">The axis that grows; negative axes count from the last.</param>
        /// <param name="parts">One or more.</param>
        /// <exception cref="ShapeException">Another size differs, or there are no parts.</exception>
        public static Variable Concatenate(int axis, params ReadOnlySpan<Variable> parts) => ConcatenateOp.Apply(axis, parts);

        /// <summary>The same elements under another shape, without a copy; one size may be −1.</summary>
        /// <exception cref="ShapeException">The number of elements differs.</exception>
        public Variable Reshape(params ReadOnlySpan<int> sizes) => ReshapeOp.Apply(x, sizes);

        /// <summary>The axes in another order: axis i of the result is axis <c>axes[i]</c> of this one.</summary>
        /// <exception cref="ShapeException"><paramref name="axes"/> is no order of the axes.</exception>
        public Variable Permute(params ReadOnlySpan<int> axes) => PermuteOp.Apply(x, axes);

        /// <summary>The last two axes exchanged.</summary>
        /// <exception cref="ShapeException">The rank is below 2.</exception>
        public Variable Transpose() => PermuteOp.Apply(x, TensorOperations.TransposedAxes(x.Shape));

        /// <summary><paramref name="count"/> places of one axis from <paramref name="start"/> on; of the first axis without a
        /// copy.</summary>
        /// <exception cref="ArgumentOutOfRangeException">They are not all there.</exception>
        public Variable Slice(int axis, int start, int count) => SliceOp.Apply(x, axis, start, count);

        /// <summary><paramref name="count"/> columns of the last axis from <paramref name="start"/> on.</summary>
        /// <exception cref="ArgumentOutOfRangeException">They are not all there.</exception>
        public Variable Columns(int start, int count) => SliceOp.Apply(x, -1, start, count);

        /// <summary>Rows of the first axis by index: y[n] = x[rows[n]].</summary>
        /// <param name="rows">[N]; the array must not change before the backward pass.</param>
        /// <param name="without">A row that gets no gradient (a padding token's), or −1.</param>
        /// <exception cref="ArgumentOutOfRangeException">A row is not there.</exception>
        public Variable Gather(int[] rows, int without = -1) => GatherRowsOp.Apply(x, rows, without);

        /// <summary>The opposite of gathering: row n is added to row <c>rows[n]</c> of zeros with <paramref name="count"/> rows.</summary>
        /// <exception cref="ArgumentOutOfRangeException">A row is outside 0 … count − 1.</exception>
        public Variable Scatter(int[] rows, int count) => ScatterRowsOp.Apply(x, rows, count);

        /// <summary>Σ over everything: a scalar.</summary>
        public Variable Sum() => SumOp.Apply(x);

        /// <summary>Σ over one axis.</summary>
        /// <param name="axis">Negative axes count from the last.</param>
        /// <param name="keep">True to keep the axis with size 1.</param>
        public Variable Sum(int axis, bool keep = false) => SumOp.Apply(x, axis, keep);

        /// <summary>Mean over everything: a scalar.</summary>
        public Variable Mean() => SumOp.Apply(x) / x.Shape.Count;

        /// <summary>Mean over one axis.</summary>
        /// <inheritdoc cref="Sum(Variable, int, bool)" path="/param"/>
        public Variable Mean(int axis, bool keep = false) => SumOp.Apply(x, axis, keep) / x.Shape[axis];

        /// <summary>The greatest elements along one axis; of equal ones the first gets the gradient.</summary>
        /// <inheritdoc cref="Sum(Variable, int, bool)" path="/param"/>
        /// <exception cref="ArgumentException">The axis has size 0.</exception>
        public Variable Max(int axis, bool keep = false) => MaxOp.Apply(x, axis, keep);

        /// <summary>eˣ.</summary>
        public Variable Exp() => ExpOp.Apply(x);

        /// <summary>ln x.</summary>
        public Variable Log() => LogOp.Apply(x);

        /// <summary>√x.</summary>
        public Variable Sqrt() => PowerOp.Apply(x, 0.5f);

        /// <summary>xᵖ for x ≥ 0 (any x for p = 1, 2, −1).</summary>
        public Variable Power(float exponent) => PowerOp.Apply(x, exponent);

        /// <summary>eˣ / Σ eˣ over the last axis; a row of −∞ alone gives zeros and no gradient.</summary>
        public Variable Softmax() => SoftmaxOp.Apply(x);

        /// <summary>x − ln Σ eˣ over the last axis.</summary>
        public Variable LogSoftmax() => LogSoftmaxOp.Apply(x);

        /// <summary>An activation function, element by element.</summary>
        public Variable Activate(Activation activation) => ActivationOp.Apply(x, activation);

        /// <summary>f(x)·up: SwiGLU with SiLU, GeGLU with GELU.</summary>
        /// <param name="up">Of the shape of x.</param>
        /// <param name="activation">f.</param>
        /// <exception cref="ShapeException">The shapes differ.</exception>
        public Variable Gate(Variable up, Activation activation) => GatedActivationOp.Apply(x, up, activation);

        /// <summary>(x − mean)/√(variance + ε)·gain + bias over the last axis.</summary>
        /// <param name="gain">[D], or null for 1.</param>
        /// <param name="bias">[D], or null for 0.</param>
        /// <param name="epsilon">ε, above 0.</param>
        /// <exception cref="ShapeException">Gain or bias is not [D].</exception>
        public Variable LayerNorm(Variable? gain, Variable? bias, float epsilon) => LayerNormOp.Apply(x, gain, bias, epsilon);

        /// <summary>x/√(mean(x²) + ε)·gain over the last axis.</summary>
        /// <param name="gain">[D], or null for 1.</param>
        /// <param name="epsilon">ε, above 0.</param>
        /// <exception cref="ShapeException">Gain is not [D].</exception>
        public Variable RmsNorm(Variable? gain, float epsilon) => RmsNormOp.Apply(x, gain, epsilon);

        /// <summary>Matrix product: [..., M, K]·[..., K, N] → [..., M, N]; batches broadcast.</summary>
        /// <exception cref="ShapeException">A rank is below 2, K differs, or the batches do not broadcast.</exception>
        public Variable MatMul(Variable other) => MatMulOp.Apply(x, other);

        /// <summary>One row for each sequence of a packed batch.  [N, D] → [B, D]; a sequence without rows gives zeros.</summary>
        /// <param name="starts">[B + 1]: first row of each sequence, and N at the end.</param>
        /// <param name="pooling">How its rows become one.</param>
        /// <param name="skip">Leading rows of each sequence that are left out, ≥ 0; weights keep counting from the sequence's first
        /// row.</param>
        /// <exception cref="ArgumentException">The starts do not run from 0 to N.</exception>
        public Variable Pool(ReadOnlySpan<int> starts, Pooling pooling, int skip = 0) => PoolingOp.Apply(x, starts, pooling, skip);

        /// <summary>Each row divided by its Euclidean norm (at least 1e-12, as torch's <c>normalize</c>).</summary>
        public Variable Normalize() => NormalizeOp.Apply(x);
    }
}
