using System.Text.Json;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Training.Finetuning;

namespace Heed.Verification;

/// <summary>Cases of <c>losses</c>: losses over given vectors.</summary>
internal static class LossCases
{
    private static readonly string[] Roles = ["anchor", "positive", "negative1", "negative2", "negative3"];
    public static string? Compare(GoldenCase c)
    {
        return c.CompareLoss(() => c.Kind switch
        {
            "mnrl" => InBatch(c).Of(Columns(c)),
            "cosent" or "angle" or "cosine_similarity" or "contrastive" or "online_contrastive" or "softmax" or "contrastive_tension"
                or "mega_batch_margin" => Pair(c),
            "triplet" => TripletLosses.Triplet(c.Input("anchor"), c.Input("positive"), c.Input("negative"), Distance(c),
                c.Number("margin", 5)),
            "batch_hard" or "batch_hard_soft" or "batch_semi_hard" or "batch_all" => Batch(c),
            "margin_mse" => TeacherLosses.MarginMse(Columns(c), c.Floats("labels"), c.Text("similarity", "dot") == "cosine"),
            "distill_kl" => TeacherLosses.DistillKl(Columns(c), c.Floats("labels"),
                c.Number("student_temperature", c.Number("temperature", 1)),
                c.Number("teacher_temperature", c.Number("temperature", 1))),
            "mse" => TeacherLosses.Mse(Columns(c), c.Tensor("labels")),
            "embed_distill" => TeacherLosses.Cosine(Columns(c), c.Tensor("labels")),
            "matryoshka" => Nested(c),
            "gist" => Guided(c),
            _ => throw new FormatException($"'{c.Kind}' is no loss of this version"),
        });
    }

    private static Variable[] Columns(GoldenCase c)
        => [.. Roles.Where(c.Has).Select(c.Input)];

    private static VectorDistance Distance(GoldenCase c) => c.Text("distance", "euclidean") switch
    {
        "cosine" => VectorDistance.Cosine,
        "euclidean" => VectorDistance.Euclidean,
        "manhattan" => VectorDistance.Manhattan,
        string other => throw new FormatException($"the distance '{other}' is not known"),
    };

    private static InBatchNegatives InBatch(GoldenCase c) => new()
    {
        Cosine = c.Text("similarity", "cosine") == "cosine",
        Scale = c.Number("scale", 20),
        IsJoint = c.Text("partition", "joint") == "joint",
        Directions = c.Settings.TryGetProperty("directions", out JsonElement list)
            ? list.EnumerateArray().Aggregate((Directions)0, (all, d) => all | d.GetString() switch
            {
                "query_to_doc" => Directions.QueryToDocument,
                "query_to_query" => Directions.QueryToQuery,
                "doc_to_query" => Directions.DocumentToQuery,
                "doc_to_doc" => Directions.DocumentToDocument,
                string other => throw new FormatException($"the direction '{other}' is not known"),
                null => throw new FormatException("a direction is null"),
            })
            : Directions.QueryToDocument,
        Hardness = c.Text("hardness_mode", "") switch
        {
            "in_batch_negatives" => Hardness.InBatch,
            "hard_negatives" => Hardness.Hard,
            "all_negatives" => Hardness.All,
            _ => Hardness.None,
        },
        HardnessStrength = c.Number("hardness_strength", 0),
    };

