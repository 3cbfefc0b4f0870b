using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Training.Finetuning;

/// <summary>Losses over what a teacher says: scores, vectors, or which negatives are none.</summary>
internal static class TeacherLosses
{
    /// <summary>Mean squared error of s(q, p) − s(q, n) over rows and negatives.</summary>
    /// <param name="columns">Queries, positives, negatives, each [N, D].</param>
    /// <param name="labels">[N·K] margins, or [N·(K + 1)] scores of the positive and the negatives.</param>
    /// <param name="cosine">True for cosines, false for dot products.</param>
    public static Variable MarginMse(IReadOnlyList<Variable> columns, IReadOnlyList<float> labels, bool cosine)
        => MarginMse(Scores(columns, cosine), labels);

    /// <inheritdoc cref="MarginMse(IReadOnlyList{Variable}, IReadOnlyList{float}, bool)"/>
    /// <param name="scores">[N, K + 1]: of the positive and the negatives.</param>
    /// <param name="labels">Margins or scores.</param>
    public static Variable MarginMse(Variable scores, IReadOnlyList<float> labels)
    {
        int n = scores.Shape[0], k = scores.Shape[1] - 1, width = labels.Count / n;
        Tensor margins = Tensor.Uninitialized(n, k);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < k; j++)
                margins[i, j] = width == k ? labels[(i * k) + j] : labels[i * width] - labels[(i * width) + 1 + j];
        return Loss.MeanSquaredError(scores.Columns(0, 1) - scores.Columns(1, k), margins);
    }

    /// <summary>T_s²·KL(softmax(label ÷ T_t) ‖ softmax(score ÷ T_s)), mean over the batch.</summary>
    /// <param name="columns">Queries, positives, negatives.</param>
    /// <param name="labels">[N·(K + 1)]: the teacher's scores.</param>
    /// <param name="student">T_s.</param>
    /// <param name="teacher">T_t.</param>
    public static Variable DistillKl(IReadOnlyList<Variable> columns, IReadOnlyList<float> labels, float student, float teacher)
    {
        Variable scores = Scores(columns, cosine: false);
        return Loss.Distillation(scores, Tensor.Create([.. labels.Select(l => l * (student / teacher))], scores.Shape), student);
    }

    /// <summary>Mean squared difference of all columns from the teacher's vectors.</summary>
    public static Variable Mse(IReadOnlyList<Variable> columns, Tensor teacher)
    {
        Variable sum = Loss.MeanSquaredError(columns[0], teacher);
        foreach (Variable column in columns.Skip(1)) sum += Loss.MeanSquaredError(column, teacher);
        return sum / columns.Count;
    }

    /// <summary>Mean 1 − cos of all columns with the teacher's vectors.</summary>
    public static Variable Cosine(IReadOnlyList<Variable> columns, Tensor teacher)
    {
        Variable sum = Vectors.Distance(columns[0], teacher, VectorDistance.Cosine).Mean();
        foreach (Variable column in columns.Skip(1)) sum += Vectors.Distance(column, teacher, VectorDistance.Cosine).Mean();
        return sum / columns.Count;
    }

    /// <summary>[N, K + 1]: similarity of the first column with each of the others, row by row.</summary>
    private static Variable Scores(IReadOnlyList<Variable> columns, bool cosine)
        => Variable.Concatenate(1, [.. columns.Skip(1).Select(c => Vectors.Similarity(columns[0], c, cosine).Reshape(-1, 1))]);
}

/// <summary>In-batch negatives without those that a guide holds to be nearer than the positive (GISTEmbed).</summary>
internal sealed record GuidedNegatives
{
    /// <summary>T.</summary>
    public float Temperature { get; init; } = 0.01f;

    /// <summary>A negative is struck out whose guide cosine is above the positive's less this.</summary>
    public float Margin { get; init; }

    /// <summary>True to take the margin as a part of the positive's cosine.</summary>
    public bool IsRelative { get; init; }

    /// <summary>True for anchors among the candidates.</summary>
    public bool Anchors { get; init; } = true;

    /// <summary>True for positives against positives.</summary>
    public bool Positives { get; init; } = true;

    /// <summary>The mean loss.</summary>
    /// <param name="columns">Anchors, positives, negatives, each [N, D].</param>
    /// <param name="guides">The guide's vectors of the same texts, [N, D'].</param>
    public Variable Of(IReadOnlyList<Variable> columns, IReadOnlyList<Variable> guides)
    {
        int n = columns[0].Shape[0];
        float[] own = Vectors.Similarity(guides[0], guides[1], cosine: true).Value.ToArray();
        List<(int Row, int Column)> blocks = [(0, 1)];
        if (Anchors) blocks.Add((0, 0));
        if (Positives) blocks.Add((1, 1));
        for (int c = 2; c < columns.Count; c++) blocks.Add((0, c));
        Variable[] parts = new Variable[blocks.Count];
        for (int b = 0; b < parts.Length; b++)
        {
            (int row, int column) = blocks[b];
            Variable scores = Vectors.Similarities(columns[row], columns[column], cosine: true) / Temperature;
            Tensor guide = Vectors.Similarities(guides[row], guides[column], cosine: true).Value, struck = Tensor.Zeros(scores.Shape);
            for (int i = 0; i < n; i++)
            {
                float border = own[i] - (IsRelative ? Math.Abs(own[i]) * Margin : Margin);
                for (int j = 0; j < n; j++)
                    if (guide[i, j] > border && !(b == 0 && i == j)) struck[i, j] = Vectors.Excluded;
            }

            parts[b] = scores + struck;
        }

        return Loss.CrossEntropy(Variable.Concatenate(1, parts), [.. Enumerable.Range(0, n)]);
    }
}

/// <summary>A loss over vectors cut to several lengths, so that short ones serve too (Matryoshka).</summary>
/// <param name="Dimensions">Lengths.</param>
/// <param name="Weights">As many.</param>
internal sealed record Matryoshka(IReadOnlyList<int> Dimensions, IReadOnlyList<float> Weights)
{
    /// <summary>Σ w·loss of the first d numbers, each cut normalized, the full width too.</summary>
    /// <param name="columns">Each [N, D].</param>
    /// <param name="loss">Of the cut columns.</param>
    public Variable Of(IReadOnlyList<Variable> columns, Func<IReadOnlyList<Variable>, Variable> loss)
    {
        Variable? sum = null;
        for (int k = 0; k < Dimensions.Count; k++)
        {
            int d = Dimensions[k];
            Variable part = loss([.. columns.Select(c => (d == c.Shape[1] ? c : c.Columns(0, d)).Normalize())]) * Weights[k];
            sum = sum is { } before ? before + part : part;
        }

        return sum ?? throw new InvalidOperationException("Matryoshka has no dimension.");
    }
}
