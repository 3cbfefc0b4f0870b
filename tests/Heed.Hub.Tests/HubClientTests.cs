using System.Collections.Concurrent;
using System.Text;
using Heed.Hub;
using Heed.Testing;

namespace Heed.Hub.Tests;

public sealed class HubClientTests : IDisposable
{
    private static readonly byte[] Weights = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))];

    private readonly TemporaryFolder _folder = new();
    private readonly FakeHub _hub = new();
    private readonly InstantTime _time = new();

    public HubClientTests()
    {
        _hub.Files["config.json"] = "{}"u8.ToArray();
        _hub.Files["model.safetensors"] = Weights;
        _hub.Files["pytorch_model.bin"] = [1, 2, 3];
        _hub.Files["1_Pooling/config.json"] = "{\"x\":1}"u8.ToArray();
        _hub.Files["empty.txt"] = [];
        _hub.Large["model.safetensors"] = $"{_hub.Address}cdn/model.safetensors";
    }

    public void Dispose()
    {
        _hub.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_repository_is_laid_out_as_the_hub_cache_is()
    {
        ConcurrentQueue<HubProgress> seen = new();
        HubSnapshot snapshot = await PullAsync(progress: new Seen(seen));
        Assert.Equal(["1_Pooling/config.json", "config.json", "empty.txt", "model.safetensors"], snapshot.Files);
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(snapshot.Folder, "model.safetensors")));
        string root = _folder.File("hub/models--org--tiny");
        Assert.Equal(Path.Combine(root, "snapshots", FakeHub.Commit), snapshot.Folder);
        Assert.Equal(FakeHub.Commit, File.ReadAllText(Path.Combine(root, "refs", "main")));
        Assert.Equal($"../../blobs/{FakeHub.Sha256(Weights)}", new FileInfo(Path.Combine(snapshot.Folder, "model.safetensors")).LinkTarget);
        Assert.Equal($"../../../blobs/{FakeHub.ETag(_hub.Files["1_Pooling/config.json"])}", new FileInfo(Path.Combine(snapshot.Folder, "1_Pooling", "config.json")).LinkTarget);
        Assert.Equal(4, seen.Count(p => p.FileBytes == p.FileSize));

        _hub.Requests.Clear();
        await PullAsync();
        Assert.DoesNotContain(_hub.Requests, r => r.Method == "GET" && !r.Path.StartsWith("/api/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Patterns_choose_files_and_absent_ones_are_noted()
    {
        HubSnapshot snapshot = await PullAsync(new HubPullOptions { Include = ["*.bin", "1_*", "missing.json"], Exclude = ["1_Pooling/c*"] });
        Assert.Equal(["pytorch_model.bin"], snapshot.Files);
        Assert.True(File.Exists(_folder.File($"hub/models--org--tiny/.no_exist/{FakeHub.Commit}/missing.json")));
        _hub.Files.Remove("model.safetensors");
        Assert.Contains("pytorch_model.bin", (await PullAsync()).Files);
    }

    [Fact]
    public async Task Only_safetensors_of_the_root_take_the_place_of_pickles()
    {
        _hub.Files["tokens.tiktoken"] = [1];
        _hub.Files.Remove("model.safetensors");
        _hub.Files["onnx/model.safetensors"] = [1];
        _hub.Files["original/consolidated.safetensors"] = [1];
        Assert.Equal(["1_Pooling/config.json", "config.json", "empty.txt", "pytorch_model.bin", "tokens.tiktoken"], (await PullAsync()).Files);
    }

    [Theory]
    [InlineData("nomatch*")]
    [InlineData("missing.json")]
    public async Task Patterns_that_match_nothing_are_an_error(string pattern)
    {
        HubException e = await Assert.ThrowsAsync<HubException>(() => PullAsync(new HubPullOptions { Include = [pattern] }));
        Assert.Contains($"'{pattern}'", e.Message, StringComparison.Ordinal);
        Assert.Empty(new HubCache(_folder.File("hub")).List());
    }

    [Fact]
    public async Task A_cut_connection_is_resumed_from_where_it_ended()
    {
        int cuts = 0;
        _hub.Fault = r => r.Path == "/cdn/model.safetensors" && cuts++ < 3 ? FakeHub.Send(r, Weights, null) with { CutAfter = 70_000 } : null;
        HubSnapshot snapshot = await PullAsync();
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(snapshot.Folder, "model.safetensors")));
        string?[] ranges = [.. _hub.Requests.Where(r => r.Path.StartsWith("/cdn/", StringComparison.Ordinal)).Select(r => r.Header("range"))];
        Assert.Null(ranges[0]);
        Assert.All(ranges[1..], range => Assert.NotNull(range));
        Assert.Equal([TimeSpan.FromSeconds(1)], _time.Waits.Distinct());
    }

    [Fact]
    public async Task What_an_interrupted_pull_left_is_continued_by_the_next()
    {
        string blobs = _folder.File("hub/models--org--tiny/blobs");
        Directory.CreateDirectory(blobs);
        File.WriteAllBytes(Path.Combine(blobs, FakeHub.Sha256(Weights) + ".incomplete"), Weights[..100_000]);
        HubSnapshot snapshot = await PullAsync();
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(snapshot.Folder, "model.safetensors")));
        Assert.Contains(_hub.Requests, r => r.Header("range") == "bytes=100000-");
        Assert.Empty(Directory.GetFiles(blobs, "*.incomplete"));
    }

    [Fact]
    public async Task A_damaged_leftover_is_found_by_its_hash_and_fetched_anew()
    {
        string blobs = _folder.File("hub/models--org--tiny/blobs");
        Directory.CreateDirectory(blobs);
        File.WriteAllBytes(Path.Combine(blobs, FakeHub.Sha256(Weights) + ".incomplete"), new byte[100_000]);
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine((await PullAsync()).Folder, "model.safetensors")));
    }

    // cases: r10
    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    public async Task A_damaged_file_of_the_cache_is_found_and_fetched_anew(string name)
    {
        HubSnapshot snapshot = await PullAsync();
        string file = Path.Combine(snapshot.Folder, name);
        byte[] bytes = File.ReadAllBytes(file), damaged = [.. bytes];
        damaged[1] ^= 1;
        File.WriteAllBytes(new FileInfo(file).ResolveLinkTarget(returnFinalTarget: true)!.FullName, damaged);
        await PullAsync();
        Assert.Equal(bytes, File.ReadAllBytes(file));
    }

    // cases: r10
    [Fact]
    public async Task A_wrong_byte_in_a_small_file_is_refused_with_both_digests()
    {
        _hub.Fault = r => r.Path.EndsWith("/config.json", StringComparison.Ordinal) && r.Method == "GET" && !r.Path.Contains("Pooling", StringComparison.Ordinal)
            ? FakeHub.Send(r, "[]"u8.ToArray(), FakeHub.ETag("{}"u8.ToArray())) : null;
        InputException e = await Assert.ThrowsAsync<InputException>(() => PullAsync());
        Assert.Contains(FakeHub.ETag("{}"u8.ToArray()), e.Message, StringComparison.Ordinal);
        Assert.Contains(FakeHub.ETag("[]"u8.ToArray()), e.Message, StringComparison.Ordinal);
    }

    // cases: r9
    [Fact]
    public async Task Links_in_the_cache_are_not_written_through()
    {
        string root = _folder.File("hub/models--org--tiny"), victim = _folder.File("victim");
        Directory.CreateDirectory(Path.Combine(root, "blobs"));
        File.WriteAllText(victim, "mine");
        File.CreateSymbolicLink(Path.Combine(root, "blobs", FakeHub.Sha256(Weights) + ".incomplete"), victim);
        await PullAsync();
        Assert.Equal("mine", File.ReadAllText(victim));

        Directory.Delete(Path.Combine(root, "snapshots"), recursive: true);
        Directory.CreateDirectory(Path.Combine(root, "snapshots"));
        Directory.CreateDirectory(_folder.File("elsewhere"));
        Directory.CreateSymbolicLink(Path.Combine(root, "snapshots", FakeHub.Commit), _folder.File("elsewhere"));
        Assert.Contains("is a link to", (await Assert.ThrowsAsync<StorageException>(() => PullAsync())).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.File("elsewhere")));

        Directory.Delete(Path.Combine(root, "snapshots", FakeHub.Commit));
        Directory.CreateDirectory(Path.Combine(root, "snapshots", FakeHub.Commit));
        Directory.CreateSymbolicLink(Path.Combine(root, "snapshots", FakeHub.Commit, "1_Pooling"), _folder.File("elsewhere"));
        await Assert.ThrowsAsync<StorageException>(() => PullAsync());
        Assert.Empty(Directory.GetFileSystemEntries(_folder.File("elsewhere")));
    }

    [Theory]
    [InlineData("Content-Range", "bytes 50000-299999/300000")]
    [InlineData("Content-Range", "bytes 100000-299999/300001")]
    [InlineData("Content-Range", "bytes 100000-200000/300000")]
    [InlineData("Content-Range", "nonsense")]
    [InlineData("X-Linked-Etag", "\"0000000000000000000000000000000000000000000000000000000000000000\"")]
    public async Task A_part_of_another_file_or_place_is_not_joined(string header, string value)
    {
        string blobs = _folder.File("hub/models--org--tiny/blobs");
        Directory.CreateDirectory(blobs);
        File.WriteAllBytes(Path.Combine(blobs, FakeHub.Sha256(Weights) + ".incomplete"), Weights[..100_000]);
        _hub.Fault = r =>
        {
            if (r.Header("range") is null) return null;
            FakeResponse part = FakeHub.Send(r, Weights, null);
            part.Headers[header] = value;
            return part with { Body = new byte[part.Body.Length] };
        };
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine((await PullAsync()).Folder, "model.safetensors")));
    }

    [Fact]
    public async Task A_server_that_ignores_the_range_starts_the_file_again()
    {
        string blobs = _folder.File("hub/models--org--tiny/blobs");
        Directory.CreateDirectory(blobs);
        File.WriteAllBytes(Path.Combine(blobs, FakeHub.Sha256(Weights) + ".incomplete"), new byte[100_000]);
        _hub.Fault = r => r.Path.StartsWith("/cdn/", StringComparison.Ordinal) ? new FakeResponse(200, Weights) : null;
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine((await PullAsync()).Folder, "model.safetensors")));
    }

    [Fact]
    public async Task A_wrong_hash_discards_the_bytes_and_leaves_no_file()
    {
        byte[] wrong = [.. Weights];
        wrong[123] ^= 1;
        _hub.Fault = r => r.Path.StartsWith("/cdn/", StringComparison.Ordinal) ? FakeHub.Send(r, wrong, null) : null;
        InputException e = await Assert.ThrowsAsync<InputException>(() => PullAsync());
        Assert.Contains("SHA-256", e.Message, StringComparison.Ordinal);
        Assert.Contains("model.safetensors", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File($"hub/models--org--tiny/snapshots/{FakeHub.Commit}/model.safetensors")));
        Assert.False(File.Exists(_folder.File("hub/models--org--tiny/refs/main")));
        Assert.Null(new HubCache(_folder.File("hub")).Find(FakeHub.Repository));
    }

    [Fact]
    public async Task A_wrong_length_is_refused()
    {
        _hub.Fault = r => r.Path.StartsWith("/cdn/", StringComparison.Ordinal) ? new FakeResponse(200, [.. Weights, 0]) : null;
        Assert.Contains("300001", (await Assert.ThrowsAsync<HubException>(() => PullAsync())).Message, StringComparison.Ordinal);
        _hub.Fault = r => r.Path.StartsWith("/cdn/", StringComparison.Ordinal) ? new FakeResponse(200, Weights[..^1]) : null;
        await Assert.ThrowsAsync<HubException>(() => PullAsync());
        _hub.Fault = r => r.Path.StartsWith("/cdn/", StringComparison.Ordinal) ? new FakeResponse(200, Weights[..^5]) { StatedLength = Weights.Length } : null;
        Assert.Contains("attempts failed", (await Assert.ThrowsAsync<HubException>(() => PullAsync())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, "HF_TOKEN")]
    [InlineData(403, "HF_TOKEN")]
    [InlineData(404, "404")]
    [InlineData(418, "418")]
    public async Task A_refusal_is_told_once_and_not_tried_again(int status, string told)
    {
        _hub.Fault = _ => new FakeResponse(status, []);
        HubException e = await Assert.ThrowsAsync<HubException>(() => PullAsync());
        Assert.Contains(told, e.Message, StringComparison.Ordinal);
        Assert.Single(_hub.Requests);
        Assert.Equal(ExitCode.InputOutput, e.ExitCode);
    }

    [Fact]
    public async Task Too_many_requests_waits_as_long_as_the_server_asks()
    {
        int refused = 0;
        _hub.Fault = r => r.Method == "HEAD" && refused++ < 2 ? new FakeResponse(429, []) { Headers = { ["Retry-After"] = "17" } } : null;
        await PullAsync();
        Assert.Equal([TimeSpan.FromSeconds(17), TimeSpan.FromSeconds(17)], _time.Waits);

        _hub.Fault = _ => new FakeResponse(429, []) { Headers = { ["Retry-After"] = "3600" } };
        Assert.Contains("3600 s", (await Assert.ThrowsAsync<HubException>(() => PullAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failing_server_is_tried_five_times_with_growing_pauses()
    {
        _hub.Fault = _ => new FakeResponse(500, []);
        Assert.Contains("5 attempts", (await Assert.ThrowsAsync<HubException>(() => PullAsync())).Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 4, 8], _time.Waits.Select(w => (int)w.TotalSeconds));
        _hub.Dispose();
        await Assert.ThrowsAsync<HubException>(() => PullAsync());
    }

    [Fact]
    public async Task A_silent_server_is_given_up()
    {
        _hub.Fault = _ => new FakeResponse(200, []) { Silent = true };
        using HubClient client = new(Settings with { Timeout = TimeSpan.FromMilliseconds(200), MaximumAttempts = 2 }, _time);
        Assert.Contains("did not answer", (await Assert.ThrowsAsync<HubException>(() => client.PullAsync(FakeHub.Repository))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_token_goes_to_the_hub_and_never_to_another_host()
    {
        using FakeHub storage = new();
        storage.Files["model.safetensors"] = Weights;
        _hub.Large["model.safetensors"] = $"http://localhost:{storage.Port}/cdn/model.safetensors";
        using HubClient client = new(Settings with { Token = "hf_secret", TrustedHosts = ["localhost"] }, _time);
        await client.PullAsync(FakeHub.Repository);
        Assert.All(_hub.Requests, r => Assert.Equal("Bearer hf_secret", r.Header("authorization")));
        Assert.NotEmpty(storage.Requests);
        Assert.All(storage.Requests, r => Assert.Null(r.Header("authorization")));
    }

    [Fact]
    public async Task The_token_does_not_go_to_another_port_of_the_same_host()
    {
        using FakeHub storage = new();
        storage.Files["model.safetensors"] = Weights;
        _hub.Large["model.safetensors"] = $"{storage.Address}cdn/model.safetensors";
        using HubClient client = new(Settings with { Token = "hf_secret" }, _time);
        await client.PullAsync(FakeHub.Repository);
        Assert.All(storage.Requests, r => Assert.Null(r.Header("authorization")));
    }

    [Theory]
    [InlineData("http://localhost:1/x")]
    [InlineData("http://127.0.0.2:1/x")]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("http://[::1]:1/x")]
    [InlineData("http://[::ffff:10.0.0.1]/x")]
    [InlineData("http://0/x")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://user:pass@127.0.0.1/x")]
    public async Task A_redirect_into_the_computer_or_its_network_is_refused(string target)
    {
        _hub.Large["model.safetensors"] = target;
        HubException e = await Assert.ThrowsAsync<HubException>(() => PullAsync());
        Assert.Contains("not followed", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_on_the_same_host_is_followed_and_a_circle_is_left()
    {
        _hub.Fault = r => r.Path.StartsWith("/api/models/org/old", StringComparison.Ordinal) ? new FakeResponse(307, []) { Headers = { ["Location"] = r.Path.Replace("org/old", "org/tiny", StringComparison.Ordinal) } }
            : r.Path.StartsWith("/org/old/", StringComparison.Ordinal) ? new FakeResponse(307, []) { Headers = { ["Location"] = r.Path.Replace("org/old", "org/tiny", StringComparison.Ordinal) } } : null;
        using HubClient client = new(Settings, _time);
        Assert.NotEmpty((await client.PullAsync("org/old")).Files);
        _hub.Fault = r => new FakeResponse(302, []) { Headers = { ["Location"] = r.Path } };
        Assert.Contains("redirects more than", (await Assert.ThrowsAsync<HubException>(() => PullAsync())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../evil")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../b")]
    [InlineData("a\\\\..\\\\b")]
    [InlineData("a//b")]
    [InlineData("C:x")]
    [InlineData("a\\u0000b")]
    [InlineData("")]
    public async Task A_listing_that_leaves_the_folder_is_refused(string file)
    {
        _hub.Fault = r => r.Path.StartsWith("/api/", StringComparison.Ordinal)
            ? new FakeResponse(200, Encoding.UTF8.GetBytes($$"""{"sha":"{{FakeHub.Commit}}","siblings":[{"rfilename":"{{file}}","size":1}]}""")) : null;
        await Assert.ThrowsAsync<InvalidFileException>(() => PullAsync());
        Assert.False(Directory.Exists(_folder.File("hub")));
    }

    [Fact]
    public async Task An_odd_name_is_refused_only_where_it_is_wanted()
    {
        _hub.Files["logs/12:30:01/events"] = [1];
        Assert.Equal(4, (await PullAsync()).Files.Count);
        Assert.Contains("12:30:01", (await Assert.ThrowsAsync<HubException>(() => PullAsync(new HubPullOptions { Include = ["*"] }))).Message, StringComparison.Ordinal);
        Assert.Equal(5, (await PullAsync(new HubPullOptions { Include = ["*"], Exclude = ["logs/*"] })).Files.Count);
    }

    [Theory]
    [InlineData("""{"sha":"../../x","siblings":[]}""")]
    [InlineData("""{"siblings":[]}""")]
    [InlineData("[]")]
    [InlineData("<html>")]
    public async Task A_listing_of_another_form_is_refused(string json)
    {
        _hub.Fault = _ => new FakeResponse(200, Encoding.UTF8.GetBytes(json));
        await Assert.ThrowsAsync<InvalidFileException>(() => PullAsync());
    }

    [Theory]
    [InlineData("\"../../x\"")]
    [InlineData("\"\"")]
    [InlineData(null)]
    public async Task An_etag_that_is_no_hash_is_refused(string? etag)
    {
        _hub.Fault = r => r.Method == "HEAD" ? new FakeResponse(200, []) { Headers = etag is null ? [] : new() { ["ETag"] = etag } } : null;
        await Assert.ThrowsAsync<HubException>(() => PullAsync());
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/b/c")]
    [InlineData("a--b/c")]
    [InlineData("a/..")]
    [InlineData("/a")]
    [InlineData("")]
    [InlineData("a b/c")]
    [InlineData("-x/y")]
    public async Task A_wrong_name_is_refused_before_anything_is_asked(string name)
    {
        using HubClient client = new(Settings, _time);
        await Assert.ThrowsAsync<UsageException>(() => client.PullAsync(name));
        await Assert.ThrowsAsync<UsageException>(() => client.PullAsync("a/b", new HubPullOptions { Revision = "../" + name }));
        Assert.Empty(_hub.Requests);
    }

    [Fact]
    public async Task Offline_asks_nothing_and_finds_what_is_cached()
    {
        using HubClient offline = new(Settings with { Offline = true }, _time);
        Assert.Contains("HF_HUB_OFFLINE", (await Assert.ThrowsAsync<HubException>(() => offline.PullAsync(FakeHub.Repository))).Message, StringComparison.Ordinal);
        HubSnapshot online = await PullAsync();
        _hub.Requests.Clear();
        Assert.Equal(online.Folder, (await offline.PullAsync(FakeHub.Repository)).Folder);
        Assert.Empty(_hub.Requests);
    }

    [Fact]
    public async Task Cancelling_stops_at_once_and_keeps_what_is_here()
    {
        using CancellationTokenSource stop = new();
        _hub.Fault = r => r.Path.StartsWith("/cdn/", StringComparison.Ordinal) ? Cut(r) : null;
        FakeResponse Cut(FakeRequest r)
        {
            stop.CancelAfter(100);
            return FakeHub.Send(r, Weights, null) with { Silent = true };
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PullAsync(cancellationToken: stop.Token));
        _hub.Fault = _ => null;
        Assert.Equal(4, (await PullAsync()).Files.Count);
    }

    [Fact]
    public async Task The_cache_lists_and_removes_repositories_and_revisions()
    {
        await PullAsync();
        HubCache cache = new(_folder.File("hub"));
        CachedRepository only = Assert.Single(cache.List());
        Assert.Equal(FakeHub.Repository, only.Repository);
        Assert.Equal(300_009, only.Bytes);
        CachedRevision revision = Assert.Single(only.Revisions);
        Assert.Equal(["main"], revision.References);
        Assert.Equal((300_009, 4), (revision.Bytes, revision.Files));

        // A second revision that shares the configuration.
        string other = new('f', 40), folder = Path.Combine(only.Folder, "snapshots", other);
        Directory.CreateDirectory(folder);
        File.CreateSymbolicLink(Path.Combine(folder, "config.json"), $"../../blobs/{FakeHub.ETag("{}"u8.ToArray())}");
        Assert.Equal(300_007, cache.Remove(FakeHub.Repository, "main"));
        Assert.Null(cache.Find(FakeHub.Repository));
        Assert.Equal("{}", File.ReadAllText(Path.Combine(cache.Find(FakeHub.Repository, other)!.Folder, "config.json")));
        Assert.Equal(2, cache.Remove(FakeHub.Repository));
        Assert.Null(cache.Remove(FakeHub.Repository));
        Assert.Empty(cache.List());
        Assert.Throws<UsageException>(() => cache.Remove("../.."));
    }

    private HubSettings Settings => new() { CacheFolder = _folder.File("hub"), Endpoint = _hub.Address };

    private async Task<HubSnapshot> PullAsync(HubPullOptions? options = null, IProgress<HubProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        using HubClient client = new(Settings, _time);
        return await client.PullAsync(FakeHub.Repository, options, progress, cancellationToken);
    }

    private sealed class Seen(ConcurrentQueue<HubProgress> seen) : IProgress<HubProgress>
    {
        public void Report(HubProgress value) => seen.Enqueue(value);
    }

    /// <summary>A clock whose waits are noted and over at once.</summary>
    private sealed class InstantTime : TimeProvider
    {
        public ConcurrentQueue<TimeSpan> Waits { get; } = new();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime > TimeSpan.Zero) Waits.Enqueue(dueTime);
            return System.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
