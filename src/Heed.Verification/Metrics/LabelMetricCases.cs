using System.Text.Json;
using Heed.Training.Metrics;

namespace Heed.Verification;

/// <summary>Rows of measures of labels and probabilities.</summary>
internal static class LabelMetricCases
{
    /// <summary>What the measure gives for a row; null if it is none of these.</summary>
    public static object? Compute(string metric, JsonElement row) => metric switch
    {
        "seqeval" => row.Text("mode") == "default (conlleval)" ? EntityRow(row, EntityScheme.Conlleval)
            : throw new FormatException("a row of 'seqeval' has the mode 'default (conlleval)'"),
        "seqeval_strict" => EntityRow(row, row.Text("scheme") switch
        {
            "IOB2" => EntityScheme.Iob2,
            "IOE2" => EntityScheme.Ioe2,
            "IOBES" => EntityScheme.Iobes,
            "BILOU" => EntityScheme.Bilou,
            string other => throw new FormatException($"the scheme '{other}' is not known"),
        }),
        "classification" => ClassificationRow(row),
        "agreement" => Agreement(row),
        "multilabel" => MultilabelRow(row),
        "multiclass_scores" => MulticlassScores(row),
        "ranking" => RankingRow(row),
        "calibration" => CalibrationRow(row),
        "binary_calibration" => BinaryCalibration(row),
        "temperature" => Temperature(row),
        "thresholds" => ThresholdRow(row),
        _ => null,
    };

    private static Dictionary<string, object?> EntityRow(JsonElement row, EntityScheme scheme)
    {
        EntityReport report = Entities.Evaluate(row.GetProperty("gold").Sentences(), row.GetProperty("predicted").Sentences(), scheme);
        Dictionary<string, object?> score = report.Types.ToDictionary(t => t.Key, t => (object?)ScoreComparison.Named(t.Value));
        score["micro avg"] = ScoreComparison.Named(report.Micro);
        score["macro avg"] = ScoreComparison.Named(report.Macro);
        score["weighted avg"] = ScoreComparison.Named(report.Weighted);
        return score;
    }

    private static Dictionary<string, object?> ClassificationRow(JsonElement row)
    {
        ClassificationReport report = Classification.Evaluate(row.GetProperty("gold").Integers(), row.GetProperty("predicted").Integers(),
            row.Number("labels"));
        return new()
        {
            ["accuracy"] = report.Accuracy,
            ["macro_f1"] = report.Macro.F1,
            ["weighted_f1"] = report.Weighted.F1,
            ["precision"] = report.Classes.Select(c => c.Precision),
            ["recall"] = report.Classes.Select(c => c.Recall),
            ["confusion"] = report.Confusion,
            ["matthews"] = report.Matthews,
        };
    }

    private static Dictionary<string, object?> Agreement(JsonElement row)
    {
        ClassificationReport report = Classification.Evaluate(row.GetProperty("gold").Integers(), row.GetProperty("predicted").Integers(),
            row.Number("classes"));
        return new()
        {
            ["balanced_accuracy"] = report.BalancedAccuracy,
            ["kappa"] = report.Kappa,
            ["kappa_linear"] = report.KappaLinear,
            ["kappa_quadratic"] = report.KappaQuadratic,
        };
    }

    private static Dictionary<string, object?> MultilabelRow(JsonElement row)
    {
        MultilabelReport report = Multilabel.Evaluate(row.GetProperty("gold").Flags(out int labels),
            row.GetProperty("scores").Matrix(out _), labels);
        return new()
        {
            ["subset_accuracy"] = report.SubsetAccuracy,
            ["hamming_loss"] = report.HammingLoss,
            ["f1"] = report.Labels.Select(l => l.F1),
            ["f1_micro"] = report.Micro.F1,
            ["f1_macro"] = report.Macro.F1,
            ["f1_weighted"] = report.Weighted.F1,
            ["f1_samples"] = report.SampleF1,
            ["jaccard_samples"] = report.SampleJaccard,
            ["roc_auc"] = report.RocAuc,
            ["roc_auc_macro"] = report.MacroRocAuc,
            ["roc_auc_micro"] = report.MicroRocAuc,
            ["average_precision"] = report.AveragePrecision,
            ["average_precision_macro"] = report.MacroAveragePrecision,
            ["average_precision_micro"] = report.MicroAveragePrecision,
        };
    }

