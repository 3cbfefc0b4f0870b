using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Training.Finetuning;

namespace Heed.Verification;

/// <summary>Cases of <c>cross_encoder</c>: losses over given scores of queries and documents.</summary>
internal static class PairScoreCases
{
    public static string? Compare(GoldenCase c) => c.CompareLoss(() =>
    {
        Variable logits = c.Input("logits");
        switch (c.Kind)
        {
            case "bce": return ListLosses.BinaryCrossEntropy(logits.Reshape(-1), c.Floats("labels"), c.Number("pos_weight", 1));
            case "mse": return Loss.MeanSquaredError(logits.Reshape(-1), PairLosses.Column(c.Floats("labels")));
            case "cross_entropy": return Loss.CrossEntropy(logits.Reshape(-1, logits.Shape.Last), c.Integers("labels"));
            case "margin_mse": return TeacherLosses.MarginMse(logits, c.Floats("labels"));
            case "mnrl":
                Variable scores = c.Text("activation", "sigmoid") == "none" ? logits : logits.Activate(Activation.Sigmoid);
                return Loss.CrossEntropy(scores * c.Number("scale", 10), [.. Enumerable.Range(0, logits.Shape[0])]);
            default: return Lists(c, logits);
        }
    });

    private static Variable Lists(GoldenCase c, Variable logits)
    {
        int width = logits.Shape.Last;
        float[] all = c.Floats("labels");
        List<Variable> lists = [];
        List<float[]> labels = [];
        for (int q = 0; q < logits.Shape[0]; q++)
        {
            int[] real = [.. Enumerable.Range(0, width).Where(d => all[(q * width) + d] >= 0)];
            if (real.Length == 0) continue;
            lists.Add(logits.Pick([.. real.Select(_ => q)], real));
            labels.Add(Array.ConvertAll(real, d => all[(q * width) + d]));
        }

        int? k = c.Optional("k") is { } number ? (int)number : null;
        bool isSorted = c.Text("order", "").StartsWith("by label", StringComparison.Ordinal);
        return c.Kind switch
        {
            "lambda" or "ranknet" => ListLosses.Lambda(lists, labels, c.Text("weighting", "none") switch
            {
                "none" => ListWeighting.None,
                "ndcg1" => ListWeighting.Ndcg1,
                "ndcg2" => ListWeighting.Ndcg2,
                "lambdarank" => ListWeighting.LambdaRank,
                "ndcg2pp" => ListWeighting.Ndcg2Plus,
                string other => throw new FormatException($"the weighting '{other}' is not known"),
            }, k, c.Number("sigma", 1), c.Text("log", "binary") == "binary"),
            "listnet" => ListLosses.ListNet(c.Text("activation", "") == "sigmoid" ? [.. lists.Select(l => l.Activate(Activation.Sigmoid))]
                : lists, labels),
            "listmle" or "plistmle" => ListLosses.ListMle(lists, isSorted ? labels : null, c.Kind == "plistmle"),
            "adr_mse" => ListLosses.RankError(lists, labels, c.Number("alpha", 1)),
            _ => throw new FormatException($"'{c.Kind}' is no loss of this version"),
        };
    }
}
