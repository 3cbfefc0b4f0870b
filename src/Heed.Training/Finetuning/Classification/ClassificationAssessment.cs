using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Metrics;
using Heed.Training.Symptoms;

namespace Heed.Training.Finetuning;

/// <summary>Scores of a classifier held against labels.</summary>
internal static class ClassificationAssessment
{
    /// <summary>One label per text.</summary>
    /// <param name="logits">[N·C].</param>
    /// <param name="gold">[N].</param>
    /// <param name="labels">C names.</param>
    /// <param name="heldOut">The examples.</param>
    public static TaskAssessment OfOne(double[] logits, int[] gold, IReadOnlyList<string> labels,
        IReadOnlyList<ClassificationExample> heldOut)
    {
        int classes = labels.Count;
        double[] probabilities = Calibration.Softmax(logits, classes);
        int[] predicted = new int[gold.Length];
        for (int i = 0; i < predicted.Length; i++)
            for (int c = 1; c < classes; c++)
                if (logits[(i * classes) + c] > logits[(i * classes) + predicted[i]]) predicted[i] = c;
        ClassificationReport report = Classification.Evaluate(gold, predicted, classes);
        CalibrationReport calibration = Calibration.Evaluate(probabilities, gold, classes);
        AssessedExample[] examples = new AssessedExample[gold.Length];
        for (int i = 0; i < examples.Length; i++)
        {
            double confidence = probabilities[(i * classes) + predicted[i]], right = probabilities[(i * classes) + gold[i]];
            examples[i] = Example(heldOut[i], labels[gold[i]], labels[predicted[i]], confidence,
                -Math.Log(Math.Max(right, double.Epsilon)), predicted[i] == gold[i]);
        }

        return new TaskAssessment(new EvaluationReport(calibration.NegativeLogLikelihood, gold.Length)
        {
            Measures = new Dictionary<string, double>
            {
                ["accuracy"] = report.Accuracy,
                ["macro_f1"] = report.Macro.F1,
                ["mcc"] = report.Matthews,
            },
            Findings = OneClass.Of(gold, predicted, labels) is { } finding ? [finding] : [],
        })
        {
            Examples = examples,
            Scores = logits,
            GuessLoss = gold.CountBy(g => g).Sum(g => -g.Value * Math.Log((double)g.Value / gold.Length)) / gold.Length,
            Details = new JsonObject
            {
                ["labels"] = new JsonArray([.. labels.Select(l => (JsonNode)l)]),
                ["classes"] = new JsonArray([.. report.Classes.Select((f, c) => (JsonNode)Scores(labels[c], f))]),
                ["confusion"] = new JsonArray([.. report.Confusion.Select(row
                    => (JsonNode)new JsonArray([.. row.Select(n => (JsonNode)n)]))]),
                ["calibration"] = Json(calibration),
            },
        };
    }

    /// <summary>Any of several labels per text; a label is predicted from 0.5.</summary>
    /// <param name="logits">[N·L].</param>
    /// <param name="gold">[N·L].</param>
    /// <param name="data">The held-out examples and the labels.</param>
    public static TaskAssessment OfSeveral(double[] logits, bool[] gold, ClassificationData data)
    {
        int labels = data.Labels.Count, count = gold.Length / labels;
        double[] probabilities = Array.ConvertAll(logits, x => 1 / (1 + Math.Exp(-x)));
        MultilabelReport report = Multilabel.Evaluate(gold, probabilities, labels);
        double loss = 0;
        AssessedExample[] examples = new AssessedExample[count];
        for (int i = 0; i < count; i++)
        {
            List<string> expected = [], predicted = [];
            double nats = 0;
            for (int l = 0; l < labels; l++)
            {
                int at = (i * labels) + l;
                nats += Math.Max(logits[at], 0) - (gold[at] ? logits[at] : 0) + Math.Log(1 + Math.Exp(-Math.Abs(logits[at])));
                if (gold[at]) expected.Add(data.Labels[l]);
                if (probabilities[at] >= 0.5) predicted.Add(data.Labels[l]);
            }

            loss += nats;
            examples[i] = Example(data.HeldOutExamples[i], string.Join(", ", expected), string.Join(", ", predicted), double.NaN,
                nats / labels, expected.SequenceEqual(predicted));
        }

        return new TaskAssessment(new EvaluationReport(loss / gold.Length, gold.Length)
        {
            Measures = new Dictionary<string, double>
            {
                ["macro_f1"] = report.Macro.F1,
                ["micro_f1"] = report.Micro.F1,
                ["subset_accuracy"] = report.SubsetAccuracy,
                ["macro_average_precision"] = report.MacroAveragePrecision,
            },
        })
        {
            Examples = examples,
            Scores = logits,
            Details = new JsonObject
            {
                ["labels"] = new JsonArray([.. data.Labels.Select(l => (JsonNode)l)]),
                ["classes"] = new JsonArray([.. report.Labels.Select((f, l) => (JsonNode)Scores(data.Labels[l], f))]),
            },
        };
    }

    /// <summary>A number per text.</summary>
    public static TaskAssessment OfNumbers(double[] predicted, ClassificationData data)
    {
        double[] gold = [.. data.HeldOutExamples.Select(e => e.Value)];
        RegressionReport report = Regression.Evaluate(gold, predicted);
        AssessedExample[] examples = [.. data.HeldOutExamples.Select((e, i) => Example(e, Number(gold[i]), Number(predicted[i]), double.NaN,
            (gold[i] - predicted[i]) * (gold[i] - predicted[i]), isRight: false))];
        return new TaskAssessment(new EvaluationReport(examples.Average(e => e.Loss), gold.Length)
        {
            Measures = new Dictionary<string, double>
            {
                ["r2"] = report.R2,
                ["pearson"] = report.Pearson,
                ["spearman"] = report.Spearman,
                ["mean_absolute_error"] = report.MeanAbsoluteError,
            },
        })
        { Examples = examples };
    }

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

    private static AssessedExample Example(ClassificationExample e, string expected, string predicted, double confidence, double loss,
        bool isRight)
        => new(e.Place, e.Second is null ? e.Text : $"{e.Text} ⏐ {e.Second}", expected, predicted, confidence, loss, isRight);

    private static JsonObject Scores(string label, FScore score) => new()
    {
        ["label"] = label,
        ["precision"] = score.Precision,
        ["recall"] = score.Recall,
        ["f1"] = score.F1,
        ["support"] = score.Support,
    };

    private static JsonObject Json(CalibrationReport report) => new()
    {
        ["expected_error"] = report.ExpectedError,
        ["brier"] = report.Brier,
        ["bins"] = new JsonArray([.. report.Bins.Select(b => (JsonNode)new JsonObject
        {
            ["count"] = b.Count,
            ["confidence"] = double.IsFinite(b.Confidence) ? b.Confidence : null,
            ["accuracy"] = double.IsFinite(b.Accuracy) ? b.Accuracy : null,
        })]),
    };
}