    private static Dictionary<string, object?> MulticlassScores(JsonElement row)
    {
        int classes = row.Number("classes");
        int[] gold = row.GetProperty("gold").Integers();
        double[] scores = row.GetProperty("probabilities").Matrix(out _);
        return new()
        {
            ["roc_auc_ovr_macro"] = Ranking.RocAucOneVsRest(gold, scores, classes),
            ["roc_auc_ovr_weighted"] = Ranking.RocAucOneVsRest(gold, scores, classes, weighted: true),
            ["roc_auc_ovo_macro"] = Ranking.RocAucOneVsOne(gold, scores, classes),
            ["top_k_accuracy"] = Enumerable.Range(1, classes).ToDictionary(k => FormattableString.Invariant($"{k}"),
                k => (object?)Ranking.TopKAccuracy(gold, scores, classes, k)),
        };
    }

    private static Dictionary<string, object?> RankingRow(JsonElement row)
    {
        bool[] gold = [.. row.GetProperty("gold").Integers().Select(g => g != 0)];
        double[] scores = row.GetProperty("predicted").Reals();
        return new() { ["roc_auc"] = Ranking.RocAuc(gold, scores), ["average_precision"] = Ranking.AveragePrecision(gold, scores) };
    }

    private static Dictionary<string, object?> CalibrationRow(JsonElement row)
    {
        double[] probabilities = row.TryGetProperty("logits", out JsonElement logits)
            ? Calibration.Softmax(logits.Matrix(out int classes), classes) : row.GetProperty("probabilities").Matrix(out classes);
        CalibrationReport report = Calibration.Evaluate(probabilities, row.GetProperty("labels").Integers(), classes, row.Number("bins"));
        return new()
        {
            ["accuracy"] = report.Accuracy,
            ["ece"] = report.ExpectedError,
            ["mce"] = report.MaximumError,
            ["adaptive_ece"] = report.AdaptiveError,
            ["brier"] = report.Brier,
            ["nll"] = report.NegativeLogLikelihood,
            ["bins"] = report.Bins.Select(b => new object?[] { b.Count, b.Confidence, b.Accuracy }),
        };
    }

    private static Dictionary<string, object?> BinaryCalibration(JsonElement row)
    {
        double[] probabilities = row.GetProperty("probabilities").Reals();
        bool[] gold = [.. row.GetProperty("labels").Integers().Select(g => g != 0)];
        return new()
        {
            ["brier_binary"] = Calibration.BinaryBrier(probabilities, gold),
            ["nll"] = Calibration.BinaryNegativeLogLikelihood(probabilities, gold)
        };
    }

    private static Dictionary<string, object?> Temperature(JsonElement row)
    {
        double[] bounds = row.GetProperty("bounds").Reals();
        TemperatureFit fit = Calibration.FitTemperature(row.GetProperty("logits").Matrix(out int classes),
            row.GetProperty("labels").Integers(), classes, bounds[0], bounds[1]);
        return new() { ["temperature"] = fit.Temperature, ["nll_before"] = fit.Before, ["nll_after"] = fit.After };
    }

    private static Dictionary<string, object?> ThresholdRow(JsonElement row)
    {
        IReadOnlyList<LabelThreshold> found = Thresholds.Fit(row.GetProperty("gold").Flags(out int labels),
            row.GetProperty("scores").Matrix(out _), labels);
        return new()
        {
            ["thresholds"] = found.Select(f => f.Threshold),
            ["f1"] = found.Select(f => f.F1),
            ["macro_f1"] = found.Average(f => f.F1)
        };
    }
}
