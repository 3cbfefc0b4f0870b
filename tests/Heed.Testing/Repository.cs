namespace Heed.Testing;

/// <summary>Where the tests find the repository, its goldens and the shared material.</summary>
public static class Repository
{
    /// <summary>The repository's root: the nearest folder above the test that holds Heed.slnx.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The reference values: <c>HEED_GOLDENS</c> where set, else the repository's <c>goldens/</c>.</summary>
    public static string Goldens { get; } = Environment.GetEnvironmentVariable("HEED_GOLDENS") is { Length: > 0 } set
        ? Path.GetFullPath(set)
        : Path.Combine(Root, "goldens");

    /// <summary>Real models and vocabularies: <c>HEED_SHARED</c> (relative to the root), or null where it is not set.</summary>
    public static string? Shared { get; } = Environment.GetEnvironmentVariable("HEED_SHARED") is { Length: > 0 } set
        ? Path.GetFullPath(set, Root)
        : null;

    /// <summary>Why a test that needs <see cref="Shared"/> is skipped.</summary>
    public const string SharedMissing = "needs the real models and vocabularies: set HEED_SHARED to their folder";

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Heed.slnx"))) return folder.FullName;
        throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} holds Heed.slnx.");
    }
}
