using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Heed.Checkpoints;

namespace Heed.Hub;

/// <summary>A failure that may pass: the connection was cut, the server is busy.</summary>
internal sealed class HubTransientException(string message, TimeSpan? retryAfter = null, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>How long the server asks to wait.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}

/// <summary>
/// Requests to the hub: redirects followed by hand (the token never leaves the hub's own address, private addresses are refused elsewhere),
/// silence limited, failures that may pass tried again.
/// </summary>
[UnsupportedOSPlatform("browser")]
internal sealed class HubHttp : IDisposable
{
    private const int MaximumRedirects = 10;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    private readonly HubSettings _settings;
    private readonly TimeProvider _time;
    private readonly HttpClient _client;

    public HubHttp(HubSettings settings, TimeProvider time)
    {
        (_settings, _time) = (settings, time);
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = settings.Timeout,
            ConnectCallback = ConnectAsync,
        };
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("heed", typeof(HubHttp).Assembly.GetName().Version?.ToString(3)));
        _client.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Runs <paramref name="attempt"/> again after failures that may pass, waiting 1, 2, 4 … 30 seconds or what the server
    /// asks.</summary>
    /// <param name="what">What is fetched, for errors.</param>
    /// <param name="attempt">One attempt.</param>
    /// <param name="progress">Bytes that are here; attempts that bring 64 KiB or more do not count as failures in a row. Null for
    /// none.</param>
    /// <param name="cancellationToken">Stops at once.</param>
    public async Task<T> RetryAsync<T>(string what, Func<Task<T>> attempt, Func<long>? progress, CancellationToken cancellationToken)
    {
        long before = progress?.Invoke() ?? 0;
        for (int failures = 1; ; failures++)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (HubTransientException e)
            {
                long now = progress?.Invoke() ?? 0;
                if (now >= before + (64 << 10)) failures = 1;
                before = now;
                TimeSpan wait = e.RetryAfter ?? TimeSpan.FromSeconds(Math.Min(30, 1 << Math.Min(failures - 1, 5)));
                if (failures >= _settings.MaximumAttempts) throw new HubException($"{what}: {e.Message} ({failures} attempts failed). Try again later; what is already here is kept.", e);
                if (wait > LongestWait) throw new HubException($"{what}: {e.Message}; the server asks to wait {wait.TotalSeconds:0} s, more than {LongestWait.TotalSeconds:0} s. Try again later.", e);
                await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Sends one request and follows redirects. The caller disposes of the response.</summary>
    /// <param name="method">GET or HEAD.</param>
    /// <param name="target">The address.</param>
    /// <param name="from">First byte wanted; null for all.</param>
    /// <param name="leaveHub">Whether redirects to other hosts are followed; where not, such a redirect is the answer.</param>
    /// <param name="cancellationToken">Stops at once.</param>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri target, long? from, bool leaveHub, CancellationToken cancellationToken)
    {
        Uri at = target;
        for (int hop = 0; hop <= MaximumRedirects; hop++)
        {
            HttpResponseMessage response = await SendOnceAsync(method, at, from, cancellationToken).ConfigureAwait(false);
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location) return response;
            if (!Uri.TryCreate(at, location, out Uri? next))
            {
                response.Dispose();
                throw new HubException($"{at}: redirects to '{Printable.Shorten(location.OriginalString)}', which is not an address.");
            }

            if (!leaveHub && (!IsHub(next) || response.Headers.Contains("X-Linked-Etag"))) return response;
            response.Dispose();
            CheckTarget(at, next);
            at = next;
        }

        throw new HubException($"{target}: redirects more than {MaximumRedirects} times.");
    }

    /// <summary>Reads part of a response's body; silence beyond the limit is a failure that may pass.</summary>
    public async Task<int> ReadAsync(Stream body, Memory<byte> buffer, Uri from, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_settings.Timeout);
        try
        {
            return await body.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HubTransientException($"{from.Host} sent nothing for {_settings.Timeout.TotalSeconds:0.#} s", inner: e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new HubTransientException($"the connection to {from.Host} was cut", inner: e);
        }
    }

    /// <summary>Throws for a status that is no success: an error to show, or one that may pass.</summary>
    public void CheckStatus(HttpResponseMessage response, string what)
    {
        int status = (int)response.StatusCode;
        if (status is >= 200 and < 300) return;
        string code = response.Headers.TryGetValues("X-Error-Code", out IEnumerable<string>? codes) ? codes.First() : "";
        throw status switch
        {
            401 or 403 => new HubException($"{what}: the hub answers {status}: the repository does not exist, is private or asks for its terms to be accepted. "
                + (_settings.Token is null ? "Set HF_TOKEN to a token that may read it." : "Check the name and what the token may read.")),
            404 => new HubException($"{what}: the hub answers 404: {code switch { "RevisionNotFound" => "there is no such revision", "EntryNotFound" => "there is no such file", _ => "there is no such repository or file" }}. Check the name."),
            429 => new HubTransientException("the hub answers 429 (too many requests)", RetryAfter(response)),
            408 or >= 500 => new HubTransientException($"the hub answers {status}", RetryAfter(response)),
            _ => new HubException($"{what}: the hub answers {status}, which was not expected."),
        };
    }

    /// <summary>Whether an address has the hub's own scheme, host and port.</summary>
    public bool IsHub(Uri address) => Uri.Compare(address, _settings.Endpoint, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;

    /// <summary>Whether an address belongs to the computer, the local network or no network at all.</summary>
    internal static bool IsPrivate(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        Span<byte> b = stackalloc byte[16];
        if (!address.TryWriteBytes(b, out int length)) return true;
        if (length == 4)
        {
            return b[0] is 0 or 10 or 127 or >= 224 || (b[0] == 100 && (b[1] & 0xC0) == 64) || (b[0] == 169 && b[1] == 254) || (b[0] == 172 && (b[1] & 0xF0) == 16)
                || (b[0] == 192 && b[1] is 168) || (b[0] == 192 && b[1] == 0 && b[2] == 0) || (b[0] == 198 && (b[1] & 0xFE) == 18);
        }

        ReadOnlySpan<byte> translated = [0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]; // 64:ff9b::/96 carries an IPv4 address
        if (b[..12].SequenceEqual(translated)) return IsPrivate(new IPAddress(b[12..]));
        return (b[0] & 0xFE) == 0xFC || (b[0] == 0xFE && (b[1] & 0xC0) == 0x80) || b[0] == 0xFF || b[..12].IndexOfAnyExcept((byte)0) < 0;
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpMethod method, Uri at, long? from, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(method, at);
        if (from is { } first) request.Headers.Range = new RangeHeaderValue(first, null);
        if (_settings.Token is { } token && IsHub(at)) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_settings.Timeout);
        try
        {
            return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
        }
        catch (HttpRequestException e) when (e.InnerException is HubException refused)
        {
            throw new HubException(refused.Message, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new HubTransientException($"{at.Host} cannot be reached or cut the connection: {e.Message}", inner: e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HubTransientException($"{at.Host} did not answer within {_settings.Timeout.TotalSeconds:0.#} s", inner: e);
        }
    }

    private void CheckTarget(Uri from, Uri next)
    {
        if (next.Scheme is not ("http" or "https") || next.UserInfo.Length > 0 || (from.Scheme == "https" && next.Scheme == "http"))
            throw new HubException($"{from}: redirects to {Printable.Shorten(next.GetLeftPart(UriPartial.Authority))}, which is not as safe; it is not followed.");
        if (IPAddress.TryParse(next.IdnHost, out IPAddress? literal) && IsPrivate(literal) && !IsTrusted(next.IdnHost)) throw Refused(next.IdnHost);
    }

    private bool IsTrusted(string host) => string.Equals(host, _settings.Endpoint.IdnHost, StringComparison.OrdinalIgnoreCase) || _settings.TrustedHosts.Contains(host, StringComparer.OrdinalIgnoreCase);

    private static HubException Refused(string host)
        => new($"The hub redirects to {host}, an address of this computer or its network; it is not followed. Name the host in HEED_HUB_TRUSTED_HOSTS if this is meant.");

    // Checked after the name is resolved, so that a public name cannot lead to a private address. A proxy's own address is the user's
    // choice.
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        (string host, int port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        IPAddress[] addresses = IPAddress.TryParse(host, out IPAddress? literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
        bool direct = string.Equals(host.Trim('[', ']'), context.InitialRequestMessage.RequestUri?.IdnHost, StringComparison.OrdinalIgnoreCase);
        if (direct && !IsTrusted(host.Trim('[', ']')) && addresses.Any(IsPrivate)) throw Refused(host);
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        RetryConditionHeaderValue? value = response.Headers.RetryAfter;
        TimeSpan? wait = value?.Delta ?? (value?.Date is { } date ? date - _time.GetUtcNow() : null);
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }
}
