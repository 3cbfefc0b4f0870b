using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Heed.Checkpoints;

/// <summary>
/// The files of a model below an address of a web server. Which of the usual files are there is asked once, by <see cref="OpenAsync"/>,
/// which also fetches the small ones; weights are read by range requests as they are needed.
/// </summary>
/// <remarks>A browser cannot wait for an answer: there <see cref="FetchAsync"/> brings the weights into memory first.</remarks>
public sealed class HttpModelFiles : IModelFiles
{
    private const long SmallFile = 64 << 20;
    private const int Piece = 8 << 20;
    private const int Attempts = 4;

    private static readonly string[] UsualNames =
    [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt",
        "tokenizer.model", "spiece.model", "sentencepiece.model", "sentencepiece.bpe.model", "spm.model", "source.spm", "target.spm", "chat_template.jinja", "modules.json",
        "sentence_bert_config.json", "config_sentence_transformers.json", CheckpointFolder.SafetensorsName, CheckpointFolder.SafetensorsIndexName, CheckpointFolder.PickleName,
        CheckpointFolder.PickleIndexName,
    ];

    private readonly HttpClient _client;
    private readonly Uri _base;
    private readonly SortedDictionary<string, long> _lengths = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _fetched = new(StringComparer.Ordinal);

    private HttpModelFiles(Uri address, HttpClient client)
    {
        _client = client;
        _base = address.AbsoluteUri.EndsWith('/') ? address : new Uri(address.AbsoluteUri + "/");
    }

    /// <inheritdoc/>
    public string Location => _base.AbsoluteUri.TrimEnd('/');

    /// <summary>Bytes of the weight files, which are not fetched before they are read.</summary>
    public long RemainingBytes => _lengths.Where(file => !_fetched.ContainsKey(file.Key)).Sum(file => file.Value);

    /// <summary>Asks which files of a model are below an address, and fetches all but the weights.</summary>
    /// <param name="address">Address of the folder, such as <c>https://example.org/models/gpt2/</c>.</param>
    /// <param name="client">Sends the requests; the caller's, and not disposed of here.</param>
    /// <param name="cancellationToken">Stops the requests.</param>
    /// <exception cref="StorageException">The server cannot be reached, or refuses.</exception>
    /// <exception cref="InvalidFileException">An index of shards, or <c>modules.json</c>, is damaged.</exception>
    public static async Task<HttpModelFiles> OpenAsync(Uri address, HttpClient client, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(client);
        HttpModelFiles files = new(address, client);
        await files.FindAsync(UsualNames, cancellationToken).ConfigureAwait(false);
        if (files._lengths.Count == 0) throw new StorageException($"{files.Location}: has none of the files of a model, such as config.json. Check the address.");
        await files.FindAsync(files.NamesOfModules(), cancellationToken).ConfigureAwait(false);
        foreach (string index in files._lengths.Keys.Where(name => name.EndsWith(".index.json", StringComparison.Ordinal)).ToArray())
        {
            // The index beside a whole file is not read.
            if (!files.Contains(index[..^".index.json".Length])) await files.FindAsync(ShardIndex.Read(files, index).Shards, cancellationToken).ConfigureAwait(false);
        }

        return files;
    }

