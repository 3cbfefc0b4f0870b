using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Training.Finetuning;

/// <summary>How much an exchange of two documents weighs in <see cref="ListLosses.Lambda"/>.</summary>
internal enum ListWeighting
{
    /// <summary>All pairs alike (RankNet).</summary>
    None,

    /// <summary>Gain by discount of the first document, over every ordered pair.</summary>
    Ndcg1,

    /// <summary>By the distance of the positions.</summary>
    Ndcg2,

    /// <summary>By the positions (LambdaRank).</summary>
    LambdaRank,

    /// <summary>10 · <see cref="Ndcg2"/> + <see cref="LambdaRank"/>.</summary>
    Ndcg2Plus,
}

/// <summary>Losses over the scores of documents for queries: single scores, and lists of any length.</summary>
internal static class ListLosses
{
    /// <summary>Mean binary cross-entropy; the term of y = 1 is multiplied.</summary>
    /// <param name="logits">[N].</param>
    /// <param name="labels">[N]: 0 to 1.</param>
    /// <param name="positiveWeight">Its factor.</param>
    public static Variable BinaryCrossEntropy(Variable logits, IReadOnlyList<float> labels, float positiveWeight)
    {
        if (positiveWeight == 1) return Loss.BinaryCrossEntropy(logits, PairLosses.Column(labels));
        Tensor missing = PairLosses.Column([.. labels.Select(y => 1 - y)]),
            factors = PairLosses.Column([.. labels.Select(y => 1 + ((positiveWeight - 1) * y))]);
        return ((logits * missing) + ((-logits).Softplus() * factors)).Mean();
    }

    /// <summary>
    /// LambdaLoss (Wang et al. 2018): documents by falling score; −Σ w·log σ(sigma·(s_m − s_q)) by the number of pairs of the whole batch
    /// that count.
    /// </summary>
    /// <param name="lists">Scores of the documents of each query, [n].</param>
    /// <param name="labels">As many grades.</param>
    /// <param name="weighting">w.</param>
    /// <param name="k">Pairs count of which one position is at most k; null: all.</param>
    /// <param name="sigma">Factor of differences.</param>
    /// <param name="isBinary">True for the logarithm to base 2.</param>
    public static Variable Lambda(
        IReadOnlyList<Variable> lists, IReadOnlyList<float[]> labels, ListWeighting weighting, int? k, float sigma, bool isBinary)
    {
        Variable? sum = null;
        long pairs = 0;
        for (int l = 0; l < lists.Count; l++)
        {
            float[] scores = lists[l].Value.ToArray(), grades = labels[l];
            int[] order = [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i])];
            double ideal = grades.OrderDescending().Take(k ?? grades.Length).Select((g, r) => (Math.Pow(2, g) - 1) / Discount(r + 1)).Sum();
            List<int> first = [], second = [];
            List<float> weights = [];
            for (int m = 1; m <= order.Length; m++)
            {
                for (int q = 1; q <= order.Length; q++)
                {
                    int a = order[m - 1], b = order[q - 1];
                    if (weighting != ListWeighting.Ndcg1 && !(grades[a] > grades[b])) continue;
                    if (k is { } most && Math.Min(m, q) > most) continue;
                    pairs++;
                    first.Add(a);
                    second.Add(b);
                    weights.Add((float)Weight(weighting, m, q, Gain(grades[a], ideal), Gain(grades[b], ideal)));
                }
            }

