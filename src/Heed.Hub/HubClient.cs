using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text.Json;
using Heed.Checkpoints;

namespace Heed.Hub;

/// <summary>
/// Downloads model repositories into the cache: resumed after a cut, checked by size and, where the hub publishes it, by SHA-256. Files
/// become visible only when they are whole, and a branch points to a revision only when all its files are there.
/// </summary>
[UnsupportedOSPlatform("browser")]
public sealed class HubClient : IDisposable
{
    private const int MaximumListingBytes = 64 << 20;

    private readonly HubSettings _settings;
    private readonly HubHttp _http;

    /// <summary>A client of one hub and one cache.</summary>
    /// <param name="settings">Addresses, token and limits.</param>
    /// <param name="time">The clock for waiting between attempts; null for the system's.</param>
    public HubClient(HubSettings settings, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        _settings = settings;
        Cache = new HubCache(settings.CacheFolder);
        _http = new HubHttp(settings, time ?? TimeProvider.System);
    }

    /// <summary>The cache that is filled.</summary>
    internal HubCache Cache { get; }

    /// <summary>Downloads what is missing of a repository's revision; offline, finds it in the cache.</summary>
    /// <param name="repository">Such as <c>org/name</c>.</param>
    /// <param name="options">Revision and files; null for the defaults.</param>
    /// <param name="progress">Reports each file's start and end and of each MiB; may be null.</param>
    /// <param name="cancellationToken">Stops at once; what was downloaded is resumed next time.</param>
    /// <returns>The revision in the cache.</returns>
    /// <exception cref="UsageException">A name is of a wrong form.</exception>
    /// <exception cref="HubException">The hub refused, is not reachable or sent something wrong.</exception>
    /// <exception cref="InputException">What arrived does not have the digest that the hub publishes.</exception>
    /// <exception cref="StorageException">The cache cannot be written, or a folder of it is a link.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public async Task<HubSnapshot> PullAsync(string repository, HubPullOptions? options = null, IProgress<HubProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options ??= new HubPullOptions();
        HubName.CheckRepository(repository);
        HubName.CheckRevision(options.Revision);
        if (_settings.Offline)
            return Cache.Find(repository, options.Revision) ?? throw new HubException($"{repository}: revision '{options.Revision}' is not in the cache {Cache.Folder}, and HF_HUB_OFFLINE forbids to ask the hub. Unset it, or pull the model where there is a network.");
        try
        {
            return await PullOnlineAsync(repository, options, progress, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{Cache.Folder}: cannot be written: {e.Message.TrimEnd('.')}. Free space, or set HF_HUB_CACHE to another folder; what is complete is kept.", e);
        }
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _http.Dispose();

    private async Task<HubSnapshot> PullOnlineAsync(string repository, HubPullOptions options, IProgress<HubProgress>? progress, CancellationToken cancellationToken)
    {
        (string commit, List<HubFile> all) = await ListAsync(repository, options.Revision, cancellationToken).ConfigureAwait(false);
        List<HubFile> files = Select(all, options);
        if (files.Find(file => !HubName.IsFilePath(file.Path)) is { } odd)
            throw new HubException($"{repository}: the file name '{Printable.Shorten(odd.Path)}' cannot be stored on every system. Leave it out by an exclude pattern.");
        if (files.Count == 0) throw Nothing(repository, options, all);
        string root = Cache.Root(repository), snapshot = Path.Combine(root, "snapshots", commit), blobs = Path.Combine(root, "blobs");
        RefuseLink(snapshot);
        Directory.CreateDirectory(snapshot);
        Directory.CreateDirectory(blobs);
        MarkAbsent(root, commit, all, options.Include);
        for (int i = 0; i < files.Count; i++)
        {
            int index = i;
            HubFile file = files[i];
            Uri address = Address($"{repository}/resolve/{commit}/{string.Join('/', file.Path.Split('/').Select(Uri.EscapeDataString))}");
            HubFile known = await HeadAsync($"{repository}: {file.Path}", address, file, cancellationToken).ConfigureAwait(false);
            string blob = Path.Combine(blobs, known.ETag!);
            bool here = await IsWholeAsync(blob, known, cancellationToken).ConfigureAwait(false);
            void Report(long bytes) => progress?.Report(new HubProgress(file.Path, index, files.Count, bytes, known.Size!.Value, here));
            if (!here) await DownloadAsync($"{repository}: {file.Path}", address, known, blob, Report, cancellationToken).ConfigureAwait(false);
            Report(known.Size!.Value);
            Link(snapshot, file.Path, blob);
        }

        if (options.Revision != commit)
        {
            string reference = Path.Combine(root, "refs", options.Revision);
            Directory.CreateDirectory(Path.GetDirectoryName(reference)!);
            DurableFile.WriteText(reference, commit);
        }

        return Cache.Find(repository, commit)!;
    }

    private async Task<(string Commit, List<HubFile> Files)> ListAsync(string repository, string revision, CancellationToken cancellationToken)
    {
        Uri address = Address($"api/models/{repository}/revision/{Uri.EscapeDataString(revision)}?blobs=true");
        byte[] json = await _http.RetryAsync($"{repository} ({revision})", async () =>
        {
            using HttpResponseMessage response = await _http.SendAsync(HttpMethod.Get, address, null, leaveHub: true, cancellationToken).ConfigureAwait(false);
            _http.CheckStatus(response, $"{repository} ({revision})");
            return await ReadAllAsync(response, address, cancellationToken).ConfigureAwait(false);
        }, null, cancellationToken).ConfigureAwait(false);

        string name = address.ToString();
        using JsonDocument document = StrictJson.Parse(json, name);
        JsonElement top = document.RootElement;
        if (top.ValueKind != JsonValueKind.Object || !top.TryGetProperty("sha", out JsonElement sha) || !top.TryGetProperty("siblings", out JsonElement siblings) || siblings.ValueKind != JsonValueKind.Array)
            throw new InvalidFileException(name, "$", "has no sha and siblings; the address is not that of a hub. Check HF_ENDPOINT");
        string commit = StrictJson.Text(sha, name, "$.sha");
        if (!HubName.IsCommit(commit)) throw new InvalidFileException(name, "$.sha", $"is '{Printable.Shorten(commit)}'; a commit of 40 hexadecimal digits was expected");
        List<HubFile> files = [];
        foreach (JsonElement entry in siblings.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("rfilename", out JsonElement path)) throw new InvalidFileException(name, "$.siblings", "has an entry without rfilename");
            string file = StrictJson.Text(path, name, "$.siblings[].rfilename");
            if (!HubName.IsInside(file)) throw new InvalidFileException(name, "$.siblings[].rfilename", $"is '{Printable.Shorten(file)}', which leads outside the folder; the repository is refused");
            long? size = entry.TryGetProperty("size", out JsonElement s) && s.ValueKind == JsonValueKind.Number && s.TryGetInt64(out long bytes) && bytes >= 0 ? bytes : null;
            string? sha256 = entry.TryGetProperty("lfs", out JsonElement lfs) && lfs.ValueKind == JsonValueKind.Object && lfs.TryGetProperty("sha256", out JsonElement hash) ? StrictJson.Text(hash, name, "$.siblings[].lfs.sha256") : null;
            files.Add(new HubFile(file, null, size, sha256 is not null && HubName.IsSha256(sha256) ? sha256 : null));
        }

        return (commit, files);
    }

