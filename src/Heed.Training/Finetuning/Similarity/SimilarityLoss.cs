using System.Globalization;
using Heed.Engine.Autograd;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>The loss of a run over vectors, by name.</summary>
/// <param name="Name">As the setting <c>loss</c> has it.</param>
/// <param name="Reason">Why it is this one, a sentence.</param>
/// <param name="Mean">The mean loss of columns of vectors and their scores, labels or numbers of classes.</param>
internal sealed record SimilarityLoss(string Name, string Reason, Func<IReadOnlyList<Variable>, float[], Variable> Mean)
{
    /// <summary>The loss of a classifier of pairs, which has weights of its own: <see cref="PairHead"/>.</summary>
    public const string Softmax = "softmax";

    private const float TripletMargin = 5, PairMargin = 0.5f;

    /// <summary>A loss before its margin is known.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Kinds">The data that it is for.</param>
    /// <param name="Of">From columns of vectors, labels and the margin.</param>
    /// <param name="Margin">The usual margin; null for a loss without one.</param>
    private sealed record Known(string Name, SimilarityKind[] Kinds, Func<IReadOnlyList<Variable>, float[], float, Variable> Of,
        float? Margin = null);

    private static readonly Known[] All =
    [
        new("in_batch_negatives", [SimilarityKind.Pairs, SimilarityKind.Triplets], (columns, _, _) => new InBatchNegatives().Of(columns)),
        new("symmetric", [SimilarityKind.Pairs, SimilarityKind.Triplets], (columns, _, _) => new InBatchNegatives
        {
            Directions = Directions.QueryToDocument | Directions.DocumentToQuery,
            IsJoint = false,
        }.Of(columns)),
        new("triplet", [SimilarityKind.Triplets],
            (columns, _, m) => TripletLosses.Triplet(columns[0], columns[1], columns[2], VectorDistance.Euclidean, m), TripletMargin),
        new("cosent", [SimilarityKind.Scores, SimilarityKind.Labels],
            (columns, labels, _) => PairLosses.Cosent(Vectors.Similarity(columns[0], columns[1], cosine: true), labels, 20)),
        new("angle", [SimilarityKind.Scores, SimilarityKind.Labels],
            (columns, labels, _) => PairLosses.Cosent(PairLosses.Angle(columns[0], columns[1]), labels, 20)),
        new("cosine", [SimilarityKind.Scores, SimilarityKind.Labels],
            (columns, labels, _) => PairLosses.CosineSimilarity(columns[0], columns[1], labels)),
        new("online_contrastive", [SimilarityKind.Labels],
            (columns, labels, m) => PairLosses.OnlineContrastive(columns[0], columns[1], labels, m), PairMargin),
        new("contrastive", [SimilarityKind.Labels],
            (columns, labels, m) => PairLosses.Contrastive(columns[0], columns[1], labels, VectorDistance.Cosine, m).Mean(), PairMargin),
        new(Softmax, [SimilarityKind.PairClasses], (_, _, _) => throw new InvalidOperationException("The head of pairs has this loss.")),
        new("batch_hard", [SimilarityKind.Classes],
            (columns, classes, m) => TripletLosses.BatchHard(columns[0], Numbers(classes), VectorDistance.Euclidean, m), TripletMargin),
        new("batch_hard_soft", [SimilarityKind.Classes],
            (columns, classes, _) => TripletLosses.BatchHard(columns[0], Numbers(classes), VectorDistance.Euclidean, null)),
        new("batch_semi_hard", [SimilarityKind.Classes],
            (columns, classes, m) => TripletLosses.BatchSemiHard(columns[0], Numbers(classes), VectorDistance.Euclidean, m),
            TripletMargin),
        new("batch_all", [SimilarityKind.Classes],
            (columns, classes, m) => TripletLosses.BatchAll(columns[0], Numbers(classes), VectorDistance.Euclidean, m), TripletMargin),
    ];

    /// <summary>The names of losses.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(l => l.Name)];

    /// <summary>True for a loss over classes: numbers in the label column are then names of classes.</summary>
    public static bool ReadsClasses(string? name)
        => Array.Find(All, l => l.Name == name) is { } loss && Array.TrueForAll(loss.Kinds, SimilarityData.HasClasses);

    /// <summary>The loss of the settings, or the usual one of the data's kind.</summary>
    /// <exception cref="ConfigException">It does not fit the data.</exception>
    public static SimilarityLoss Of(FinetuningConfig config, SimilarityKind kind)
    {
        (string usual, string why) = kind switch
        {
            SimilarityKind.Pairs => ("in_batch_negatives", "pairs that belong together; all other second texts of a batch are wrong "
                + "answers"),
            SimilarityKind.Triplets => ("in_batch_negatives", "each row has far texts of its own, beside those of the other rows"),
            SimilarityKind.Scores => ("cosent", "pairs with a score are brought into their order"),
            SimilarityKind.PairClasses => (Softmax, $"pairs with a class, which a classifier reads from both vectors and their distance"),
            SimilarityKind.Classes => ("batch_hard", "texts with a class; the farthest of a class is brought nearer than the nearest of "
                + "the others"),
            _ => ("online_contrastive", "pairs with a label 1 or 0"),
        };
        string name = config.Loss ?? usual;
        Known found = Array.Find(All, l => l.Name == name)!;
        if (!found.Kinds.Contains(kind))
        {
            throw new ConfigException($"loss: {name} does not fit {config.Train}, which holds {SimilarityData.Describe(kind)}; use one of "
                + $"{string.Join(", ", All.Where(l => l.Kinds.Contains(kind)).Select(l => l.Name))}.");
        }

        if (config.Margin is not null && found.Margin is null)
        {
            throw new ConfigException($"margin: {name} has none. Leave it out, or use one of "
                + $"{string.Join(", ", All.Where(l => l.Margin is not null).Select(l => l.Name))}.");
        }

        float margin = (float?)config.Margin ?? found.Margin ?? 0;
        string reason = $"loss {name}: {(config.Loss is null ? why : "as set")}"
            + (found.Margin is null ? "" : FormattableString.Invariant($"; margin {margin}"));
        Func<IReadOnlyList<Variable>, float[], Variable> of = (columns, labels) => found.Of(columns, labels, margin);
        if (config.Matryoshka.Count == 0) return new SimilarityLoss(name, reason, of);
        if (name == Softmax) throw new ConfigException("matryoshka: is not for the loss softmax, whose classifier reads whole vectors. "
            + "Leave it out.");
        int[] dimensions = [.. config.Matryoshka.Select(d
            => int.TryParse(d, CultureInfo.InvariantCulture, out int number)
            && number > 0 ? number : throw new ConfigException($"matryoshka: \"{Printable.Shorten(d)}\" is no number of dimensions, such "
            + $"as 384,256,128."))];
        Matryoshka nested = new(dimensions, [.. dimensions.Select(_ => 1f)]);
        return new SimilarityLoss(name, $"{reason}; also of the first {string.Join(", ", dimensions)} numbers of each vector",
            (columns, labels) => nested.Of(columns, cut => of(cut, labels)));
    }

    private static int[] Numbers(float[] classes) => Array.ConvertAll(classes, c => (int)c);
}
