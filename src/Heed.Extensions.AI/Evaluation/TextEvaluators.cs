using System.Globalization;
using Heed.Generation.Embeddings;
using Heed.Training.Metrics;
using Microsoft.Extensions.AI.Evaluation;

namespace Heed.Extensions.AI;

/// <summary>
/// Measures of texts as evaluators of Microsoft.Extensions.AI.Evaluation: a response is compared with the <see cref="ReferenceTexts"/> of
/// its context. No model judges and no chat configuration is needed. Values are the library's own (<c>Heed.Training.Metrics</c>), equal to
/// sacreBLEU, rouge-score and SQuAD's script.
/// </summary>
/// <remarks>
/// Each metric is numeric and interpreted: fifths of its range are unacceptable, poor, average, good and exceptional, and what lies below
/// the passing part of the range fails. Without references a metric has no value, and a diagnostic says why.
/// </remarks>
public static class TextEvaluators
{
    /// <summary>Name of the metric of <see cref="Bleu"/>.</summary>
    public const string BleuName = "BLEU";

    /// <summary>Name of the metric of <see cref="Chrf"/>.</summary>
    public const string ChrfName = "chrF";

    /// <summary>Name of the metric of <see cref="Ter"/>.</summary>
    public const string TerName = "TER";

    /// <summary>Names of the metrics of <see cref="Rouge"/>.</summary>
    public const string Rouge1Name = "ROUGE-1", Rouge2Name = "ROUGE-2", RougeLName = "ROUGE-L";

    /// <summary>Names of the metrics of <see cref="Answers"/>.</summary>
    public const string ExactMatchName = "Exact Match", AnswerF1Name = "Answer F1";

    /// <summary>Name of the metric of <see cref="EmbeddingSimilarity"/>.</summary>
    public const string EmbeddingSimilarityName = "Embedding Similarity";

    /// <summary>BLEU of one text with all references, 0 to 100; higher is better.</summary>
    /// <param name="options">Tokenizer, smoothing, order; <see cref="BleuOptions.ForSentences"/> if null.</param>
    /// <param name="passing">Part of the range, 0 to 1, below which a response fails.</param>
    public static IEvaluator Bleu(BleuOptions? options = null, double passing = 0.5)
        => new TextEvaluator(passing, [BleuName], (text, references, _) =>
    {
        BleuScore score = Training.Metrics.Bleu.Sentence(text, references, options);
        return ValueTask.FromResult<TextScore[]>([new TextScore(score.Score, score.Score / 100, score.Signature)]);
    });

    /// <summary>chrF of one text with the references, 0 to 100; higher is better.</summary>
    /// <param name="options">Orders and β; sacreBLEU's defaults if null.</param>
    /// <param name="passing">Part of the range, 0 to 1, below which a response fails.</param>
    public static IEvaluator Chrf(ChrfOptions? options = null, double passing = 0.5)
        => new TextEvaluator(passing, [ChrfName], (text, references, _) =>
    {
        ChrfScore score = Training.Metrics.Chrf.Corpus([text], Streams(references), options);
        return ValueTask.FromResult<TextScore[]>([new TextScore(score.Score, score.Score / 100, score.Signature)]);
    });

    /// <summary>Translation edit rate: edits per hundred words of the references, 0 where the texts are equal; lower is better.</summary>
    /// <param name="options">sacreBLEU's defaults if null.</param>
    /// <param name="passing">1 − rate ÷ 100, at least 0, below which a response fails.</param>
    public static IEvaluator Ter(TerOptions? options = null, double passing = 0.5)
        => new TextEvaluator(passing, [TerName], (text, references, _) =>
    {
        TerScore score = Training.Metrics.Ter.Corpus([text], Streams(references), options);
        return ValueTask.FromResult<TextScore[]>([new TextScore(score.Score, Math.Max(0, 1 - (score.Score / 100)), score.Signature)]);
    });

    /// <summary>F1 of ROUGE-1, ROUGE-2 and ROUGE-L with the best reference, 0 to 1; higher is better.</summary>
    /// <param name="stemmer">Compare stems.</param>
    /// <param name="passing">Below it a response fails.</param>
    public static IEvaluator Rouge(bool stemmer = false, double passing = 0.5)
        => new TextEvaluator(passing, [Rouge1Name, Rouge2Name, RougeLName], (text, references, _) =>
        {
            RougeScore score = Training.Metrics.Rouge.Best(references, text, stemmer);
            return ValueTask.FromResult<TextScore[]>([Of(score.Rouge1), Of(score.Rouge2), Of(score.RougeL)]);

            static TextScore Of(FScore f) => new(f.F1, f.F1,
                string.Create(CultureInfo.InvariantCulture, $"precision {f.Precision:0.0000}, recall {f.Recall:0.0000}"));
        });

    /// <summary>Exact match and F1 of words with the best reference as SQuAD counts them, 0 to 1; higher is better.</summary>
    /// <param name="passing">Below it a response fails.</param>
    public static IEvaluator Answers(double passing = 0.5)
        => new TextEvaluator(passing, [ExactMatchName, AnswerF1Name], (text, references, _) =>
    {
        double exact = Squad.Exact(text, references), f1 = Squad.F1(text, references);
        const string How = "case, punctuation and articles do not count";
        return ValueTask.FromResult<TextScore[]>([new TextScore(exact, exact, How), new TextScore(f1, f1, How)]);
    });

    /// <summary>Similarity of the vectors of the response and of the nearest reference, by the embedder's own measure: for cosines −1 to
    /// 1; higher is better.</summary>
    /// <param name="embedder">Stays the caller's; used by one evaluation at a time or by many.</param>
    /// <param name="passing">Similarity below which a response fails; negative ones count as 0.</param>
    public static IEvaluator EmbeddingSimilarity(TextEmbedder embedder, double passing = 0.5)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        return new TextEvaluator(passing, [EmbeddingSimilarityName], async (text, references, cancellationToken) =>
        {
            IReadOnlyList<float[]> vectors = await embedder.EmbedAsync([text, .. references], cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            double best = double.NegativeInfinity;
            int nearest = 0;
            for (int r = 1; r < vectors.Count; r++)
            {
                double similarity = embedder.Similarity(vectors[0], vectors[r]);
                if (similarity > best) (best, nearest) = (similarity, r);
            }

            return [new TextScore(best, Math.Clamp(best, 0, 1),
                string.Create(CultureInfo.InvariantCulture, $"reference {nearest} is nearest"))];
        });
    }

    private static List<string[]> Streams(IReadOnlyList<string> references) => [.. references.Select(r => (string[])[r])];
}
