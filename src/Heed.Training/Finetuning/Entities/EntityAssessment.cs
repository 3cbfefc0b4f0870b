using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Training.Collators;
using Heed.Training.Logging;
using Heed.Training.Metrics;

namespace Heed.Training.Finetuning;

/// <summary>Scores of a token classifier held against tags.</summary>
internal static class EntityAssessment
{
    /// <summary>Measure of entities: conlleval's micro-F1.</summary>
    public const string F1 = "f1";

    /// <summary>Share of words with the right tag.</summary>
    public const string Accuracy = "accuracy";

    /// <summary>Compares.</summary>
    /// <param name="logits">For each text [U·L]: the scores of each unit that is kept.</param>
    /// <param name="texts">As many texts.</param>
    /// <param name="data">The held-out examples and the labels.</param>
    public static TaskAssessment Of(double[][] logits, TaggedText[] texts, EntityData data)
    {
        int classes = data.Labels.Count;
        string[][] predicted = new string[texts.Length][];
        AssessedExample[] examples = new AssessedExample[texts.Length];
        double loss = 0;
        long targets = 0, right = 0, units = 0;
        for (int i = 0; i < texts.Length; i++)
        {
            TaggedText text = texts[i];
            double[] probabilities = Calibration.Softmax(logits[i], classes);
            int[] labels = [.. text.Labels.Where(l => l != IgnoredLabel.Value)];
            predicted[i] = new string[text.Gold.Count];
            Array.Fill(predicted[i], EntityData.Outside);
            double nats = 0, confidence = 1;
            int kept = 0, lost = 0;
            for (int u = 0; u < text.Gold.Count; u++)
            {
                if (lost < text.Lost.Count && text.Lost[lost] == u)
                {
                    lost++;
                    continue;
                }

                ReadOnlySpan<double> row = probabilities.AsSpan(kept * classes, classes);
                int best = 0;
                for (int c = 1; c < classes; c++) if (row[c] > row[best]) best = c;
                predicted[i][u] = data.Labels[best];
                nats -= Math.Log(Math.Max(row[labels[kept]], double.Epsilon));
                confidence = Math.Min(confidence, row[best]);
                kept++;
            }

            loss += nats;
            targets += kept;
            units += text.Gold.Count;
            right += text.Gold.Zip(predicted[i]).Count(p => p.First == p.Second);
            examples[i] = new AssessedExample(data.HeldOutExamples[i].Place, data.HeldOutExamples[i].Text, Written(text.Gold, text),
                Written(predicted[i], text), confidence, kept == 0 ? 0 : nats / kept, text.Gold.SequenceEqual(predicted[i]));
        }

        string[][] gold = [.. texts.Select(t => t.Gold.ToArray())];
        Dictionary<string, double> measures = new() { [Accuracy] = units == 0 ? 0 : (double)right / units };
        JsonObject details = new() { ["labels"] = new JsonArray([.. data.Labels.Select(l => (JsonNode)l)]) };
        List<string> findings = [];
        if (EntityLabels.MarkEntities(data.Labels)) AddEntities(gold, predicted, data.Labels, measures, details, findings);
        return new TaskAssessment(new EvaluationReport(targets == 0 ? double.NaN : loss / targets, targets)
        {
            Measures = measures,
            Findings = findings,
        })
        {
            Examples = examples,
            GuessLoss = gold.SelectMany(t => t).CountBy(t => t).Sum(t => -t.Value * Math.Log((double)t.Value / units)) / units,
            Details = details,
        };
    }

    private static void AddEntities(string[][] gold, string[][] predicted, IReadOnlyList<string> labels,
        Dictionary<string, double> measures, JsonObject details, List<string> findings)
    {
        EntityReport report = Entities.Evaluate(gold, predicted);
        measures[F1] = report.Micro.F1;
        measures["precision"] = report.Micro.Precision;
        measures["recall"] = report.Micro.Recall;
        details["types"] = Types(report);
        if (EntityLabels.Scheme([.. labels]) is { } scheme)
        {
            EntityReport strict = Entities.Evaluate(gold, predicted, scheme);
            measures["strict_f1"] = strict.Micro.F1;
            details["strict_scheme"] = scheme.ToString().ToUpperInvariant();
            details["strict_types"] = Types(strict);
        }

        if (report.Micro.Support > 0 && predicted.All(t => t.All(p => p == EntityData.Outside)))
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"100 % of predictions are '{EntityData.Outside}', and {report.Micro.Support:N0} entities are labelled; if this stays, change "
                    + $"the learning rate"));
    }

    private static JsonArray Types(EntityReport report) => new([.. report.Types.Select(t => (JsonNode)new JsonObject
    {
        ["type"] = t.Key,
        ["precision"] = t.Value.Precision,
        ["recall"] = t.Value.Recall,
        ["f1"] = t.Value.F1,
        ["support"] = t.Value.Support,
    })]);

    /// <summary>The entities as a person writes them: <c>Green Garden (MERCHANT), 12 EUR (AMOUNT)</c>.</summary>
    private static string Written(IReadOnlyList<string> tags, TaggedText text) => string.Join(", ", Entities.Find(tags).Select(e
        => $"{string.Join(' ', Enumerable.Range(e.Start, e.End - e.Start).Select(text.Unit))} ({e.Type})"));
}
