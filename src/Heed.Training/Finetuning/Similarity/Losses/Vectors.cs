using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Training.Finetuning;

/// <summary>How two vectors are compared by a loss.</summary>
internal enum VectorDistance
{
    /// <summary>1 − cosine.</summary>
    Cosine,

    /// <summary>Length of the difference.</summary>
    Euclidean,

    /// <summary>Sum of the absolute differences.</summary>
    Manhattan,
}

/// <summary>What losses over rows of vectors are made of. Letters: N rows, M other rows, D numbers a row.</summary>
internal static class Vectors
{
    /// <summary>Far below every logit: its exponential is 0, and it has no NaN in its gradient.</summary>
    public const float Excluded = -1e9f;

    /// <summary>Cosine or dot product of row i with row i.  [N, D], [N, D] → [N].</summary>
    public static Variable Similarity(Variable a, Variable b, bool cosine)
        => cosine ? (a.Normalize() * b.Normalize()).Sum(-1) : (a * b).Sum(-1);

    /// <summary>Cosine or dot product of every row with every other.  [N, D], [M, D] → [N, M].</summary>
    public static Variable Similarities(Variable a, Variable b, bool cosine)
        => cosine ? a.Normalize().MatMul(b.Normalize().Transpose()) : a.MatMul(b.Transpose());

    /// <summary>Distance of row i from row i.  [N, D], [N, D] → [N].</summary>
    /// <param name="a">First rows.</param>
    /// <param name="b">Second rows.</param>
    /// <param name="distance">Which.</param>
    /// <param name="shift">Added to each difference; the reference's pairwise distances add 1e-6.</param>
    public static Variable Distance(Variable a, Variable b, VectorDistance distance, float shift = 0)
    {
        if (distance == VectorDistance.Cosine) return (-Similarity(a, b, cosine: true)) + 1;
        Variable difference = shift == 0 ? a - b : (a - b) + shift;
        return distance == VectorDistance.Manhattan ? difference.Absolute().Sum(-1) : (difference * difference).Sum(-1).SafeSqrt();
    }

    /// <summary>Distance of every row from every row.  [N, D] → [N, N]; Euclidean is 0 on the diagonal, without a gradient.</summary>
    public static Variable Distances(Variable x, VectorDistance distance)
    {
        if (distance == VectorDistance.Cosine) return (-Similarities(x, x, cosine: true)) + 1;
        Variable products = x.MatMul(x.Transpose()), squares = (x * x).Sum(-1, keep: true);                   // [N, N], [N, 1]
        int n = x.Shape[0];
        Tensor others = Tensor.Full(products.Shape, 1);
        for (int i = 0; i < n; i++) others[i, i] = 0;
        return ((squares - (products * 2) + squares.Transpose()) * others).SafeSqrt();
    }

    extension(Variable x)
    {
        /// <summary>max(x, 0).</summary>
        public Variable Relu() => x.Activate(Activation.Relu);

        /// <summary>|x|, with gradient 0 at 0.</summary>
        public Variable Absolute() => x.Relu() + (-x).Relu();

        /// <summary>√max(x, 0), with gradient 0 where it is 0.</summary>
        public Variable SafeSqrt()
        {
            Tensor zeros = Tensor.Zeros(x.Shape), others = Tensor.Full(x.Shape, 1);
            ReadOnlySpan<float> values = x.Value.Span;
            for (int i = 0; i < values.Length; i++)
                if (values[i] <= 0) (zeros.Span[i], others.Span[i]) = (1, 0);
            return ((x * others) + zeros).Sqrt() * others;
        }

        /// <summary>ln Σ eˣ over the last axis.</summary>
        public Variable LogSumExp()
        {
            Variable greatest = new Variable(x.Value).Max(-1, keep: true);
            return (x - greatest).Exp().Sum(-1).Log() + greatest.Reshape(x.Shape.Rank == 1 ? [] : Leading(x.Shape));
        }

        /// <summary>ln(1 + eˣ) of each element.  [N] → [N].</summary>
        public Variable Softplus()
        {
            Variable column = x.Reshape(-1, 1);
            return Variable.Concatenate(1, column, Tensor.Zeros(column.Shape)).LogSumExp();
        }

        /// <summary>1 / (1 + e⁻ˣ).</summary>
        public Variable Sigmoid() => x.Activate(Activation.Sigmoid);

        /// <summary>Elements of a matrix by row and column.  [N, M] → [P].</summary>
        public Variable Pick(IReadOnlyList<int> rows, IReadOnlyList<int> columns)
        {
            int width = x.Shape.Last;
            int[] places = new int[rows.Count];
            for (int i = 0; i < places.Length; i++) places[i] = (rows[i] * width) + columns[i];
            return x.Reshape(-1, 1).Gather(places).Reshape(-1);
        }

        /// <summary>The elements with equal indices.  [N, M] → [N].</summary>
        public Variable Diagonal()
        {
            int[] indices = [.. Enumerable.Range(0, x.Shape[0])];
            return x.Pick(indices, indices);
        }
    }

    /// <summary>All sizes but the last.</summary>
    private static int[] Leading(Shape shape)
    {
        int[] sizes = new int[shape.Rank - 1];
        for (int i = 0; i < sizes.Length; i++) sizes[i] = shape[i];
        return sizes;
    }
}
