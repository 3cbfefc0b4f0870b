using System.Globalization;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Queries and documents with how well they fit: 1 or 0, or a score.</summary>
internal sealed class RankingData : ExampleData<SimilarityExample>
{
    /// <summary>The name of learning to rank.</summary>
    public const string Name = "ranking";

    /// <inheritdoc/>
    public override string Task => Name;

    /// <inheritdoc/>
    public override HeadKind Head => HeadKind.SequenceClassifier;

    /// <inheritdoc/>
    public override string? Cut(int length)
    {
        int cut = Longer(length);
        return cut == 0 ? null : string.Create(CultureInfo.InvariantCulture,
            $"{Printable.Part(cut, Training, "pair")} longer than {length:N0} tokens and cut (raise maximum_length to keep all whole)");
    }

    /// <summary>One output with a binary cross-entropy: it reads 0 to 1.</summary>
    /// <inheritdoc/>
    public override ModelConfig Configure(ModelConfig config)
        => config with { Labels = ["score"], ClassificationKind = ClassificationKind.MultiLabel };

    /// <inheritdoc/>
    public override FinetuningTask Make(FinetuningModel model, FinetuningConfig settings) => new RankingTask(model, this, settings);

    /// <summary>Reads and divides the data of a run.</summary>
    public static RankingData From(FinetuningConfig config, Tokenizer tokenizer, CancellationToken cancellationToken)
    {
        (SimilaritySet all, IReadOnlyList<SimilarityExample> training, IReadOnlyList<SimilarityExample> heldOut, DataReport report)
            = SimilarityData.Parts(config, cancellationToken);
        if (all.Kind is not (SimilarityKind.Labels or SimilarityKind.Scores))
        {
            throw new InputException($"{config.Train}: holds no score or label of its pairs; ranking needs a column label (1 or 0) or "
                + "score. Add one, or learn vectors of pairs (task similarity).");
        }

        Tokenizer counting = tokenizer.WithTruncation(null).WithPadding(null);
        return new RankingData
        {
            Tokenizer = tokenizer,
            TrainingExamples = training,
            HeldOutExamples = heldOut,
            TokenCounts = [.. training.Select(e => counting.Encode(e.First, e.Second).Count)],
            Report = report,
            Statements = config.Dev.Length == 0 ? [Divided(training.Count, heldOut.Count)] : [],
            Fingerprint = SumOf(training.SelectMany(e
                => (string[])[e.First, e.Second, e.Score.ToString("R", CultureInfo.InvariantCulture)])),
        };
    }
}
