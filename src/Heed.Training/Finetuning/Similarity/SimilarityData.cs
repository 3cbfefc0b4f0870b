using System.Globalization;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Texts whose nearness is known: pairs, pairs with a score or a label, triplets.</summary>
internal sealed class SimilarityData : ExampleData<SimilarityExample>
{
    /// <summary>The name of learning vectors.</summary>
    public const string Name = "similarity";

    /// <inheritdoc/>
    public override string Task => Name;

    /// <summary>What the examples are.</summary>
    public required SimilarityKind Kind { get; init; }

    /// <summary>What is said before the first step.</summary>
    public required List<string> Notes { get; init; }

    /// <summary>Examples with mined negatives; null until they are mined, which happens once, with the weights before the first
    /// step.</summary>
    public IReadOnlyList<SimilarityExample>? Mined { get; set; }

    /// <inheritdoc/>
    public override HeadKind Head => HeadKind.None;

    /// <inheritdoc/>
    public override string? Cut(int length)
    {
        int cut = Longer(length);
        return cut == 0 ? null : string.Create(CultureInfo.InvariantCulture,
            $"{cut:N0} of {TokenCounts.Length:N0} texts are longer than {length:N0} tokens and are cut (raise maximum_length to keep them "
                + $"whole)");
    }

    /// <inheritdoc/>
    public override FinetuningTask Make(FinetuningModel model, FinetuningConfig settings) => new SimilarityTask(model, this, settings);

    /// <summary>Reads and divides the data of a run.</summary>
    public static SimilarityData From(FinetuningConfig config, Tokenizer tokenizer, CancellationToken cancellationToken)
    {
        (SimilaritySet all, IReadOnlyList<SimilarityExample> training, IReadOnlyList<SimilarityExample> heldOut, DataReport report)
            = Parts(config, cancellationToken);
        Tokenizer counting = tokenizer.WithTruncation(null).WithPadding(null);
        SimilarityLoss loss = SimilarityLoss.Of(config, all.Kind);
        List<string> notes = [.. config.Dev.Length == 0 ? [Divided(training.Count, heldOut.Count)] : (string[])[], loss.Reason];
        return new SimilarityData
        {
            Tokenizer = tokenizer,
            Kind = all.Kind,
            TrainingExamples = training,
            HeldOutExamples = heldOut,
            TokenCounts = [.. training.SelectMany(Texts).Select(t => counting.Encode(t).Count)],
            Report = report,
            Statements = notes,
            Notes = notes,
            Fingerprint = SumOf(training.SelectMany(e => (string[])[.. Texts(e), e.Score.ToString("R", CultureInfo.InvariantCulture)])),
        };
    }

    /// <summary>The training file and the dev file, or the part held out.</summary>
    internal static (SimilaritySet All, IReadOnlyList<SimilarityExample> Training, IReadOnlyList<SimilarityExample> HeldOut,
        DataReport Report)
        Parts(FinetuningConfig config, CancellationToken cancellationToken)
    {
        DataOptions options = Options(config);
        SimilaritySet all = ExampleReader.Similarity(config.Train, options, cancellationToken);
        SimilaritySet? dev = config.Dev.Length == 0 || config.Dev == FinetuningConfig.NoDev ? null
            : ExampleReader.Similarity(config.Dev, options, cancellationToken);
        if (dev is not null && dev.Kind != all.Kind && !(dev.Kind == SimilarityKind.Labels && all.Kind == SimilarityKind.Scores))
            throw new InputException($"{config.Dev}: holds {Describe(dev.Kind)}, and {config.Train} {Describe(all.Kind)}. Give both the "
                + $"same columns.");
        DataSplit<SimilarityExample>? split = config.Dev.Length == 0 ? DataSplit.Of(all, config.HeldOut) : null;
        IReadOnlyList<SimilarityExample> training = split?.Training ?? all.Examples;
        return (all, training, split?.HeldOut ?? dev?.Examples ?? [], DataReport.Of(all with { Examples = training }, dev));
    }

    /// <summary>The texts of an example.</summary>
    internal static IEnumerable<string> Texts(SimilarityExample e) => [e.First, e.Second, .. e.Negatives];

    private static string Describe(SimilarityKind kind) => kind switch
    {
        SimilarityKind.Pairs => "pairs without a score",
        SimilarityKind.Scores => "pairs with a score",
        SimilarityKind.Labels => "pairs with a label 1 or 0",
        _ => "triplets",
    };
}