    private static Variable Pair(GoldenCase c)
    {
        if (c.Kind == "mega_batch_margin") return PairLosses.MegaBatchMargin(c.Input("anchor"), c.Input("positive"),
            c.Number("positive_margin", 0.8), c.Number("negative_margin", 0.3));
        if (c.Has("embeddings"))
        {
            Variable both = c.Input("embeddings");
            int half = both.Shape[0] / 2;
            return PairLosses.InBatchTension(both.Slice(0, 0, half), both.Slice(0, half, half), c.Input("weight.logit_scale"));
        }

        if (c.Kind == "angle" && c.Has("anchor"))
        {
            Variable[] columns = Columns(c);
            Variable angles = Variable.Concatenate(0, [.. columns.Skip(1).Select(o => PairLosses.Angle(columns[0], o))]);
            int n = columns[0].Shape[0];
            return PairLosses.Cosent(angles, [.. Enumerable.Range(0, angles.Shape.Count).Select(i => i < n ? 1f : 0f)],
                c.Number("scale", 20));
        }

        Variable a = c.Input("first"), b = c.Input("second");
        float[] labels = c.Floats("labels");
        switch (c.Kind)
        {
            case "cosent": return PairLosses.Cosent(Vectors.Similarity(a, b, cosine: true), labels, c.Number("scale", 20));
            case "angle": return PairLosses.Cosent(PairLosses.Angle(a, b), labels, c.Number("scale", 20));
            case "cosine_similarity": return PairLosses.CosineSimilarity(a, b, labels);
            case "online_contrastive": return PairLosses.OnlineContrastive(a, b, labels, c.Number("margin", 0.5));
            case "contrastive_tension": return PairLosses.ContrastiveTension(a, b, labels);
            case "contrastive":
                Variable each = PairLosses.Contrastive(a, b, labels, Distance(c), c.Number("margin", 0.5));
                return c.Text("reduction", "mean") == "sum" ? each.Sum() : each.Mean();
            default:
                string[] parts = [.. c.Settings.GetProperty("features").EnumerateArray().Select(f => f.GetString()!)];
                Variable features = PairLosses.Features(a, b, parts.Contains("u"), parts.Contains("|u-v|"), parts.Contains("u*v"));
                return PairLosses.Softmax(features, c.Input("weight.classifier.weight"), c.Input("weight.classifier.bias"),
                    c.Integers("labels"));
        }
    }

    private static Variable Batch(GoldenCase c)
    {
        Variable x = c.Input("embeddings");
        int[] classes = c.Integers("labels");
        float margin = c.Number("margin", 5);
        return c.Kind switch
        {
            "batch_hard" => TripletLosses.BatchHard(x, classes, Distance(c), margin),
            "batch_hard_soft" => TripletLosses.BatchHard(x, classes, Distance(c), null),
            "batch_semi_hard" => TripletLosses.BatchSemiHard(x, classes, Distance(c), margin),
            _ => TripletLosses.BatchAll(x, classes, Distance(c), margin),
        };
    }

    private static Variable Nested(GoldenCase c)
    {
        Matryoshka nested = new([.. c.Settings.GetProperty("dims").EnumerateArray().Select(d => d.GetInt32())],
            [.. c.Settings.GetProperty("weights").EnumerateArray().Select(w => w.GetSingle())]);
        Variable[] columns = c.Has("anchor") ? Columns(c) : [c.Input("first"), c.Input("second")];
        string inner = c.Text("inner", "");
        return nested.Of(columns, cut => inner switch
        {
            "mnrl" => new InBatchNegatives().Of(cut),
            "dot1" => new InBatchNegatives { Cosine = false, Scale = 1 }.Of(cut),
            "margin_mse" => TeacherLosses.MarginMse(cut, c.Floats("labels"), cosine: false),
            "cosent" => PairLosses.Cosent(Vectors.Similarity(cut[0], cut[1], cosine: true), c.Floats("labels"), 20),
            _ => throw new FormatException($"the inner loss '{inner}' is not known"),
        });
    }

    private static Variable Guided(GoldenCase c)
    {
        Variable[] columns = Columns(c);
        Variable[] guides = [.. Roles.Select(r => $"guide.{r}").Where(c.Has).Select(r => (Variable)c.Tensor(r))];
        return new GuidedNegatives
        {
            Temperature = c.Number("temperature", 0.01),
            Margin = c.Number("margin", 0),
            IsRelative = c.Text("margin_strategy", "absolute") == "relative",
            Anchors = c.Flag("contrast_anchors", true),
            Positives = c.Flag("contrast_positives", true),
        }.Of(columns, guides);
    }
}
