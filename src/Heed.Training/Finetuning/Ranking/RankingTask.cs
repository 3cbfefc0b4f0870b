using System.Globalization;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Metrics;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>Learning to score a query with a document, both read at once (cross-encoder).</summary>
internal sealed class RankingTask : FinetuningTask
{
    private const int First = 10;

    private readonly RankingData _data;
    private readonly EncodedText[] _training, _heldOut;

    /// <param name="model">A sequence classifier of one output.</param>
    /// <param name="data">The examples.</param>
    /// <param name="settings">All decided.</param>
    public RankingTask(FinetuningModel model, RankingData data, FinetuningConfig settings)
        : base(model, data, settings, data.TokenCounts)
    {
        _data = data;
        Tokenizer tokenizer = data.Tokenizer.WithPadding(null).WithTruncation(new TruncationOptions(settings.MaximumLength));
        _training = [.. data.TrainingExamples.Select(e => EncodedText.Of(tokenizer, e.First, e.Second))];
        _heldOut = [.. data.HeldOutExamples.Select(e => EncodedText.Of(tokenizer, e.First, e.Second))];
    }

    /// <summary>nDCG of the first ten documents of a query.</summary>
    public override TaskMeasure Measure => new("ndcg@10", HigherIsBetter: true);

    /// <summary>Model and tokenizer, as a folder of a cross-encoder.</summary>
    /// <inheritdoc/>
    public override void Save(string folder)
    {
        base.Save(folder);
        if (Source.Adapter is null) SentenceModules.WriteCrossEncoder(folder);
    }

    /// <inheritdoc/>
    internal override TaskAssessment? Assess(CancellationToken cancellationToken)
    {
        if (_heldOut.Length == 0) return null;
        double[] logits = Predictor.Logits(Model, _heldOut, Settings.BatchSize, 1, cancellationToken);
        IReadOnlyList<SimilarityExample> examples = _data.HeldOutExamples;
        double[] nats = [.. logits.Select((x, i) => Math.Max(x, 0) - (examples[i].Score * x) + Math.Log(1 + Math.Exp(-Math.Abs(x))))];
        Dictionary<string, IReadOnlyDictionary<string, int>> relevance = [];
        Dictionary<string, IReadOnlyDictionary<string, double>> run = [];
        foreach (IGrouping<string, int> query in Enumerable.Range(0, logits.Length).GroupBy(i => examples[i].First, StringComparer.Ordinal))
        {
            // Scores of pairs are grades from 0 to 5, labels are 0 and 5: a factor changes no nDCG. What is below one half is no answer.
            relevance[query.Key] = query.ToDictionary(Id, i => examples[i].Score >= 0.5 ? (int)Math.Round(examples[i].Score * 5) : 0);
            run[query.Key] = query.ToDictionary(Id, i => logits[i]);
        }

        RetrievalReport report = RetrievalMetrics.Evaluate(relevance, run, [First]);
        RetrievalScores mean = report.MeanWithRelevant ?? report.Mean;
        double share = examples.Average(e => e.Score);
        return new TaskAssessment(new EvaluationReport(nats.Average(), nats.Length)
        {
            Measures = new Dictionary<string, double>
            {
                ["ndcg@10"] = mean.AtK[First].Ndcg,
                ["mrr@10"] = mean.AtK[First].Mrr,
                ["map"] = mean.Map,
                ["average_precision"] = Ranking.AveragePrecision([.. examples.Select(e => e.Score >= 0.5)], logits),
            },
        })
        {
            GuessLoss = share is > 0 and < 1 ? -(share * Math.Log(share)) - ((1 - share) * Math.Log(1 - share)) : double.NaN,
            Examples = [.. examples.Select((e, i) =>
            {
                double score = 1 / (1 + Math.Exp(-logits[i]));
                return new AssessedExample(e.Place, $"{e.First} ⏐ {e.Second}", Number(e.Score), Number(score), score, nats[i],
                    score >= 0.5 == e.Score >= 0.5);
            })],
        };

        static string Id(int i) => i.ToString("D9", CultureInfo.InvariantCulture);
    }

    /// <inheritdoc/>
    private protected override ModelInputs Inputs(ReadOnlySpan<int> examples)
    {
        EncodedText[] texts = new EncodedText[examples.Length];
        float[] labels = new float[examples.Length];
        for (int b = 0; b < texts.Length; b++)
        {
            texts[b] = _training[examples[b]];
            labels[b] = (float)_data.TrainingExamples[examples[b]].Score;
        }

        return EncodedText.Grid(texts, Model.Config) with { NumberLabels = labels };
    }

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}
