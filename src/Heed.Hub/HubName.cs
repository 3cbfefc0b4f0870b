using System.Buffers;
using System.Text.RegularExpressions;
using Heed.Checkpoints;

namespace Heed.Hub;

/// <summary>Names that become parts of paths and addresses: only known-good forms pass, whoever gave them.</summary>
internal static partial class HubName
{
    private static readonly SearchValues<char> NotInNames = SearchValues.Create("\\:*?\"<>|");

    /// <summary>Checks <c>name</c> or <c>org/name</c>, the hub's own rules.</summary>
    /// <exception cref="UsageException">The name is of another form.</exception>
    public static void CheckRepository(string repository)
    {
        ArgumentNullException.ThrowIfNull(repository);
        if (!IsRepository(repository))
            throw new UsageException($"'{Printable.Shorten(repository)}' is not a repository's name; write ORG/NAME with letters, digits, '-', '_' and '.', at most 96 characters each, without '--' or '..'.");
    }

    /// <summary>Whether the name has the hub's form.</summary>
    public static bool IsRepository(string repository)
        => RepositoryForm().IsMatch(repository) && !repository.Contains("--", StringComparison.Ordinal) && !repository.Contains("..", StringComparison.Ordinal)
            && !repository.EndsWith(".git", StringComparison.Ordinal);

    /// <summary>Checks a branch, tag or commit; branches may have several parts, as in <c>refs/pr/1</c>.</summary>
    /// <exception cref="UsageException">The name is of another form.</exception>
    public static void CheckRevision(string revision)
    {
        ArgumentNullException.ThrowIfNull(revision);
        if (!RevisionForm().IsMatch(revision) || revision.Contains("..", StringComparison.Ordinal))
            throw new UsageException($"'{Printable.Shorten(revision)}' is not a revision; write a branch, a tag or a commit with letters, digits, '-', '_', '.' and '/'.");
    }

    /// <summary>Whether the text is a full commit.</summary>
    public static bool IsCommit(string text) => CommitForm().IsMatch(text);

    /// <summary>Whether the text is a SHA-256 in hexadecimal.</summary>
    public static bool IsSha256(string text) => Sha256Form().IsMatch(text);

    /// <summary>Whether an ETag can name a file of the cache.</summary>
    public static bool IsBlob(string etag) => BlobForm().IsMatch(etag);

    /// <summary>Whether a path stays inside the repository, on every system.</summary>
    public static bool IsInside(string path)
        => path.Length is > 0 and <= 4096 && !path.Contains('\\', StringComparison.Ordinal) && path is not [_, ':', ..]
            && path.Split('/').All(part => part.Length > 0 && part is not ("." or "..") && !part.Any(char.IsControl));

    /// <summary>Whether a path stays inside the repository and every system can store it.</summary>
    public static bool IsFilePath(string path)
        => IsInside(path) && path.Length <= 1024 && path.Split('/').All(part => part.Length <= 255 && part.AsSpan().IndexOfAny(NotInNames) < 0 && !part.EndsWith(' ') && !part.EndsWith('.')
            && !InputFile.IsReservedName(part));

    /// <summary>The cache's folder name: <c>models--org--name</c>.</summary>
    public static string Folder(string repository) => "models--" + repository.Replace("/", "--", StringComparison.Ordinal);

    /// <summary>Whether a path matches a pattern of <c>*</c> and <c>?</c>, which also match <c>/</c>; linear time but for the last
    /// <c>*</c>.</summary>
    public static bool Matches(string path, string pattern)
    {
        int p = 0, t = 0, star = -1, resume = 0;
        while (t < path.Length)
        {
            if (p < pattern.Length && pattern[p] == '*') (star, resume, p) = (p, t, p + 1);
            else if (p < pattern.Length && (pattern[p] == '?' || pattern[p] == path[t])) (p, t) = (p + 1, t + 1);
            else if (star >= 0) (p, t) = (star + 1, ++resume);
            else return false;
        }

        while (p < pattern.Length && pattern[p] == '*') p++;
        return p == pattern.Length;
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,95})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex RepositoryForm();

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,127}){0,7}\z", RegexOptions.CultureInvariant)]
    private static partial Regex RevisionForm();

    [GeneratedRegex(@"\A[0-9a-f]{40}\z", RegexOptions.CultureInvariant)]
    private static partial Regex CommitForm();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Sha256Form();

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9_-]{0,127}\z", RegexOptions.CultureInvariant)]
    private static partial Regex BlobForm();
}