    private static HubException Nothing(string repository, HubPullOptions options, List<HubFile> all)
    {
        string asked = options.Include.Count == 0 ? "files that Heed reads" : string.Join(", ", options.Include.Select(p => $"'{Printable.Shorten(p)}'"));
        string has = all.Count == 0 ? "it is empty" : $"it has {all.Count}, such as '{Printable.Shorten(all[0].Path)}'";
        return new HubException($"{repository} ({options.Revision}): no file matches {asked}{(options.Exclude.Count > 0 ? " beside those that are excluded" : "")}; {has}. Give patterns that match (--include).");
    }

    private static List<HubFile> Select(List<HubFile> all, HubPullOptions options)
    {
        // Only weights beside config.json take the pickles' place; those of onnx/ or original/ are other things.
        bool safetensors = all.Any(file => file.Path.EndsWith(".safetensors", StringComparison.Ordinal) && !file.Path.Contains('/', StringComparison.Ordinal));
        string[] include = options.Include.Count > 0
            ? [.. options.Include]
            : ["*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "*.safetensors", "*.md", "LICENSE*", .. safetensors ? Array.Empty<string>() : ["pytorch_model*.bin"]];
        string[] exclude = options.Include.Count > 0 ? [.. options.Exclude] : [.. options.Exclude, "onnx/*", "openvino/*", "coreml/*", "original/*"];
        if (options.Include.Count == 0 && safetensors) exclude = [.. exclude, "pytorch_model.bin.index.json"];
        return [.. all.Where(file => include.Any(p => HubName.Matches(file.Path, p)) && !exclude.Any(p => HubName.Matches(file.Path, p))).DistinctBy(file => file.Path).OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    // A file asked for by its full name that the revision does not have: noted, so that nobody asks again.
    private static void MarkAbsent(string root, string commit, List<HubFile> all, IReadOnlyList<string> include)
    {
        foreach (string name in include)
        {
            if (name.Contains('*', StringComparison.Ordinal) || name.Contains('?', StringComparison.Ordinal) || !HubName.IsFilePath(name) || all.Any(file => file.Path == name)) continue;
            string marker = Path.Combine(root, ".no_exist", commit, name);
            Directory.CreateDirectory(Path.GetDirectoryName(marker)!);
            File.WriteAllBytes(marker, []);
        }
    }

    // Large files answer with a redirect to their storage, whose X-Linked headers describe the content; it is not followed here.
    private Task<HubFile> HeadAsync(string what, Uri address, HubFile file, CancellationToken cancellationToken) => _http.RetryAsync(what, async () =>
    {
        using HttpResponseMessage response = await _http.SendAsync(HttpMethod.Head, address, null, leaveHub: false, cancellationToken).ConfigureAwait(false);
        bool redirected = (int)response.StatusCode is >= 300 and < 400;
        if (!redirected) _http.CheckStatus(response, what);
        string? linked = Header(response, "X-Linked-Etag"), own = response.Headers.ETag?.Tag ?? Header(response, "ETag");
        string etag = CleanETag(linked ?? own ?? throw new HubException($"{what}: the hub sends no ETag, so the file cannot be checked. Check HF_ENDPOINT."));
        if (!HubName.IsBlob(etag)) throw new HubException($"{what}: the hub sends the ETag '{Printable.Shorten(etag)}', which is not a hash.");
        long? size = long.TryParse(Header(response, "X-Linked-Size"), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long stated) ? stated
            : redirected ? null : response.Content.Headers.ContentLength;
        if (size is not null && file.Size is not null && size != file.Size) throw new HubException($"{what}: the hub states {file.Size} bytes in its list and {size} for the file itself.");
        size ??= file.Size;
        string? sha256 = HubName.IsSha256(etag) ? etag : null;
        if (sha256 is not null && file.Sha256 is not null && sha256 != file.Sha256) throw new HubException($"{what}: the hub states the SHA-256 {file.Sha256} in its list and {sha256} for the file itself.");
        return new HubFile(file.Path, etag, size ?? throw new HubException($"{what}: the hub does not state the file's size, so it cannot be checked. Check HF_ENDPOINT."), sha256 ?? file.Sha256);
    }, null, cancellationToken);

    private async Task DownloadAsync(string what, Uri address, HubFile file, string blob, Action<long> report, CancellationToken cancellationToken)
    {
        // Named by its ETag: an unfinished file of other content has another name, so it is never continued by mistake.
        string partial = blob + HubCache.Incomplete;
        using (FileStream stream = OpenPartial(partial))
        {
            bool resumed = stream.Length > 0;
            await _http.RetryAsync(what, () => AttemptAsync(what, address, file, stream, report, cancellationToken), () => stream.Length, cancellationToken).ConfigureAwait(false);
            string? wrong = await WrongHashAsync(stream, file, cancellationToken).ConfigureAwait(false);
            if (wrong is not null && resumed)
            {
                // What an earlier process left may be what is wrong.
                stream.SetLength(0);
                await _http.RetryAsync(what, () => AttemptAsync(what, address, file, stream, report, cancellationToken), () => stream.Length, cancellationToken).ConfigureAwait(false);
                wrong = await WrongHashAsync(stream, file, cancellationToken).ConfigureAwait(false);
            }

            if (wrong is not null)
            {
                stream.SetLength(0);
                throw new InputException($"{what}: the bytes that arrived have the {(file.Sha256 is null ? "SHA-1 (of git)" : "SHA-256")} {wrong}, and the hub publishes {file.Sha256 ?? file.ETag}. They are discarded; pull again.");
            }

            stream.Flush();
            DurableFile.Synchronize(stream.SafeFileHandle, partial);
        }

        File.Move(partial, blob, overwrite: true);
        DurableFile.SynchronizeFolder(Path.GetDirectoryName(blob)!);
    }

    private async Task<bool> AttemptAsync(string what, Uri address, HubFile file, FileStream stream, Action<long> report, CancellationToken cancellationToken)
    {
        long size = file.Size!.Value;
        if (stream.Length > size) stream.SetLength(0);
        long at = stream.Length;
        if (at == size) return true;
        using HttpResponseMessage response = await _http.SendAsync(HttpMethod.Get, address, at > 0 ? at : null, leaveHub: true, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && at > 0)
        {
            stream.SetLength(0);
            throw new HubTransientException("the server cannot continue the file; it starts again", TimeSpan.Zero);
        }

        _http.CheckStatus(response, what);
        Uri from = response.RequestMessage?.RequestUri ?? address;
        if (response.StatusCode == HttpStatusCode.PartialContent)
        {
            if (!Continues(response, from, file, at))
            {
                stream.SetLength(0);
                throw new HubTransientException("the server continues another file or place; it starts again", TimeSpan.Zero);
            }
        }
        else
        {
            if (at > 0) stream.SetLength(0);
            at = 0;
            if (response.Content.Headers.ContentLength is { } length && length != size) throw new HubException($"{what}: {from.Host} offers {length} bytes; the file has {size}.");
        }

        stream.Position = at;
        using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        byte[] buffer = new byte[1 << 17];
        long told = at;
        for (int read; (read = await _http.ReadAsync(body, buffer, from, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            if (read > size - at)
            {
                stream.SetLength(0);
                throw new HubException($"{what}: {from.Host} sends more than the file's {size} bytes.");
            }

            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            at += read;
            if (at - told < 1 << 20) continue;
            report(told = at);
        }

        return at == size ? true : throw new HubTransientException($"{from.Host} ended the file after {at} of {size} bytes");
    }

    // The part must begin where the file ends, belong to a file of the same size and, where the hub itself answers, of the same ETag.
    private bool Continues(HttpResponseMessage response, Uri from, HubFile file, long at)
    {
        if (response.Content.Headers.ContentRange is not { Unit: "bytes", From: { } first, To: { } last, Length: { } length } || at == 0) return false;
        if (first != at || last != file.Size - 1 || length != file.Size) return false;
        string? etag = Header(response, "X-Linked-Etag") ?? (_http.IsHub(from) ? response.Headers.ETag?.Tag : null);
        return etag is null || CleanETag(etag) == file.ETag;
    }

    private static FileStream OpenPartial(string partial)
    {
        // Whoever may write into the cache could have placed a link there, and the download would overwrite what it leads to.
        if (new FileInfo(partial).LinkTarget is not null) File.Delete(partial);
        try
        {
            return new FileStream(partial, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
        }
        catch (IOException e)
        {
            throw new StorageException($"{partial}: cannot be opened: {e.Message.TrimEnd('.')}. Another pull may be running; wait for it.", e);
        }
    }

    /// <summary>Whether a file of the cache is there, of the right size and, as far as the hub publishes a digest, of the right bytes; a
    /// damaged one is fetched anew.</summary>
    private static async Task<bool> IsWholeAsync(string blob, HubFile file, CancellationToken cancellationToken)
    {
        FileInfo found = new(blob);
        if (!found.Exists || found.LinkTarget is not null || found.Length != file.Size) return false;
        using FileStream stream = InputFile.Open(blob);
        return await WrongHashAsync(stream, file, cancellationToken).ConfigureAwait(false) is null;
    }

    /// <summary>
    /// The digest of a file that does not have the one that the hub publishes; null for the right one, and if none is published. Large
    /// files have a SHA-256; the ETag of others is git's name of their content: SHA-1 of <c>blob LENGTH\0</c> and the bytes.
    /// </summary>
    private static async Task<string?> WrongHashAsync(FileStream stream, HubFile file, CancellationToken cancellationToken)
    {
        stream.Position = 0;
        if (file.Sha256 is { } sha256)
        {
            string found = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken).ConfigureAwait(false));
            return found == sha256 ? null : found;
        }

        if (file.ETag is not { } etag || !HubName.IsCommit(etag)) return null;
        using IncrementalHash sha1 = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        sha1.AppendData(System.Text.Encoding.ASCII.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"blob {stream.Length}\0")));
        byte[] buffer = new byte[1 << 17];
        for (int read; (read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;) sha1.AppendData(buffer.AsSpan(0, read));
        string digest = Convert.ToHexStringLower(sha1.GetHashAndReset());
        return digest == etag ? null : digest;
    }

    /// <summary>Refuses a folder of the cache that is a link: files would be written where it leads.</summary>
    private static void RefuseLink(string folder)
    {
        if (new DirectoryInfo(folder).LinkTarget is { } target)
            throw new StorageException($"{folder}: is a link to {Printable.Shorten(target)}; the cache has folders of its own there. Remove the link and pull again.");
    }

    // Replaced by a rename, so that a reader sees the old file or the new.
    private static void Link(string snapshot, string file, string blob)
    {
        string folder = snapshot, path = Path.Combine(snapshot, file);
        foreach (string part in file.Split('/')[..^1])
        {
            folder = Path.Combine(folder, part);
            RefuseLink(folder);
            Directory.CreateDirectory(folder);
        }

        string temporary = path + DurableFile.TemporaryEnding;
        File.Delete(temporary);
        try
        {
            File.CreateSymbolicLink(temporary, Path.GetRelativePath(folder, blob));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            File.Copy(blob, temporary, overwrite: true); // a file system without links
        }

        File.Move(temporary, path, overwrite: true);
    }

    private async Task<byte[]> ReadAllAsync(HttpResponseMessage response, Uri address, CancellationToken cancellationToken)
    {
        using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        using MemoryStream all = new();
        byte[] buffer = new byte[1 << 16];
        for (int read; (read = await _http.ReadAsync(body, buffer, address, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            all.Write(buffer, 0, read);
            if (all.Length > MaximumListingBytes) throw new HubException($"{address}: answers with more than {Printable.Bytes(MaximumListingBytes)}; a list of files was expected.");
        }

        return all.ToArray();
    }

    private Uri Address(string path) => new($"{_settings.Endpoint.AbsoluteUri.TrimEnd('/')}/{path}");

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.First() : null;

    private static string CleanETag(string etag) => (etag.StartsWith("W/", StringComparison.Ordinal) ? etag[2..] : etag).Trim('"');

    /// <summary>A file of a revision; the ETag is known after asking for the file itself.</summary>
    private sealed record HubFile(string Path, string? ETag, long? Size, string? Sha256);
}
