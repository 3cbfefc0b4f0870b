using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Explorer.Serving;

/// <summary>Writes the pages with recorded answers for prepared texts: a folder that any web server can send, without an engine.</summary>
/// <remarks>The answers are those of the running server, under the keys that <c>TraceEngine</c> in <c>Web/engine.js</c> looks
/// for.</remarks>
internal sealed class StaticExport : IDisposable
{
    private const string DataFolder = "data";

    private readonly HttpClient _client = new();
    private readonly Uri _address;
    private readonly string _folder;
    private readonly JsonObject _index = [];

    private StaticExport(Uri address, string folder) => (_address, _folder) = (address, folder);

    /// <summary>Writes the site.</summary>
    /// <param name="server">A server whose model is open.</param>
    /// <param name="folder">The folder; files of the same names are replaced.</param>
    /// <param name="cancellationToken">Ends the work between files.</param>
    /// <returns>The number of recorded answers.</returns>
    /// <exception cref="StorageException">A file cannot be written.</exception>
    public static async Task<int> WriteAsync(ExplorerServer server, string folder, CancellationToken cancellationToken)
    {
        using StaticExport export = new(server.Address, folder);
        foreach (string name in StaticFiles.Names)
        {
            if (name == "index.html") continue;
            export.Write(name, StaticFiles.Find(name)!.Bytes);
        }

        string index = Encoding.UTF8.GetString(StaticFiles.Find("index.html")!.Bytes);
        export.Write("index.html",
            Encoding.UTF8.GetBytes(index.Replace("<base href=\"/\">", "<base href=\"./\">", StringComparison.Ordinal)));
        string pages = Encoding.UTF8.GetString(StaticFiles.Find("pages/index.js")!.Bytes);
        foreach (string part in pages.Split("id: '")[1..])
            export.Write($"{part[..part.IndexOf('\'', StringComparison.Ordinal)]}/index.html",
                Encoding.UTF8.GetBytes(index.Replace("<base href=\"/\">", "<base href=\"../\">", StringComparison.Ordinal)));
        using JsonDocument model = JsonDocument.Parse(await export.GetAsync("model", [], cancellationToken).ConfigureAwait(false));
        await export.GetAsync("catalogue", [], cancellationToken).ConfigureAwait(false);
        await export.GetAsync("mistakes", [], cancellationToken).ConfigureAwait(false);
        await export.GetAsync("size", [("batch", "1")], cancellationToken).ConfigureAwait(false);
        foreach (JsonElement text in model.RootElement.GetProperty("texts").EnumerateArray())
            await export.RecordAsync(text.GetString()!, model.RootElement, cancellationToken).ConfigureAwait(false);
        export.Write($"{DataFolder}/index.json", Encoding.UTF8.GetBytes(export._index.ToJsonString()));
        return export._index.Count;
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async Task RecordAsync(string text, JsonElement model, CancellationToken cancellationToken)
    {
        JsonArray request = [text, null, new JsonArray()];
        using StringContent body = new(new JsonObject { ["text"] = text, ["interventions"] = new JsonArray() }.ToJsonString(),
            MediaTypeHeaderValue.Parse("application/json"));
        using HttpResponseMessage reply = await _client.PostAsync(new Uri(_address, "api/trace"), body,
            cancellationToken).ConfigureAwait(false);
        byte[] bytes = await reply.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        reply.EnsureSuccessStatusCode();
        Record($"trace {Canonical(request)}", bytes);
        using JsonDocument trace = JsonDocument.Parse(bytes);
        string id = trace.RootElement.GetProperty("id").GetString()!;
        foreach (JsonElement hook in trace.RootElement.GetProperty("hooks").EnumerateArray())
            await GetAsync("tensor", [("trace", id), ("name", hook.GetProperty("name").GetString()!)],
                cancellationToken).ConfigureAwait(false);
        await GetAsync("structure", [("trace", id)], cancellationToken).ConfigureAwait(false);
        await GetAsync("heads", [("trace", id)], cancellationToken).ConfigureAwait(false);
        await GetAsync("objectives", [("trace", id), ("objective", "causal")], cancellationToken).ConfigureAwait(false);
        foreach (JsonElement stack in model.GetProperty("stacks").EnumerateArray())
        {
            string name = stack.GetProperty("name").GetString()!, prefix = name.Length == 0 ? "" : name + ".";
            await GetAsync("thumbnails", [("trace", id), ("stack", name), ("kind", "self")], cancellationToken).ConfigureAwait(false);
            if (stack.GetProperty("cross").GetBoolean()) await GetAsync("thumbnails", [("trace", id), ("stack", name), ("kind", "cross")],
                cancellationToken).ConfigureAwait(false);
            for (int l = 0; l < stack.GetProperty("layers").GetInt32(); l++)
                foreach (string kind in new[] { "value", "mean", "rollout" })
                    await GetAsync("view", [("trace", id), ("site", $"{prefix}blocks.{l}.attn"), ("kind", kind)],
                        cancellationToken).ConfigureAwait(false);
        }

        if (model.GetProperty("head").GetString() == "none") return;
        JsonElement written = trace.RootElement.GetProperty("decoderTokens"), read = trace.RootElement.GetProperty("tokens");
        int count = (written.ValueKind == JsonValueKind.Array ? written : read).GetArrayLength();
        bool words = model.GetProperty("head").GetString() is "next token" or "masked token";
        for (int at = 0; at < (words ? count : 1); at++)
        {
            string place = at.ToString(CultureInfo.InvariantCulture);
            foreach (string n in new[] { "1", "8", "200" }) await GetAsync("predict", [("trace", id), ("at", place), ("count", n)],
                cancellationToken).ConfigureAwait(false);
            await GetAsync("predict", [("trace", id), ("at", place), ("temperature", "1"), ("topk", "0"), ("topp", "1"), ("count", "14")],
                cancellationToken).ConfigureAwait(false);
            if (!words) continue;
            await GetAsync("lens", [("trace", id), ("at", place)], cancellationToken).ConfigureAwait(false);
            await GetAsync("why", [("trace", id), ("at", place)], cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Asks the server, and records the answer under the key of the request.</summary>
    private async Task<byte[]> GetAsync(string name, (string Key, string Value)[] query, CancellationToken cancellationToken)
    {
        string path = string.Join('&', query.Select(q => $"{q.Key}={Uri.EscapeDataString(q.Value)}"));
        byte[] bytes = await _client.GetByteArrayAsync(new Uri(_address, $"api/{name}?{path}"), cancellationToken).ConfigureAwait(false);
        IEnumerable<string> key = query.Where(q => q.Value.Length > 0).Select(q => $"{q.Key}={q.Value}").Order(StringComparer.Ordinal);
        Record($"{name} {string.Join('&', key)}", bytes);
        return bytes;
    }

    private void Record(string key, byte[] bytes)
    {
        string file = $"{_index.Count.ToString(CultureInfo.InvariantCulture)}{(bytes.Length > 0 && bytes[0] == '{' ? ".json" : ".bin")}";
        _index[key] = file;
        Write($"{DataFolder}/{file}", bytes);
    }

    private void Write(string name, byte[] bytes)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        DurableFile.Write(path, stream => stream.Write(bytes));
    }

    /// <summary>As JSON.stringify writes it.</summary>
    private static string Canonical(JsonArray request)
        => request.ToJsonString(new JsonSerializerOptions
        {
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            TypeInfoResolver = Api.ExplorerJson.Default,
        });
}
