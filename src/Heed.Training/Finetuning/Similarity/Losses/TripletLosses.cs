using Heed.Engine.Autograd;

namespace Heed.Training.Finetuning;

/// <summary>Losses over triplets, given or found within a batch of labelled rows.</summary>
internal static class TripletLosses
{
    /// <summary>Mean max(d(a, p) − d(a, n) + m, 0).</summary>
    public static Variable Triplet(Variable anchor, Variable positive, Variable negative, VectorDistance distance, float margin)
        => (Vectors.Distance(anchor, positive, distance) - Vectors.Distance(anchor, negative, distance) + margin).Relu().Mean();

    /// <summary>
    /// Per row the greatest distance within its class (0 for a class of one) and the least to another class: mean of
    /// max(difference + m, 0), or of ln(1 + e^difference).
    /// </summary>
    /// <param name="x">[N, D].</param>
    /// <param name="classes">[N].</param>
    /// <param name="distance">Which.</param>
    /// <param name="margin">m; null for the soft form.</param>
    public static Variable BatchHard(Variable x, IReadOnlyList<int> classes, VectorDistance distance, float? margin)
    {
        Variable d = Vectors.Distances(x, distance);
        List<int> rows = [], positives = [], negatives = [];
        for (int i = 0; i < classes.Count; i++)
        {
            int far = i, near = -1;     // the distance of a row to itself stands for a class of one
            for (int j = 0; j < classes.Count; j++)
            {
                if (j == i) continue;
                if (classes[j] != classes[i]) near = near < 0 || d.Value[i, j] < d.Value[i, near] ? j : near;
                else if (far == i || d.Value[i, j] > d.Value[i, far]) far = j;
            }

            if (near < 0) continue;     // all of one class: nothing to keep away from
            rows.Add(i);
            positives.Add(far);
            negatives.Add(near);
        }

        if (rows.Count == 0) return x.Sum() * 0;
        // Rounding leaves a row's cosine with itself a little off 1; its distance is 0 and has no gradient.
        float[] others = [.. rows.Select((row, k) => positives[k] == row ? 0f : 1f)];
        Variable difference = (d.Pick(rows, positives) * PairLosses.Column(others)) - d.Pick(rows, negatives);
        Variable loss = margin is { } m ? (difference + m).Relu() : difference.Softplus();
        return loss.Sum() / classes.Count;
    }

    /// <summary>
    /// Every ordered pair (a, p) of a class with the nearest negative that is farther than p, else the farthest: mean over the pairs.
    /// </summary>
    public static Variable BatchSemiHard(Variable x, IReadOnlyList<int> classes, VectorDistance distance, float margin)
    {
        Variable d = Vectors.Distances(x, distance);
        List<int> rows = [], positives = [], negatives = [];
        foreach ((int a, int p) in Pairs(classes))
        {
            int beyond = -1, farthest = -1;
            for (int n = 0; n < classes.Count; n++)
            {
                if (classes[n] == classes[a]) continue;
                if (farthest < 0 || d.Value[a, n] > d.Value[a, farthest]) farthest = n;
                if (d.Value[a, n] > d.Value[a, p] && (beyond < 0 || d.Value[a, n] < d.Value[a, beyond])) beyond = n;
            }

            if (farthest < 0) continue;
            rows.Add(a);
            positives.Add(p);
            negatives.Add(beyond < 0 ? farthest : beyond);
        }

        return rows.Count == 0 ? x.Sum() * 0 : (d.Pick(rows, positives) - d.Pick(rows, negatives) + margin).Relu().Mean();
    }

    /// <summary>All triplets of the batch: their sum by the number of those above 0.</summary>
    public static Variable BatchAll(Variable x, IReadOnlyList<int> classes, VectorDistance distance, float margin)
    {
        Variable d = Vectors.Distances(x, distance);
        List<int> rows = [], positives = [], negatives = [];
        foreach ((int a, int p) in Pairs(classes))
        {
            for (int n = 0; n < classes.Count; n++)
            {
                // What is 0 adds nothing to the sum and is not counted.
                if (classes[n] == classes[a] || !(d.Value[a, p] - d.Value[a, n] + margin > 0)) continue;
                rows.Add(a);
                positives.Add(p);
                negatives.Add(n);
            }
        }

        return rows.Count == 0 ? x.Sum() * 0 : (d.Pick(rows, positives) - d.Pick(rows, negatives) + margin).Relu().Mean();
    }

    private static IEnumerable<(int Anchor, int Positive)> Pairs(IReadOnlyList<int> classes)
    {
        for (int a = 0; a < classes.Count; a++)
            for (int p = 0; p < classes.Count; p++)
                if (a != p && classes[a] == classes[p]) yield return (a, p);
    }
}
