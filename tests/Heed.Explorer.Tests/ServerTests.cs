using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Heed.Engine.Nn;
using Heed.Explorer.Serving;
using Heed.Generation;
using Heed.Models;

namespace Heed.Explorer.Tests;

/// <summary>The server without a browser: who may ask, what is sent, and that every number is the engine's.</summary>
[Collection(BrowserGroup.Name)]
public class ServerTests(Servers servers)
{
    private static readonly HttpClient Client = new();

    public static TheoryData<string> Names => [.. Servers.Models.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Every_tensor_of_a_run_is_the_engines_bit_for_bit(string name)
    {
        ExplorerServer server = await servers.GetAsync(name);
        using JsonDocument model = await GetAsync(server, "model");
        string text = model.RootElement.GetProperty("texts")[0].GetString()!;
        using JsonDocument trace = await TraceAsync(server, text);
        string id = trace.RootElement.GetProperty("id").GetString()!;
        int[] ids = Ids(trace.RootElement.GetProperty("tokens"));
        int[]? decoder = trace.RootElement.GetProperty("decoderTokens") is { ValueKind: JsonValueKind.Array } tokens ? Ids(tokens) : null;

        using HeedModel fresh = HeedModel.Open(Servers.FolderOf(name));
        Dictionary<string, (int[] Shape, float[] Values)> engine = [];
        ModelOutput output = fresh.Model.Run(
            new ModelInputs { InputIds = TokenGrid.Of([ids]), DecoderInputIds = decoder is null ? null : TokenGrid.Of([decoder]) },
            new RunOptions { Hooks = new Hooks().ObserveWhere(_ => true, (n, x) => engine[n] = (x.Shape.ToArray(), x.Value.ToArray())) });
        engine["logits"] = (output.Logits!.Shape.ToArray()[1..], output.Logits.ToArray());
        string[] listed = [.. trace.RootElement.GetProperty("hooks").EnumerateArray().Select(h => h.GetProperty("name").GetString()!)];
        Assert.Equal(engine.Keys.Order(), listed.Order());
        foreach ((string hook, (int[] shape, float[] values)) in engine)
        {
            (int[] sentShape, float[] sent) = await NumbersAsync(server, $"tensor?trace={id}&name={hook}");
            Assert.Equal(shape, sentShape);
            Assert.True(MemoryMarshal.AsBytes<float>(values).SequenceEqual(MemoryMarshal.AsBytes<float>(sent)),
                $"{name}: {hook} differs from the engine's");
        }
    }

    [Fact]
    public async Task A_part_of_a_tensor_is_what_lies_there()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        string id = await IdAsync(server, "one two three");
        (int[] shape, float[] whole) = await NumbersAsync(server, $"tensor?trace={id}&name=blocks.1.attn.pattern");
        (int[] rest, float[] row) = await NumbersAsync(server, $"tensor?trace={id}&name=blocks.1.attn.hook_pattern&at=0,2,1");
        Assert.Equal([shape[3]], rest);
        Assert.Equal(whole.AsSpan(((2 * shape[2]) + 1) * shape[3], shape[3]).ToArray(), row);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await Client.GetAsync(new Uri(server.Address, $"api/tensor?trace={id}&name=blocks.1.attn.pattern&at=0,99"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await Client.GetAsync(new Uri(server.Address, $"api/tensor?trace={id}&name=bloks.1.attn.pattern"))).StatusCode);
        Assert.Equal(HttpStatusCode.Gone, (await Client.GetAsync(new Uri(server.Address, "api/tensor?trace=0123&name=embed"))).StatusCode);
    }

