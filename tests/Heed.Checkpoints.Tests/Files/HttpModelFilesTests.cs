using System.Net;
using System.Net.Http.Headers;
using Heed.Testing;

namespace Heed.Checkpoints.Tests.Files;

public sealed class HttpModelFilesTests
{
    private static readonly Uri Address = new("https://models.test/a%20b");

    private static string Golden(params string[] parts) => Path.Combine([Repository.Goldens, .. parts]);

    [Theory]
    [InlineData("models", "gpt2")]
    [InlineData("checkpoints", "llama-sharded")]
    [InlineData("checkpoints", "gpt2-pickle")]
    public async Task A_folder_behind_an_address_reads_the_same_by_ranges_and_fetched(string kind, string model)
    {
        string folder = Golden(kind, model);
        using FolderServer server = new(folder);
        using HttpClient client = new(server);
        HttpModelFiles files = await HttpModelFiles.OpenAsync(Address, client, TestContext.Current.CancellationToken);
        using ModelFile config = files.Open(files.List("")[0]);
        byte[] start = new byte[2], expected = File.ReadAllBytes(Path.Combine(folder, Path.GetFileName(config.Path)))[..2];
        config.Read(0, start);
        Assert.Equal(expected, start);
        AssertSame(folder, files);
        Assert.True(server.Ranges > 0);

        List<LoadProgress> seen = [];
        long remaining = files.RemainingBytes;
        MemoryModelFiles memory = await files.FetchAsync(new Seen(seen), TestContext.Current.CancellationToken);
        Assert.Equal(remaining, seen[^1].Bytes);
        Assert.Equal(remaining, seen[^1].TotalBytes);
        Assert.Equal(0, files.RemainingBytes);
        int asked = server.Requests;
        AssertSame(folder, memory);
        Assert.Equal(asked, server.Requests);
    }

    [Fact]
    public async Task A_missing_model_a_refusal_and_a_server_without_ranges_are_named()
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        using TemporaryFolder empty = new();
        using (FolderServer server = new(empty.Path))
        using (HttpClient client = new(server))
            Assert.Contains("none of the files of a model", (await Assert.ThrowsAsync<StorageException>(() => HttpModelFiles.OpenAsync(Address, client, cancellationToken))).Message, StringComparison.Ordinal);
        using (FolderServer server = new(Golden("models", "gpt2")) { Refuses = true })
        using (HttpClient client = new(server))
            Assert.Contains("answers 403", (await Assert.ThrowsAsync<StorageException>(() => HttpModelFiles.OpenAsync(Address, client, cancellationToken))).Message, StringComparison.Ordinal);
        using (FolderServer server = new(Golden("models", "gpt2")) { KnowsRanges = false })
        using (HttpClient client = new(server))
        {
            HttpModelFiles files = await HttpModelFiles.OpenAsync(Address, client, cancellationToken);
            Assert.Contains("range requests", Assert.Throws<StorageException>(() => CheckpointFolder.Open(files)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_cut_connection_is_tried_again_and_a_stop_is_followed()
    {
        using FolderServer server = new(Golden("models", "gpt2")) { Cuts = 2 };
        using HttpClient client = new(server);
        HttpModelFiles files = await HttpModelFiles.OpenAsync(Address, client, TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => files.FetchAsync(null, new CancellationToken(canceled: true)));
        await files.FetchAsync(null, TestContext.Current.CancellationToken);
        Assert.Equal(0, server.Cuts);
        AssertSame(Golden("models", "gpt2"), files);
    }

    private static void AssertSame(string folder, IModelFiles files)
    {
        using CheckpointFolder disk = CheckpointFolder.Open(folder), other = CheckpointFolder.Open(files);
        Assert.Equal(disk.Tensors.Select(tensor => tensor.ToString()), other.Tensors.Select(tensor => tensor.ToString()));
        foreach (RawTensor tensor in disk.Tensors) Assert.Equal(tensor.ToBytes(), other[tensor.Name].ToBytes());
    }

    private sealed class Seen(List<LoadProgress> list) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => list.Add(value);
    }

    /// <summary>Answers for a folder, as a static web server does.</summary>
    private sealed class FolderServer(string folder) : HttpMessageHandler
    {
        public bool Refuses { get; init; }

        public bool KnowsRanges { get; init; } = true;

        public int Cuts { get; set; }

        public int Requests { get; private set; }

        public int Ranges { get; private set; }

        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) => Answer(request);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return Task.FromResult(Answer(request));
        }

        private HttpResponseMessage Answer(HttpRequestMessage request)
        {
            Requests++;
            if (Refuses) return new HttpResponseMessage(HttpStatusCode.Forbidden);
            string name = Uri.UnescapeDataString(request.RequestUri!.AbsolutePath)["/a b/".Length..], file = Path.Combine(folder, name);
            if (!File.Exists(file)) return new HttpResponseMessage(HttpStatusCode.NotFound);
            byte[] bytes = File.ReadAllBytes(file);
            if (request.Method == HttpMethod.Head)
            {
                HttpResponseMessage head = new(HttpStatusCode.OK) { Content = new ByteArrayContent([]) };
                head.Content.Headers.ContentLength = bytes.Length;
                return head;
            }

            if (request.Headers.Range?.Ranges.Single() is not { } range || !KnowsRanges) return new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(bytes) };
            Ranges++;
            if (Cuts > 0)
            {
                Cuts--;
                throw new HttpRequestException("cut");
            }

            (int from, int to) = ((int)range.From!.Value, (int)range.To!.Value);
            HttpResponseMessage part = new(HttpStatusCode.PartialContent) { Content = new ByteArrayContent(bytes, from, to - from + 1) };
            part.Content.Headers.ContentRange = new ContentRangeHeaderValue(from, to, bytes.Length);
            return part;
        }
    }
}