            if (first.Count == 0) continue;
            Variable column = lists[l].Reshape(-1, 1), difference = column.Gather([.. first]) - column.Gather([.. second]);
            Variable part = ((difference * -sigma).Reshape(-1).Softplus() * PairLosses.Column(weights)).Sum();
            sum = sum is { } before ? before + part : part;
        }

        return sum is not { } whole ? lists[0].Sum() * 0 : whole / (pairs * (isBinary ? MathF.Log(2) : 1));
    }

    /// <summary>Cross-entropy between softmax(labels) and softmax(scores), mean over the lists.</summary>
    public static Variable ListNet(IReadOnlyList<Variable> lists, IReadOnlyList<float[]> labels)
        => Mean([.. lists.Select((scores, l) =>
        {
            double greatest = labels[l].Max();
            double[] weights = Array.ConvertAll(labels[l], y => Math.Exp(y - greatest));
            double whole = weights.Sum();
            return -(scores.LogSoftmax() * PairLosses.Column([.. weights.Select(w => (float)(w / whole))])).Sum();
        })]);

    /// <summary>−Σ_r w_r·[s_r − ln Σ_{q≥r} e^{s_q}] over the documents in their true order, mean over the lists.</summary>
    /// <param name="lists">Scores of the documents of each query, [n].</param>
    /// <param name="labels">Grades; null: the order as it stands is the truth.</param>
    /// <param name="isWeighted">True for weights 2^{n−r} − 1, which sum to 1 in a list (PListMLE).</param>
    public static Variable ListMle(IReadOnlyList<Variable> lists, IReadOnlyList<float[]>? labels, bool isWeighted)
        => Mean([.. lists.Select((scores, l) =>
        {
            int n = scores.Shape.Count;
            int[] order = [.. labels is null ? Enumerable.Range(0, n) : Enumerable.Range(0, n).OrderByDescending(i => labels[l][i])];
            Variable sorted = scores.Reshape(-1, 1).Gather(order);                            // [n, 1]
            Tensor passed = Tensor.Zeros(n, n);
            for (int r = 0; r < n; r++)
                for (int q = 0; q < r; q++) passed[r, q] = Vectors.Excluded;
            Variable nats = (sorted.Reshape(1, -1) + passed).LogSumExp() - sorted.Reshape(-1);
            if (!isWeighted) return nats.Sum();
            double[] weights = [.. Enumerable.Range(1, n).Select(r => Math.Pow(2, n - r) - 1)];
            double whole = weights.Sum();
            return (nats * PairLosses.Column([.. weights.Select(w => whole == 0 ? 0 : (float)(w / whole))])).Sum();
        })]);

    /// <summary>Mean over documents of (r − r̂)² ÷ log₂(r + 1), r̂ = 1 + Σ σ(alpha·(s_j − s_i)), r the true rank, ties averaged.</summary>
    public static Variable RankError(IReadOnlyList<Variable> lists, IReadOnlyList<float[]> labels, float alpha)
    {
        Variable? sum = null;
        int documents = 0;
        for (int l = 0; l < lists.Count; l++)
        {
            float[] grades = labels[l];
            int n = grades.Length;
            documents += n;
            double[] ranks = Array.ConvertAll(grades, g => grades.Count(o => o > g) + ((grades.Count(o => o == g) + 1) / 2.0));
            Tensor others = Tensor.Full(new Shape(n, n), 1);
            for (int i = 0; i < n; i++) others[i, i] = 0;
            Variable differences = (lists[l].Reshape(1, -1) - lists[l].Reshape(-1, 1)) * alpha;                  // s_j − s_i
            Variable off = (differences.Sigmoid() * others).Sum(-1) + PairLosses.Column([.. ranks.Select(r => (float)(1 - r))]);
            Variable part = (off * off * PairLosses.Column([.. ranks.Select(r => (float)(1 / Math.Log2(r + 1)))])).Sum();
            sum = sum is { } before ? before + part : part;
        }

        return sum!.Value / documents;
    }

    private static double Weight(ListWeighting weighting, int m, int q, double gain, double other) => weighting switch
    {
        ListWeighting.None => 1,
        ListWeighting.Ndcg1 => gain / Discount(m),
        ListWeighting.LambdaRank => ByPosition(m, q) * Math.Abs(gain - other),
        ListWeighting.Ndcg2 => ByDistance(m, q) * Math.Abs(gain - other),
        _ => ((10 * ByDistance(m, q)) + ByPosition(m, q)) * Math.Abs(gain - other),
    };

    private static double ByPosition(int m, int q) => Math.Abs((1 / Discount(m)) - (1 / Discount(q)));

    private static double ByDistance(int m, int q)
        => m == q ? 0 : Math.Abs((1 / Discount(Math.Abs(m - q))) - (1 / Discount(Math.Abs(m - q) + 1)));

    private static double Discount(int rank) => Math.Log2(1 + rank);

    private static double Gain(float grade, double ideal) => ideal == 0 ? 0 : (Math.Pow(2, grade) - 1) / ideal;

    private static Variable Mean(IReadOnlyList<Variable> losses)
    {
        Variable sum = losses[0];
        foreach (Variable loss in losses.Skip(1)) sum += loss;
        return sum / losses.Count;
    }
}