    [Fact]
    public async Task A_head_that_is_switched_off_adds_nothing_and_no_change_changes_nothing()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        string clean = await IdAsync(server, "one two three"), off = await IdAsync(server, "one two three", "zero:blocks.0.attn:1");
        Assert.NotEqual(clean, off);
        (int[] shape, float[] z) = await NumbersAsync(server, $"tensor?trace={off}&name=blocks.0.attn.z");
        for (int n = 0; n < shape[0]; n++)
            for (int d = 0; d < shape[2]; d++) Assert.Equal(0, z[(((n * shape[1]) + 1) * shape[2]) + d]);
        (_, float[] before) = await NumbersAsync(server, $"tensor?trace={clean}&name=logits");
        (_, float[] after) = await NumbersAsync(server, $"tensor?trace={off}&name=logits");
        Assert.NotEqual(before, after);
        Assert.Equal(clean, await IdAsync(server, "one two three"));
    }

    [Fact]
    public async Task Without_the_causal_mask_a_later_word_changes_earlier_rows_and_with_it_no_bit()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        foreach ((string[] changes, bool leaks) in new (string[], bool)[] { ([], false), (["mask::none"], true),
            (["mask::causal"], false) })
        {
            using JsonDocument one = await TraceAsync(server, "one two three", changes),
                two = await TraceAsync(server, "one two three", changes);
            int[] ids = Ids(one.RootElement.GetProperty("tokens"));
            using JsonDocument other = await TraceAsync(server, "one two thref", changes);
            int[] otherIds = Ids(other.RootElement.GetProperty("tokens"));
            int shared = 0;
            while (shared < ids.Length && shared < otherIds.Length && ids[shared] == otherIds[shared]) shared++;
            Assert.InRange(shared, 1, ids.Length - 1);
            (int[] shape, float[] a) = await NumbersAsync(server,
                $"tensor?trace={one.RootElement.GetProperty("id").GetString()}&name=blocks.1.resid_post");
            (_, float[] b) = await NumbersAsync(server,
                $"tensor?trace={other.RootElement.GetProperty("id").GetString()}&name=blocks.1.resid_post");
            Assert.Equal(leaks, !a.AsSpan(0, shared * shape[1]).SequenceEqual(b.AsSpan(0, shared * shape[1])));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Numbers_open_into_parts_that_give_them(string name)
    {
        ExplorerServer server = await servers.GetAsync(name);
        using JsonDocument model = await GetAsync(server, "model");
        using JsonDocument trace = await TraceAsync(server, model.RootElement.GetProperty("texts")[0].GetString()!);
        string id = trace.RootElement.GetProperty("id").GetString()!;
        string stack = model.RootElement.GetProperty("stacks")[0].GetProperty("name").GetString()!, prefix = stack.Length == 0 ? ""
            : stack + ".";
        int opened = 0, places = 0;
        foreach (string hook in new[] { "attn.q", "attn.k", "attn.v", "attn.dot", "attn.scaled", "attn.biased", "attn.masked",
            "attn.pattern", "attn.z", "attn.result", "attn.out", "mlp.pre", "mlp.post", "mlp.out", "attn_norm.out", "attn_norm.normalized",
                "attn_norm.in", "resid_pre", "resid_mid", "resid_post", "out" })
        {
            string full = $"{prefix}blocks.1.{hook}";
            (int[] shape, _) = await NumbersAsync(server, $"tensor?trace={id}&name={full}");
            string at = string.Join(',', shape.Select((s, axis) => axis == 0 && s == 1 ? 0 : Math.Min(1, s - 1)));
            using JsonDocument reply = await GetAsync(server, $"operands?trace={id}&name={full}&at={at}");
            JsonElement terms = reply.RootElement.GetProperty("terms");
            Assert.True(terms.GetArrayLength() > 0,
                $"{name}: {full}[{at}] is not opened: {reply.RootElement.GetProperty("words").GetString()}");
            opened++;
            foreach (JsonElement factor in terms.EnumerateArray().SelectMany(t => t.GetProperty("factors").EnumerateArray()))
            {
                if (factor.GetProperty("place") is not { ValueKind: JsonValueKind.Object } place) continue;
                places++;
                Assert.Equal(factor.GetProperty("value").GetSingle(), Stored(Servers.FolderOf(name), place));
            }
        }

        Assert.Equal(21, opened);
        Assert.True(places > 100, $"{name}: {places} weights had a place");
    }

    [Fact]
    public async Task Only_pages_of_the_servers_own_address_are_answered()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        Assert.Equal("127.0.0.1", server.Address.Host);
        foreach ((string header, string value) in new[] { ("Host", "evil.example"), ("Host", $"evil.example:{server.Address.Port}"),
            ("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site") })
        {
            using HttpRequestMessage request = new(HttpMethod.Get, new Uri(server.Address, "api/model"));
            request.Headers.TryAddWithoutValidation(header, value);
            HttpResponseMessage reply = await Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.Forbidden, reply.StatusCode);
            Assert.False(reply.Headers.Contains("Access-Control-Allow-Origin"));
        }
    }

    [Fact]
    public async Task Every_answer_forbids_other_hosts_and_scripts_of_others()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        foreach (string path in new[] { "", "attention", "app.js", "api/model", "nothing.js" })
        {
            HttpResponseMessage reply = await Client.GetAsync(new Uri(server.Address, path));
            string policy = reply.Headers.GetValues("Content-Security-Policy").Single();
            Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe-inline", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("http:", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", reply.Headers.GetValues("X-Content-Type-Options").Single());
        }
    }

    [Fact]
    public async Task Files_are_sent_compressed_and_once()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        using HttpRequestMessage request = new(HttpMethod.Get, new Uri(server.Address, "app.js"));
        request.Headers.TryAddWithoutValidation("Accept-Encoding", "br");
        HttpResponseMessage first = await Client.SendAsync(request);
        Assert.Equal("br", first.Content.Headers.ContentEncoding.Single());
        using HttpRequestMessage again = new(HttpMethod.Get, new Uri(server.Address, "app.js"));
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        Assert.Equal(HttpStatusCode.NotModified, (await Client.SendAsync(again)).StatusCode);
    }

    [Fact]
    public void The_front_end_names_no_other_host_and_invents_no_number()
    {
        foreach (string name in StaticFiles.Names.Where(n => n.EndsWith(".js", StringComparison.Ordinal)
            || n.EndsWith(".html", StringComparison.Ordinal) || n.EndsWith(".css", StringComparison.Ordinal)))
        {
            if (name.StartsWith("vendor/", StringComparison.Ordinal)) continue;
            string text = Encoding.UTF8.GetString(StaticFiles.Find(name)!.Bytes);
            Assert.DoesNotMatch("Math\\.random", text);
            Assert.DoesNotMatch("data-v=[\"']?-?[0-9.]", text);
            Assert.DoesNotMatch("innerHTML|outerHTML|insertAdjacentHTML|unsafeHTML|document\\.write|eval\\(", text);
            Assert.All(Regex.Matches(text, "https?://[^\\s\"'`)]+").Select(m => m.Value),
                u => Assert.StartsWith("http://www.w3.org/", u, StringComparison.Ordinal));
        }
    }

    private static float Stored(string folder, JsonElement place)
    {
        using FileStream file = File.OpenRead(Path.Combine(folder, place.GetProperty("file").GetString()!));
        file.Position = place.GetProperty("offset").GetInt64();
        Span<byte> bytes = stackalloc byte[4];
        string type = place.GetProperty("type").GetString()!;
        Assert.Equal("F32", type);
        file.ReadExactly(bytes);
        return BinaryPrimitives.ReadSingleLittleEndian(bytes);
    }

    private static int[] Ids(JsonElement tokens) => [.. tokens.EnumerateArray().Select(t => t.GetProperty("id").GetInt32())];

    private static async Task<JsonDocument> GetAsync(ExplorerServer server, string path)
    {
        HttpResponseMessage reply = await Client.GetAsync(new Uri(server.Address, "api/" + path));
        string text = await reply.Content.ReadAsStringAsync();
        Assert.True(reply.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text);
    }

    private static async Task<JsonDocument> TraceAsync(ExplorerServer server, string text, params string[] interventions)
    {
        HttpResponseMessage reply = await Client.PostAsJsonAsync(new Uri(server.Address, "api/trace"), new { text, interventions });
        string json = await reply.Content.ReadAsStringAsync();
        Assert.True(reply.IsSuccessStatusCode, json);
        return JsonDocument.Parse(json);
    }

    private static async Task<string> IdAsync(ExplorerServer server, string text, params string[] interventions)
    {
        using JsonDocument trace = await TraceAsync(server, text, interventions);
        return trace.RootElement.GetProperty("id").GetString()!;
    }

    private static async Task<(int[] Shape, float[] Values)> NumbersAsync(ExplorerServer server, string path)
    {
        HttpResponseMessage reply = await Client.GetAsync(new Uri(server.Address, "api/" + path));
        byte[] bytes = await reply.Content.ReadAsByteArrayAsync();
        Assert.True(reply.IsSuccessStatusCode, Encoding.UTF8.GetString(bytes));
        int length = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        using JsonDocument header = JsonDocument.Parse(bytes.AsMemory(4, length));
        return ([.. header.RootElement.GetProperty("shape").EnumerateArray().Select(s => s.GetInt32())], MemoryMarshal.Cast<byte,
            float>(bytes.AsSpan(4 + length)).ToArray());
    }
}
