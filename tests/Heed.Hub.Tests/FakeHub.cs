using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Heed.Hub;

namespace Heed.Hub.Tests;

/// <summary>A request as the fake hub saw it; header names in lower case.</summary>
internal sealed record FakeRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers)
{
    public string? Header(string name) => Headers.GetValueOrDefault(name);
}

/// <summary>An answer of the fake hub, faults included.</summary>
internal sealed record FakeResponse(int Status, byte[] Body)
{
    public Dictionary<string, string> Headers { get; init; } = [];

    /// <summary>Bytes of the body after which the connection is cut; null for none.</summary>
    public int? CutAfter { get; init; }

    /// <summary>The length stated, where it is not the body's.</summary>
    public long? StatedLength { get; init; }

    /// <summary>Says nothing at all until the client goes.</summary>
    public bool Silent { get; init; }
}

/// <summary>A hub on a port of this computer: one repository, answers replaced by a test's own where it wants faults.</summary>
internal sealed class FakeHub : IDisposable
{
    public const string Repository = "org/tiny";
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private bool _over;

    public FakeHub()
    {
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public Uri Address => new($"http://127.0.0.1:{Port}");

    public ConcurrentQueue<FakeRequest> Requests { get; } = new();

    public Dictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Files that are answered as large ones: by a redirect to this address, with a SHA-256.</summary>
    public Dictionary<string, string> Large { get; } = new(StringComparer.Ordinal);

    /// <summary>Asked first; null leaves the answer to the hub.</summary>
    public Func<FakeRequest, FakeResponse?> Fault { get; set; } = _ => null;

    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public FakeResponse Answer(FakeRequest request)
    {
        if (request.Path.StartsWith($"/api/models/{Repository}/revision/", StringComparison.Ordinal)) return new FakeResponse(200, Encoding.UTF8.GetBytes(Listing()));
        if (request.Path.StartsWith("/cdn/", StringComparison.Ordinal) && Files.TryGetValue(request.Path[5..], out byte[]? stored)) return Send(request, stored, null);
        string prefix = $"/{Repository}/resolve/{Commit}/";
        if (!request.Path.StartsWith(prefix, StringComparison.Ordinal) || !Files.TryGetValue(Uri.UnescapeDataString(request.Path[prefix.Length..]), out byte[]? bytes))
            return new FakeResponse(404, []) { Headers = { ["X-Error-Code"] = request.Path.Contains("/resolve/", StringComparison.Ordinal) ? "EntryNotFound" : "RepoNotFound" } };
        string name = Uri.UnescapeDataString(request.Path[prefix.Length..]);
        if (Large.TryGetValue(name, out string? place))
        {
            return new FakeResponse(302, Encoding.ASCII.GetBytes("Found."))
            {
                Headers = { ["Location"] = place, ["X-Linked-Etag"] = $"\"{Sha256(bytes)}\"", ["X-Linked-Size"] = bytes.Length.ToString(CultureInfo.InvariantCulture), ["ETag"] = "\"pointer\"", ["X-Repo-Commit"] = Commit },
            };
        }

        return Send(request, bytes, ETag(bytes));
    }

    /// <summary>git's name of a content.</summary>
    public static string ETag(byte[] bytes)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {bytes.Length}\0")));
        hash.AppendData(bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public static FakeResponse Send(FakeRequest request, byte[] bytes, string? etag)
    {
        Dictionary<string, string> headers = etag is null ? [] : new() { ["ETag"] = $"\"{etag}\"" };
        if (request.Header("range") is not { } range) return new FakeResponse(200, bytes) { Headers = headers };
        int from = int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture);
        if (from >= bytes.Length) return new FakeResponse(416, []);
        headers["Content-Range"] = $"bytes {from}-{bytes.Length - 1}/{bytes.Length}";
        return new FakeResponse(206, bytes[from..]) { Headers = headers };
    }

    public void Dispose()
    {
        if (_over) return;
        _over = true;
        _stop.Cancel();
        _listener.Stop();
        _stop.Dispose();
    }

    private string Listing()
    {
        IEnumerable<string> files = Files.Select(f => Large.ContainsKey(f.Key)
            ? $$$"""{"rfilename":"{{{f.Key}}}","size":{{{f.Value.Length}}},"lfs":{"sha256":"{{{Sha256(f.Value)}}}","size":{{{f.Value.Length}}}}}"""
            : $$$"""{"rfilename":"{{{f.Key}}}","size":{{{f.Value.Length}}}}""");
        return $$"""{"id":"{{Repository}}","sha":"{{Commit}}","siblings":[{{string.Join(',', files)}}]}""";
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                NetworkStream stream = client.GetStream();
                using StreamReader reader = new(stream, Encoding.ASCII, false, 4096, leaveOpen: true);
                string[] first = (await reader.ReadLineAsync(_stop.Token) ?? "").Split(' ');
                if (first.Length < 3) return;
                Dictionary<string, string> headers = new(StringComparer.Ordinal);
                while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line) headers[line[..line.IndexOf(':', StringComparison.Ordinal)].ToLowerInvariant()] = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
                FakeRequest request = new(first[0], first[1], headers);
                Requests.Enqueue(request);
                FakeResponse response = Fault(request) ?? Answer(request);
                if (response.Silent) await Task.Delay(Timeout.Infinite, _stop.Token);
                StringBuilder head = new();
                head.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {response.Status} X\r\nConnection: close\r\nContent-Length: {response.StatedLength ?? response.Body.Length}\r\n");
                foreach ((string name, string value) in response.Headers) head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
                head.Append("\r\n");
                await stream.WriteAsync(Encoding.ASCII.GetBytes(head.ToString()), _stop.Token);
                if (request.Method != "HEAD") await stream.WriteAsync(response.Body.AsMemory(0, response.CutAfter ?? response.Body.Length), _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
        {
            // The client went away, or the test is over.
        }
    }
}
