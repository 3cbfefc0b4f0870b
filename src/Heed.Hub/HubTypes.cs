using Heed.Checkpoints;

namespace Heed.Hub;

/// <summary>The hub refused, is not reachable or sent something wrong (exit code 5).</summary>
public sealed class HubException(string message, Exception? inner = null) : HeedException(message, inner)
{
    /// <inheritdoc/>
    public override int ExitCode => Heed.ExitCode.InputOutput;
}

/// <summary>What <see cref="HubClient.PullAsync"/> fetches.</summary>
public sealed record HubPullOptions
{
    /// <summary>A branch, a tag or a commit.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>
    /// Patterns of files to fetch (<c>*</c> and <c>?</c>, also across <c>/</c>); empty for what Heed reads: configuration, tokenizer,
    /// safetensors, and PyTorch pickles only where the repository has no safetensors in its root. <c>*</c> fetches everything.
    /// </summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Patterns of files to leave out.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];
}

/// <summary>How far a download has come.</summary>
/// <param name="File">Path of the file in the repository.</param>
/// <param name="FileIndex">Number of the file, from 0.</param>
/// <param name="FileCount">Files in all.</param>
/// <param name="FileBytes">Bytes of this file that are here.</param>
/// <param name="FileSize">Bytes of this file.</param>
/// <param name="FromCache">Whether the file was here already.</param>
public sealed record HubProgress(string File, int FileIndex, int FileCount, long FileBytes, long FileSize, bool FromCache);

/// <summary>One revision of a repository in the cache.</summary>
/// <param name="Repository">Such as <c>org/name</c>.</param>
/// <param name="Commit">The commit's 40 hexadecimal digits.</param>
/// <param name="Folder">The folder with the files, to be opened as a model.</param>
/// <param name="Files">Paths of its files, relative to the folder, sorted.</param>
public sealed record HubSnapshot(string Repository, string Commit, string Folder, IReadOnlyList<string> Files);

/// <summary>A repository in the cache.</summary>
/// <param name="Repository">Such as <c>org/name</c>.</param>
/// <param name="Folder">Its folder in the cache.</param>
/// <param name="Bytes">Disk space of its files, shared ones counted once, unfinished ones included.</param>
/// <param name="Revisions">Its revisions.</param>
internal sealed record CachedRepository(string Repository, string Folder, long Bytes, IReadOnlyList<CachedRevision> Revisions);

/// <summary>A revision of a repository in the cache.</summary>
/// <param name="Commit">The commit's hexadecimal digits.</param>
/// <param name="References">Branches and tags that point to it, sorted.</param>
/// <param name="Bytes">Size of its files.</param>
/// <param name="Files">Number of its files.</param>
internal sealed record CachedRevision(string Commit, IReadOnlyList<string> References, long Bytes, int Files);
