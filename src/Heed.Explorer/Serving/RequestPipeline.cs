using Heed.Explorer.Api;
using Heed.Explorer.Traces;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Heed.Explorer.Serving;

/// <summary>What happens to each request: who may ask, which file or which answer.</summary>
/// <param name="opening">The model.</param>
/// <param name="address">The server's own address.</param>
internal sealed class RequestPipeline(OpeningModel opening, Func<Uri> address)
{
    /// <summary>Nothing from other hosts, no markup of others' making, in no frame.</summary>
    public const string Policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
        + "img-src 'self' data: blob:; "
        + "font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

    private const string Index = "index.html";

    /// <summary>Answers a request.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        if (!IsOwn(http.Request))
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            await http.Response.WriteAsync("This server answers to pages of its own address only.",
                http.RequestAborted).ConfigureAwait(false);
            return;
        }

        string path = http.Request.Path.Value ?? "/";
        try
        {
            if (path.StartsWith("/api/", StringComparison.Ordinal)) await AnswerAsync(http, path[5..]).ConfigureAwait(false);
            else await SendFileAsync(http, path[1..]).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The page has asked for something newer.
        }
    }

    /// <summary>A name server that points a stranger's name here (DNS rebinding), and pages of other origins, are refused.</summary>
    private bool IsOwn(HttpRequest request)
    {
        Uri own = address();
        HostString host = request.Host;
        if (host.Host is not ("127.0.0.1" or "localhost") || (host.Port ?? 80) != own.Port) return false;
        StringValues origin = request.Headers.Origin;
        if (origin.Count > 0 && origin != $"http://{host.Value}") return false;
        return request.Headers["Sec-Fetch-Site"] is not ["cross-site" or "same-site"]
            || (HttpMethods.IsGet(request.Method) && !request.Path.StartsWithSegments("/api"));
    }

    private async Task AnswerAsync(HttpContext http, string name)
    {
        ApiCall call = new(http);
        http.Response.Headers.CacheControl = "no-store";
        if (name == "state")
        {
            await call.JsonAsync(opening.State, ExplorerJson.Default.StateReply).ConfigureAwait(false);
            return;
        }

        IEndpoint? endpoint = Endpoints.All.FirstOrDefault(e => e.Name == name);
        if (endpoint is null || endpoint.Method != http.Request.Method)
        {
            await call.JsonAsync(new ErrorReply($"There is no {http.Request.Method} /api/{Printable.Shorten(name)}.", "unknown"),
                ExplorerJson.Default.ErrorReply,
                endpoint is null ? StatusCodes.Status404NotFound : StatusCodes.Status405MethodNotAllowed).ConfigureAwait(false);
            return;
        }

        try
        {
            if (!opening.Session.IsCompleted)
            {
                await call.JsonAsync(new ErrorReply("The model is being read.", "loading"), ExplorerJson.Default.ErrorReply,
                    StatusCodes.Status503ServiceUnavailable).ConfigureAwait(false);
                return;
            }

            await endpoint.AnswerAsync(call, await opening.Session.ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (TraceGoneException e)
        {
            await call.JsonAsync(new ErrorReply(e.Message, "trace-gone"), ExplorerJson.Default.ErrorReply,
                StatusCodes.Status410Gone).ConfigureAwait(false);
        }
        catch (HeedException e)
        {
            await call.JsonAsync(new ErrorReply(e.Message, "input"), ExplorerJson.Default.ErrorReply,
                StatusCodes.Status400BadRequest).ConfigureAwait(false);
        }
    }

    /// <summary>A file of the front end; names without an ending are pages of the one document.</summary>
    private static async Task SendFileAsync(HttpContext http, string name)
    {
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return;
        }

        StaticFile? file = StaticFiles.Find(name.Length == 0 || !name.Contains('.', StringComparison.Ordinal) ? Index : name);
        if (file is null)
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            await http.Response.WriteAsync("There is no such file.", http.RequestAborted).ConfigureAwait(false);
            return;
        }

        http.Response.Headers.ETag = file.Tag;
        http.Response.Headers.CacheControl = "no-cache";
        http.Response.Headers.Vary = "Accept-Encoding";
        if (http.Request.Headers.IfNoneMatch == file.Tag)
        {
            http.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        http.Response.ContentType = file.Type;
        byte[] bytes = file.Bytes;
        if (file.Brotli is { } brotli && http.Request.Headers.AcceptEncoding.ToString().Contains("br", StringComparison.Ordinal))
        {
            http.Response.Headers.ContentEncoding = "br";
            bytes = brotli;
        }

        http.Response.ContentLength = bytes.Length;
        if (HttpMethods.IsGet(http.Request.Method)) await http.Response.Body.WriteAsync(bytes, http.RequestAborted).ConfigureAwait(false);
    }
}
