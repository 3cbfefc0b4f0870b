using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Training.Finetuning;

/// <summary>Losses over pairs of vectors with a score or a label.</summary>
internal static class PairLosses
{
    /// <summary>
    /// CoSENT: ln(1 + Σ e^{s(cos_j − cos_i)}) over all pairs of rows whose labels are ordered: one sum a batch, no mean.
    /// </summary>
    /// <param name="similarities">[N].</param>
    /// <param name="labels">[N].</param>
    /// <param name="scale">s.</param>
    public static Variable Cosent(Variable similarities, IReadOnlyList<float> labels, float scale)
    {
        List<int> nearer = [], farther = [];
        for (int i = 0; i < labels.Count; i++)
        {
            for (int j = 0; j < labels.Count; j++)
            {
                if (!(labels[i] > labels[j])) continue;
                nearer.Add(i);
                farther.Add(j);
            }
        }

        Variable column = (similarities * scale).Reshape(-1, 1);
        if (nearer.Count == 0) return column.Sum() * 0;
        Variable differences = column.Gather([.. farther]) - column.Gather([.. nearer]);                     // [P, 1]
        return Variable.Concatenate(0, Tensor.Zeros(1, 1), differences).Reshape(1, -1).LogSumExp().Sum();
    }

    /// <summary>The angle of two vectors read as complex numbers, halves being the parts (AnglE).  [N, D], [N, D] → [N].</summary>
    public static Variable Angle(Variable a, Variable b)
    {
        if (a.Shape[1] % 2 == 1)
        {
            Tensor zero = Tensor.Zeros(a.Shape[0], 1);
            (a, b) = (Variable.Concatenate(1, a, zero), Variable.Concatenate(1, b, zero));
        }

        int half = a.Shape[1] / 2;
        Variable x = a.Normalize(), y = b.Normalize();
        Variable crossed = (x.Columns(half, half) * y.Columns(0, half)) - (x.Columns(0, half) * y.Columns(half, half));
        return ((x * y).Sum(-1) + crossed.Sum(-1)).Absolute();
    }

    /// <summary>Mean squared error of the cosine.</summary>
    public static Variable CosineSimilarity(Variable a, Variable b, IReadOnlyList<float> labels)
        => Loss.MeanSquaredError(Vectors.Similarity(a, b, cosine: true), Column(labels));

    /// <summary>½[y·d² + (1 − y)·max(m − d, 0)²] of each row.  [N].</summary>
    /// <param name="a">First vectors.</param>
    /// <param name="b">Second vectors.</param>
    /// <param name="labels">[N]: 1 or 0.</param>
    /// <param name="distance">Which.</param>
    /// <param name="margin">m.</param>
    public static Variable Contrastive(Variable a, Variable b, IReadOnlyList<float> labels, VectorDistance distance, float margin)
    {
        Variable d = Vectors.Distance(a, b, distance, 1e-6f), y = Column(labels), missing = (-d + margin).Relu();
        return ((y * d * d) + (((-y) + 1) * missing * missing)) * 0.5f;
    }

    /// <summary>
    /// Σ d² over positives farther than the nearest negative + Σ max(m − d, 0)² over negatives nearer than the farthest positive; where one
    /// kind is missing, the mean of the other is its border.
    /// </summary>
    public static Variable OnlineContrastive(Variable a, Variable b, IReadOnlyList<float> labels, float margin)
    {
        Variable d = Vectors.Distance(a, b, VectorDistance.Cosine);
        float[] values = d.Value.ToArray();
        int[] positives = [.. Enumerable.Range(0, labels.Count).Where(i => labels[i] == 1)];
        int[] negatives = [.. Enumerable.Range(0, labels.Count).Where(i => labels[i] == 0)];
        double nearest = negatives.Length > 0 ? negatives.Min(i => values[i]) : positives.Average(i => values[i]);
        double farthest = positives.Length > 0 ? positives.Max(i => values[i]) : negatives.Average(i => values[i]);
        Variable column = d.Reshape(-1, 1), sum = column.Sum() * 0;
        int[] far = [.. positives.Where(i => values[i] > nearest)], near = [.. negatives.Where(i => values[i] < farthest)];
        if (far.Length > 0) sum += column.Gather(far).Power(2).Sum();
        if (near.Length > 0) sum += (-column.Gather(near) + margin).Relu().Power(2).Sum();
        return sum;
    }

    /// <summary>What a classifier of pairs reads: [u; v; |u − v|; u∘v], as far as asked for.</summary>
    public static Variable Features(Variable a, Variable b, bool vectors, bool difference, bool product)
    {
        List<Variable> parts = [];
        if (vectors) parts.AddRange([a, b]);
        if (difference) parts.Add((a - b).Absolute());
        if (product) parts.Add(a * b);
        return Variable.Concatenate(1, [.. parts]);
    }

    /// <summary>W·features + b.</summary>
    public static Variable Scores(Variable features, Variable weight, Variable bias) => features.MatMul(weight.Transpose()) + bias;

    /// <summary>Mean cross-entropy of <see cref="Scores"/>.</summary>
    public static Variable Softmax(Variable features, Variable weight, Variable bias, IReadOnlyList<int> labels)
        => Loss.CrossEntropy(Scores(features, weight, bias), [.. labels]);

    /// <summary>Σ binary cross-entropy of the dot products (contrastive tension).</summary>
    public static Variable ContrastiveTension(Variable a, Variable b, IReadOnlyList<float> labels)
        => Loss.BinaryCrossEntropy(Vectors.Similarity(a, b, cosine: false), Column(labels)) * labels.Count;

    /// <summary>½(cross-entropy of rows + of columns) of e^{logit scale}·cos: row i belongs to column i.</summary>
    public static Variable InBatchTension(Variable a, Variable b, Variable logitScale)
    {
        Variable scores = Vectors.Similarities(a, b, cosine: true) * logitScale.Exp();
        int[] own = [.. Enumerable.Range(0, scores.Shape[0])];
        return (Loss.CrossEntropy(scores, own) + Loss.CrossEntropy(scores.Transpose(), own)) * 0.5f;
    }

    /// <summary>Mean over rows of max(positive margin − cos(aᵢ, pᵢ), 0) + max(greatest cos(aᵢ, pⱼ) − negative margin, 0).</summary>
    public static Variable MegaBatchMargin(Variable a, Variable p, float positiveMargin, float negativeMargin)
    {
        Variable scores = Vectors.Similarities(a, p, cosine: true);
        Tensor own = Tensor.Zeros(scores.Shape);
        for (int i = 0; i < scores.Shape[0]; i++) own[i, i] = Vectors.Excluded;
        return ((-scores.Diagonal() + positiveMargin).Relu() + ((scores + own).Max(-1) - negativeMargin).Relu()).Mean();
    }

    /// <summary>Numbers as a tensor [N].</summary>
    public static Tensor Column(IReadOnlyList<float> values) => Tensor.Create([.. values], values.Count);
}
