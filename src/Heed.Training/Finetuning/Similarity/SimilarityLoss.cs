using Heed.Engine.Autograd;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>The loss of a run over vectors, by name.</summary>
/// <param name="Name">As the setting <c>loss</c> has it.</param>
/// <param name="Reason">Why it is this one, a sentence.</param>
/// <param name="Mean">The mean loss of columns of vectors and their scores or labels.</param>
internal sealed record SimilarityLoss(string Name, string Reason, Func<IReadOnlyList<Variable>, float[], Variable> Mean)
{
    private static readonly (string Name, SimilarityKind[] Kinds, Func<IReadOnlyList<Variable>, float[], Variable> Of)[] All =
    [
        ("in_batch_negatives", [SimilarityKind.Pairs, SimilarityKind.Triplets], (columns, _) => new InBatchNegatives().Of(columns)),
        ("symmetric", [SimilarityKind.Pairs, SimilarityKind.Triplets], (columns, _) => new InBatchNegatives
        {
            Directions = Directions.QueryToDocument | Directions.DocumentToQuery,
            IsJoint = false,
        }.Of(columns)),
        ("triplet", [SimilarityKind.Triplets],
            (columns, _) => TripletLosses.Triplet(columns[0], columns[1], columns[2], VectorDistance.Euclidean, 5)),
        ("cosent", [SimilarityKind.Scores, SimilarityKind.Labels],
            (columns, labels) => PairLosses.Cosent(Vectors.Similarity(columns[0], columns[1], cosine: true), labels, 20)),
        ("angle", [SimilarityKind.Scores, SimilarityKind.Labels],
            (columns, labels) => PairLosses.Cosent(PairLosses.Angle(columns[0], columns[1]), labels, 20)),
        ("cosine", [SimilarityKind.Scores, SimilarityKind.Labels],
            (columns, labels) => PairLosses.CosineSimilarity(columns[0], columns[1], labels)),
        ("online_contrastive", [SimilarityKind.Labels],
            (columns, labels) => PairLosses.OnlineContrastive(columns[0], columns[1], labels, 0.5f)),
        ("contrastive", [SimilarityKind.Labels],
            (columns, labels) => PairLosses.Contrastive(columns[0], columns[1], labels, VectorDistance.Cosine, 0.5f).Mean()),
    ];

    /// <summary>The names of losses.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(l => l.Name)];

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
            _ => ("online_contrastive", "pairs with a label 1 or 0"),
        };
        string name = config.Loss ?? usual;
        var found = Array.Find(All, l => l.Name == name);
        if (!found.Kinds.Contains(kind))
        {
            throw new ConfigException($"loss: {name} does not fit {config.Train}, which holds {kind.ToString().ToLowerInvariant()}; use "
                + $"one of "
                + $"{string.Join(", ", All.Where(l => l.Kinds.Contains(kind)).Select(l => l.Name))}.");
        }

        string reason = config.Loss is null ? $"loss {name}: {why}" : $"loss {name}: as set";
        Func<IReadOnlyList<Variable>, float[], Variable> of = found.Of;
        if (config.Matryoshka.Count == 0) return new SimilarityLoss(name, reason, of);
        int[] dimensions = [.. config.Matryoshka.Select(d
            => int.TryParse(d, System.Globalization.CultureInfo.InvariantCulture, out int number)
            && number > 0 ? number : throw new ConfigException($"matryoshka: \"{Printable.Shorten(d)}\" is no number of dimensions, such "
            + $"as 384,256,128."))];
        Matryoshka nested = new(dimensions, [.. dimensions.Select(_ => 1f)]);
        return new SimilarityLoss(name, $"{reason}; also of the first {string.Join(", ", dimensions)} numbers of each vector",
            (columns, labels) => nested.Of(columns, cut => of(cut, labels)));
    }
}
