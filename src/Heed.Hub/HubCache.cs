using Heed.Checkpoints;

namespace Heed.Hub;

/// <summary>
/// The hub's cache on disk, shared with Python: <c>models--org--name/{refs,blobs,snapshots,.no_exist}</c>; snapshots are symbolic links to
/// blobs, or copies where links cannot be made.
/// </summary>
internal sealed class HubCache
{
    /// <summary>Ending of downloads that are not finished.</summary>
    internal const string Incomplete = ".incomplete";

    /// <summary>A cache in <paramref name="folder"/>, which need not exist.</summary>
    public HubCache(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        Folder = folder;
    }

    /// <summary>The cache's folder.</summary>
    public string Folder { get; }

    /// <summary>A revision that is in the cache; null where it is not.</summary>
    /// <param name="repository">Such as <c>org/name</c>.</param>
    /// <param name="revision">A branch, a tag or a commit.</param>
    /// <exception cref="UsageException">A name is of a wrong form.</exception>
    public HubSnapshot? Find(string repository, string revision = "main")
    {
        HubName.CheckRepository(repository);
        HubName.CheckRevision(revision);
        string root = Root(repository);
        string? commit = HubName.IsCommit(revision) ? revision : ReadReference(Path.Combine(root, "refs", revision));
        if (commit is null) return null;
        string folder = Path.Combine(root, "snapshots", commit);
        return Directory.Exists(folder) ? new HubSnapshot(repository, commit, folder, FilesOf(folder)) : null;
    }

    /// <summary>All repositories of models, by name.</summary>
    /// <exception cref="StorageException">The cache cannot be read.</exception>
    internal IReadOnlyList<CachedRepository> List() => Guard(Folder, () =>
    {
        if (!Directory.Exists(Folder)) return [];
        List<CachedRepository> found = [];
        foreach (string root in Directory.EnumerateDirectories(Folder, "models--*").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(root)["models--".Length..].Replace("--", "/", StringComparison.Ordinal);
            if (HubName.IsRepository(name)) found.Add(Describe(name, root));
        }

        return found;
    });

    /// <summary>Removes a repository, or one revision of it with the files that no other revision uses.</summary>
    /// <param name="repository">Such as <c>org/name</c>.</param>
    /// <param name="revision">A branch, a tag or a commit; null for all.</param>
    /// <returns>The bytes freed; null where there was nothing to remove.</returns>
    /// <exception cref="UsageException">A name is of a wrong form.</exception>
    /// <exception cref="StorageException">A file cannot be removed.</exception>
    public long? Remove(string repository, string? revision = null)
    {
        HubName.CheckRepository(repository);
        string root = Root(repository);
        if (!Directory.Exists(root)) return null;
        long before = Describe(repository, root).Bytes;
        if (revision is null) return Guard(root, () =>
        {
            Directory.Delete(root, recursive: true); // links are removed, not followed
            return (long?)before;
        });
        return Find(repository, revision) is { } snapshot ? Guard(root, () => RemoveRevision(repository, root, snapshot, before)) : null;
    }

    internal string Root(string repository) => Path.Combine(Folder, HubName.Folder(repository));

    /// <summary>Runs a piece of file work and names the path where it fails.</summary>
    internal static T Guard<T>(string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{path}: {e.Message.TrimEnd('.')}. Check the cache's folder and its permissions.", e);
        }
    }

    private static long? RemoveRevision(string repository, string root, HubSnapshot snapshot, long before)
    {
        Directory.Delete(snapshot.Folder, recursive: true);
        string absent = Path.Combine(root, ".no_exist", snapshot.Commit);
        if (Directory.Exists(absent)) Directory.Delete(absent, recursive: true);
        foreach ((string name, string commit) in References(root))
            if (commit == snapshot.Commit) File.Delete(Path.Combine(root, "refs", name));
        string snapshots = Path.Combine(root, "snapshots"), blobs = Path.Combine(root, "blobs");
        if (!Directory.EnumerateDirectories(snapshots).Any())
        {
            Directory.Delete(root, recursive: true);
            return before;
        }

        HashSet<string> used = new(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(snapshots, "*", SearchOption.AllDirectories))
            if (new FileInfo(file).LinkTarget is { } target) used.Add(Path.GetFileName(target));
        if (Directory.Exists(blobs))
        {
            foreach (string blob in Directory.EnumerateFiles(blobs))
                if (!used.Contains(Path.GetFileName(blob))) File.Delete(blob);
        }

        return before - Describe(repository, root).Bytes;
    }

    private static CachedRepository Describe(string repository, string root)
    {
        List<CachedRevision> revisions = [];
        (string Name, string Commit)[] references = [.. References(root)];
        string snapshots = Path.Combine(root, "snapshots"), blobs = Path.Combine(root, "blobs");
        long bytes = Directory.Exists(blobs) ? new DirectoryInfo(blobs).EnumerateFiles().Sum(file => file.Length) : 0;
        if (Directory.Exists(snapshots))
        {
            foreach (string folder in Directory.EnumerateDirectories(snapshots).Order(StringComparer.Ordinal))
            {
                (long size, int count) = (0, 0);
                foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
                {
                    FileInfo info = new(file);
                    FileSystemInfo? target = info.LinkTarget is null ? info : info.ResolveLinkTarget(returnFinalTarget: true);
                    long length = target is FileInfo { Exists: true } real ? real.Length : 0;
                    if (info.LinkTarget is null) bytes += length; // a copy, where links cannot be made
                    size += length;
                    count++;
                }

                string commit = Path.GetFileName(folder);
                revisions.Add(new CachedRevision(commit, [.. references.Where(r => r.Commit == commit).Select(r => r.Name).Order(StringComparer.Ordinal)], size, count));
            }
        }

        return new CachedRepository(repository, root, bytes, revisions);
    }

    private static IEnumerable<(string Name, string Commit)> References(string root)
    {
        string refs = Path.Combine(root, "refs");
        if (!Directory.Exists(refs)) yield break;
        foreach (string file in Directory.EnumerateFiles(refs, "*", SearchOption.AllDirectories))
            if (ReadReference(file) is { } commit) yield return (Path.GetRelativePath(refs, file).Replace('\\', '/'), commit);
    }

    private static string? ReadReference(string path)
    {
        if (!File.Exists(path)) return null;
        string text = System.Text.Encoding.ASCII.GetString(InputFile.ReadAll(path, 1024)).Trim();
        return HubName.IsCommit(text) ? text : null;
    }

    private static string[] FilesOf(string folder)
        => [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/')).Order(StringComparer.Ordinal)];
}
