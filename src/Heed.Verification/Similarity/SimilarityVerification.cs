namespace Heed.Verification;

/// <summary>
/// Compares losses over vectors, mining, quantized vectors and few-shot heads with stored answers of the reference, case by case: any
/// folder in the form of <c>goldens/similarity</c> (its README).
/// </summary>
internal static class SimilarityVerification
{
    private static readonly (string Part, Func<GoldenCase, string?> Compare)[] Parts =
    [
        ("losses", LossCases.Compare),
        ("cross_encoder", PairScoreCases.Compare),
        ("pooling", PoolingCases.Compare),
        ("pretraining", PretrainingCases.Compare),
        ("mining", SearchCases.Mining),
        ("quantization", SearchCases.Quantization),
        ("fewshot", SearchCases.FewShot),
    ];

    /// <summary>Whether a folder holds cases.</summary>
    public static bool IsCases(string folder) => Array.Exists(Parts, p => GoldenPart.IsIn(folder, p.Part));

    /// <summary>Computes every case of a folder and compares it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancellationToken">Looked at before each case.</param>
    /// <returns>One result a case.</returns>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file is damaged, or there is no case.</exception>
    public static IReadOnlyList<VerificationResult> Run(string folder, CancellationToken cancellationToken = default)
        => GoldenPart.Check(folder, Parts, "has no cases; one entry a case was expected in losses.json and its like", cancellationToken);
}