    /// <inheritdoc/>
    public bool Contains(string name) => _lengths.ContainsKey(name);

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string folder) => ModelFilesReading.DirectlyIn(_lengths.Keys, folder);

    /// <inheritdoc/>
    public string PathOf(string name) => $"{Location}/{name}";

    /// <inheritdoc/>
    public ModelFile Open(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (_fetched.TryGetValue(name, out ReadOnlyMemory<byte> bytes)) return new MemoryFile(PathOf(name), bytes);
        return _lengths.TryGetValue(name, out long length) ? new RemoteFile(this, name, length) : throw new StorageException($"{PathOf(name)}: does not exist. Check the address.");
    }

    /// <summary>Brings the weights into memory, in pieces, so that nothing more is asked of the network.</summary>
    /// <param name="progress">Receives the bytes fetched; may be null.</param>
    /// <param name="cancellationToken">Stops the requests.</param>
    /// <returns>All files, in memory.</returns>
    /// <exception cref="StorageException">The connection failed several times, or the server sent something else.</exception>
    /// <exception cref="BudgetException">A file is larger than one array can be.</exception>
    public async Task<MemoryModelFiles> FetchAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        long total = RemainingBytes, done = 0;
        foreach ((string name, long length) in _lengths.Where(file => !_fetched.ContainsKey(file.Key)).ToArray())
        {
            if (length > Array.MaxLength) throw new BudgetException($"{PathOf(name)}: has {Printable.Bytes(length)}, more than one array holds; save the model in shards of at most 2 GB.");
            byte[] bytes = new byte[length];
            for (int at = 0; at < bytes.Length; at += Piece)
            {
                Memory<byte> piece = bytes.AsMemory(at, Math.Min(Piece, bytes.Length - at));
                await ReadAsync(name, length, at, piece, cancellationToken).ConfigureAwait(false);
                done += piece.Length;
                progress?.Report(new LoadProgress(name, done, total));
            }

            _fetched[name] = bytes;
        }

        return new MemoryModelFiles(_fetched, Location);
    }

    private static bool IsWeights(string name) => name.EndsWith(".safetensors", StringComparison.Ordinal) || name.EndsWith(".bin", StringComparison.Ordinal);

    private async Task FindAsync(IEnumerable<string> names, CancellationToken cancellationToken)
    {
        foreach (string name in names.Where(name => !_lengths.ContainsKey(name)).Distinct(StringComparer.Ordinal))
        {
            if (IsWeights(name))
            {
                if (await LengthAsync(name, cancellationToken).ConfigureAwait(false) is { } length) _lengths[name] = length;
            }
            else if (await WholeAsync(name, cancellationToken).ConfigureAwait(false) is { } bytes)
            {
                _fetched[name] = bytes;
                _lengths[name] = bytes.Length;
            }
        }
    }

    /// <summary>The files of the folders that <c>modules.json</c> names.</summary>
    private List<string> NamesOfModules()
    {
        const string Modules = "modules.json";
        List<string> names = [];
        if (!Contains(Modules)) return names;
        using JsonDocument document = this.ReadJson(Modules, 1 << 20);
        if (document.RootElement.ValueKind != JsonValueKind.Array) throw new InvalidFileException(PathOf(Modules), "$", $"is {StrictJson.Describe(document.RootElement)}; an array of modules was expected. Correct it");
        foreach (JsonElement module in document.RootElement.EnumerateArray())
        {
            if (module.ValueKind != JsonValueKind.Object || !module.TryGetProperty("path", out JsonElement path) || path.ValueKind != JsonValueKind.String) continue;
            string folder = path.GetString()!.Trim('/');
            if (folder.Length == 0 || folder.Contains("..", StringComparison.Ordinal) || folder.Contains(':', StringComparison.Ordinal) || folder.Contains('\\', StringComparison.Ordinal)) continue;
            names.AddRange(UsualNames.Select(name => $"{folder}/{name}"));
        }

        return names;
    }

    private async Task<long?> LengthAsync(string name, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Head, Address(name));
        using HttpResponseMessage response = await SendAsync(name, request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone) return null;
        Check(response, name);
        return response.Content.Headers.ContentLength ?? throw new StorageException($"{PathOf(name)}: the server does not state the length, so it cannot be read in parts. Use a server that answers HEAD with Content-Length.");
    }

    private async Task<byte[]?> WholeAsync(string name, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, Address(name));
        using HttpResponseMessage response = await SendAsync(name, request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone) return null;
        Check(response, name);
        InputFile.CheckSize(PathOf(name), response.Content.Headers.ContentLength ?? 0, SmallFile);
        try
        {
            byte[] bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            InputFile.CheckSize(PathOf(name), bytes.Length, SmallFile);
            return bytes;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Cut(name, e);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(string name, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw Cut(name, e);
        }
    }

    private async Task ReadAsync(string name, long length, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                using HttpRequestMessage request = Range(name, offset, destination.Length);
                using HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
                CheckPart(response, name, length, offset, destination.Length);
                using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
                await body.ReadExactlyAsync(destination, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                if (attempt == Attempts) throw Cut(name, e);
            }
        }
    }

    private void Read(string name, long length, long offset, Span<byte> destination)
    {
        if (OperatingSystem.IsBrowser())
            throw new StorageException($"{PathOf(name)}: a browser cannot wait for the network; call FetchAsync first, or open the model by OpenAsync.");
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                using HttpRequestMessage request = Range(name, offset, destination.Length);
                using HttpResponseMessage response = _client.Send(request, HttpCompletionOption.ResponseHeadersRead);
                CheckPart(response, name, length, offset, destination.Length);
                using Stream body = response.Content.ReadAsStream();
                body.ReadExactly(destination);
                return;
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                if (attempt == Attempts) throw Cut(name, e);
            }
        }
    }

    private HttpRequestMessage Range(string name, long offset, int count)
    {
        HttpRequestMessage request = new(HttpMethod.Get, Address(name));
        request.Headers.Range = new RangeHeaderValue(offset, offset + count - 1);
        return request;
    }

    private Uri Address(string name) => new(_base, string.Join('/', name.Split('/').Select(Uri.EscapeDataString)));

    private void Check(HttpResponseMessage response, string name)
    {
        if (!response.IsSuccessStatusCode)
            throw new StorageException($"{PathOf(name)}: the server answers {(int)response.StatusCode}. Check the address, and what may be read there.");
    }

    private void CheckPart(HttpResponseMessage response, string name, long length, long offset, int count)
    {
        Check(response, name);
        // All of the file is as good if all was asked for.
        if (response.StatusCode == HttpStatusCode.OK && offset == 0 && count == length) return;
        if (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange is not { } range || range.From != offset || range.To != offset + count - 1)
            throw new StorageException($"{PathOf(name)}: the server does not send the part that was asked for (bytes {offset} to {offset + count - 1}). Use a server that knows range requests.");
        if (range.Length is { } now && now != length)
            throw new StorageException($"{PathOf(name)}: has {now} bytes now and had {length} when it was opened; it was replaced. Load it again.");
    }

    private StorageException Cut(string name, Exception e) => new($"{PathOf(name)}: cannot be read: {e.Message.TrimEnd('.')}. Check the connection and the address.", e);

    /// <summary>A file that is read by range requests.</summary>
    private sealed class RemoteFile(HttpModelFiles files, string name, long length) : ModelFile
    {
        public override string Path => files.PathOf(name);

        public override long Length => length;

        public override void Read(long offset, Span<byte> destination)
        {
            if (offset < 0 || offset > length - destination.Length) throw Shorter(Path, length);
            if (destination.IsEmpty) return;
            files.Read(name, length, offset, destination);
        }

        public override async ValueTask ReadAsync(long offset, Memory<byte> destination, CancellationToken cancellationToken = default)
        {
            if (offset < 0 || offset > length - destination.Length) throw Shorter(Path, length);
            if (!destination.IsEmpty) await files.ReadAsync(name, length, offset, destination, cancellationToken).ConfigureAwait(false);
        }
    }
}
