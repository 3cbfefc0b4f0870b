using System.Globalization;
using Heed.Models;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Few labelled texts, learned from as pairs that share a label or do not.</summary>
internal sealed class FewShotData : FinetuningData
{
    /// <inheritdoc/>
    public override string Task => ClassificationData.Name;

    /// <summary>The texts with their labels.</summary>
    public required ClassificationData Texts { get; init; }

    /// <summary>The pairs to learn from.</summary>
    public required IReadOnlyList<ContrastivePair> Pairs { get; init; }

    /// <inheritdoc/>
    public override int Training => Pairs.Count;

    /// <inheritdoc/>
    public override int HeldOut => Texts.HeldOut;

    /// <inheritdoc/>
    public override LengthSummary Lengths => Texts.Lengths;

    /// <inheritdoc/>
    public override HeadKind Head => HeadKind.None;

    /// <summary>One pass over the pairs.</summary>
    public override double? UsualEpochs => 1;

    /// <summary>Pairs grow with the square of the texts, and what they teach does not.</summary>
    public override long? MostSteps => 500;

    /// <inheritdoc/>
    public override double? UsualRate => 2e-5;

    /// <inheritdoc/>
    public override string? Cut(int length) => Texts.Cut(length);

    /// <inheritdoc/>
    public override ModelConfig Configure(ModelConfig config) => Texts.Configure(config);

    /// <inheritdoc/>
    public override FinetuningTask Make(FinetuningModel model, FinetuningConfig settings) => new FewShotTask(model, this, settings);

    /// <summary>Makes pairs of texts.</summary>
    /// <exception cref="ConfigException">The texts have several labels each, or numbers, or are pairs.</exception>
    public static FewShotData Of(ClassificationData texts, FinetuningConfig config)
    {
        if (texts.Kind != LabelKind.Single)
            throw new ConfigException("few_shot: is for one label per text; leave it off for several labels or numbers.");
        if (texts.TrainingExamples.FirstOrDefault(e => e.Second is not null) is { } pair)
            throw new ConfigException($"few_shot: is for single texts, and {pair.Place} has two. Leave it off.");
        IReadOnlyList<ContrastivePair> pairs = PairsOf(texts, config.Seed);
        return new FewShotData
        {
            Tokenizer = texts.Tokenizer,
            Texts = texts,
            Pairs = pairs,
            Report = texts.Report,
            Statements =
            [
                .. texts.Statements,
                string.Create(CultureInfo.InvariantCulture,
                    $"few-shot: {Printable.Counted(pairs.Count, "pair")} of {Printable.Counted(texts.Training, "text")}, as many of one label as of two, move texts of one "
                        + $"label "
                        + $"together; then a logistic regression over the vectors"),
            ],
            Fingerprint = texts.Fingerprint,
        };
    }

    /// <summary>Examples to evaluate a finished model on, by the head that it holds.</summary>
    public static FewShotData ToEvaluate(ClassificationData texts) => new()
    {
        Tokenizer = texts.Tokenizer,
        Texts = texts,
        Pairs = [],
        Report = texts.Report,
        Fingerprint = "",
    };

    /// <summary>Every pair of two texts of one label, and as many of two labels, drawn from the seed; as many as the rarer kind has. A text
    /// with itself only where no label has two texts.</summary>
    private static IReadOnlyList<ContrastivePair> PairsOf(ClassificationData texts, ulong seed)
    {
        int[][] labels = [.. texts.TrainingExamples.Select(e => new[] { texts.Labels.ToList().IndexOf(e.Labels[0]) })];
        IReadOnlyList<ContrastivePair> all = ContrastivePairs.Unique(labels);
        ContrastivePair[] others = [.. all.Where(p => p.First != p.Second)];
        ContrastivePair[] from = others.Any(p => p.IsPositive) ? others : [.. all];
        int positives = from.Count(p => p.IsPositive), negatives = from.Length - positives;
        if (negatives == 0) throw new InputException("train: all texts have the same label; two or more labels are needed.");
        BlockOrder order = new(from.Length, seed);
        return ContrastivePairs.Balanced([.. Enumerable.Range(0, from.Length).Select(i => from[order[i]])], Math.Min(positives, negatives));
    }
}
