using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Heed.Explorer.Traces;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Heed.Explorer.Api;

/// <summary>A request's values and the ways to answer it.</summary>
/// <param name="http">The exchange.</param>
internal sealed class ApiCall(HttpContext http)
{
    /// <summary>Set when nobody waits for the answer any more.</summary>
    public CancellationToken CancellationToken => http.RequestAborted;

    /// <summary>The reply, for what is streamed.</summary>
    public HttpResponse Response => http.Response;

    /// <summary>A value of the address.</summary>
    /// <exception cref="InputException">It is missing.</exception>
    public string Text(string name) => Optional(name) ?? throw new InputException($"{name}: is missing.");

    /// <summary>A value of the address, or null.</summary>
    public string? Optional(string name) => http.Request.Query.TryGetValue(name, out Microsoft.Extensions.Primitives.StringValues v)
        && v.Count == 1 ? v[0] : null;

    /// <summary>A whole number of the address.</summary>
    /// <exception cref="InputException">It is missing, no whole number, or outside the range.</exception>
    public int Integer(string name, int least, int most, int? standard = null)
    {
        if (Optional(name) is not { } text) return standard ?? throw new InputException($"{name}: is missing.");
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least
            && value <= most
            ? value
            : throw new InputException($"{name}: is '{Printable.Shorten(text)}'; a whole number from {least} to {most} was expected.");
    }

    /// <summary>A number of the address.</summary>
    /// <exception cref="InputException">It is no number, or outside the range.</exception>
    public float Number(string name, float least, float most, float standard)
    {
        if (Optional(name) is not { } text) return standard;
        return float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && value >= least && value <= most
            ? value
            : throw new InputException($"{name}: is '{Printable.Shorten(text)}'; "
                + FormattableString.Invariant($"a number from {least} to {most} was expected."));
    }

    /// <summary>Indices such as <c>0,3</c>; empty if missing.</summary>
    /// <exception cref="InputException">One is no whole number.</exception>
    public int[] Indices(string name)
    {
        if (Optional(name) is not { Length: > 0 } text) return [];
        string[] words = text.Split(',');
        int[] indices = new int[words.Length];
        for (int i = 0; i < words.Length; i++)
            if (!int.TryParse(words[i], NumberStyles.None, CultureInfo.InvariantCulture, out indices[i]))
                throw new InputException($"{name}: '{Printable.Shorten(words[i])}' is no index; whole numbers separated by commas were "
                    + $"expected.");
        return indices;
    }

    /// <summary>The trace that the address names.</summary>
    /// <exception cref="TraceGoneException">It was forgotten.</exception>
    public Trace Trace(ExplorerSession session) => session.Traces.Find(Text("trace")) ?? throw new TraceGoneException();

    /// <summary>The body as a record.</summary>
    /// <exception cref="InputException">It is no JSON of this form.</exception>
    public async Task<T> BodyAsync<T>(JsonTypeInfo<T> type)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, type, CancellationToken).ConfigureAwait(false)
                ?? throw new InputException("The body is null; an object was expected.");
        }
        catch (JsonException e)
        {
            throw new InputException($"The body is not as expected: {e.Message}");
        }
    }

    /// <summary>Writes the body to a file; it may be larger than that of other requests.</summary>
    public async Task SaveBodyAsync(string path, long mostBytes)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = mostBytes;
        using FileStream file = File.Create(path);
        try
        {
            await http.Request.Body.CopyToAsync(file, CancellationToken).ConfigureAwait(false);
        }
        catch (BadHttpRequestException)
        {
            throw new InputException($"The file is larger than {mostBytes >> 20} MiB, which is all that is read here. Compare it with "
                + "'heed inspect --diff'.");
        }
    }

    /// <summary>Answers with JSON.</summary>
    public async Task JsonAsync<T>(T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json; charset=utf-8";
        await JsonSerializer.SerializeAsync(http.Response.Body, value, type, CancellationToken).ConfigureAwait(false);
    }

    /// <summary>Answers with numbers: four bytes of header length, the header as JSON, and the bytes, which begin at a multiple of
    /// 4.</summary>
    public Task NumbersAsync(string name, ReadOnlySpan<int> shape, string type, ReadOnlySpan<byte> bytes)
    {
        StringBuilder header = new($"{{\"name\":\"{JsonEncodedText.Encode(name)}\",\"type\":\"{type}\",\"shape\":[");
        for (int i = 0; i < shape.Length; i++) header.Append(i == 0 ? "" : ",").Append(shape[i].ToString(CultureInfo.InvariantCulture));
        header.Append("]}");
        while ((Encoding.UTF8.GetByteCount(header.ToString()) & 3) != 0) header.Append(' ');
        byte[] json = Encoding.UTF8.GetBytes(header.ToString());
        byte[] all = new byte[sizeof(int) + json.Length + bytes.Length];
        BinaryPrimitives.WriteInt32LittleEndian(all, json.Length);
        json.CopyTo(all, sizeof(int));
        bytes.CopyTo(all.AsSpan(sizeof(int) + json.Length));
        http.Response.ContentType = "application/octet-stream";
        http.Response.ContentLength = all.Length;
        return http.Response.Body.WriteAsync(all, CancellationToken).AsTask();
    }

    /// <summary>Answers with float32 numbers.</summary>
    public Task NumbersAsync(string name, ReadOnlySpan<int> shape, ReadOnlySpan<float> values) => NumbersAsync(name, shape, "f32",
        MemoryMarshal.AsBytes(values));
}

/// <summary>A trace was asked for that the server has forgotten; the page runs it again.</summary>
internal sealed class TraceGoneException() : Exception("The trace is no longer held.");
