namespace Heed.Verification;

/// <summary>
/// Compares BM25, rankings, packed vectors and word vectors with stored answers of the reference, case by case: any folder in the form of
/// <c>goldens/retrieval</c> (its README).
/// </summary>
internal static class RetrievalVerification
{
    private static readonly (string Part, Func<GoldenCase, string?> Compare)[] Parts =
    [
        ("bm25", Bm25Cases.Compare),
        ("ranking", RankingCases.Compare),
        ("packed", PackedCases.Compare),
        ("vectors", WordVectorCases.Compare),
        ("word2vec", WordTrainingCases.Compare),
    ];

    /// <summary>Whether a folder holds cases.</summary>
    public static bool IsCases(string folder) => Array.Exists(Parts, p => GoldenPart.IsIn(folder, p.Part));

    /// <summary>Computes every case of a folder and compares it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancellationToken">Looked at before each case.</param>
    /// <returns>One result per case.</returns>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file is damaged, or there is no case.</exception>
    public static IReadOnlyList<VerificationResult> Run(string folder, CancellationToken cancellationToken = default)
        => GoldenPart.Check(folder, Parts, "has no cases; one entry per case was expected in bm25.json and its like", cancellationToken);
}
