using System.Net.Http.Json;
using System.Text.Json;
using Heed.Checkpoints;
using Heed.Inspection;
using Heed.Testing;
using Microsoft.Playwright;

namespace Heed.Explorer.Tests;

/// <summary>The pages that prove and search: checks on the loaded weights, operations one by one, two runs side by side.</summary>
[Collection(BrowserGroup.Name)]
public sealed class DebugTests(Browser browser, Servers servers)
{
    private static readonly HttpClient Client = new();

    public static TheoryData<string> Names => [.. Servers.Models.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Every_proof_holds_or_says_why_it_is_not_asked(string name)
    {
        ExplorerServer server = await servers.GetAsync(name);
        string trace = await TraceAsync(server, (await GetAsync(server, "model")).GetProperty("texts")[0].GetString()!);
        int passed = 0;
        foreach (JsonElement check in (await GetAsync(server, "checks")).GetProperty("checks").EnumerateArray())
        {
            if (check.GetProperty("group").GetString() != "inspection") continue;
            JsonElement result = await CheckAsync(server, check.GetProperty("name").GetString()!, trace);
            Assert.True(result.GetProperty("state").GetString() != "failed", $"{name}: {result}");
            if (result.GetProperty("state").GetString() == "passed") passed++;
            else Assert.True(result.GetProperty("verdict").GetString()!.Length > 20, $"{name}: {result}");
        }

        Assert.True(passed >= 9, $"{name}: {passed} proofs passed");
    }

    [Fact]
    public async Task A_quick_experiment_runs_on_the_loaded_model()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        JsonElement[] checks = [.. (await GetAsync(server, "checks")).GetProperty("checks").EnumerateArray()];
        Assert.Equal(Lab.Experiments.Quick.Count, checks.Count(c => c.GetProperty("group").GetString() == "lab"));
        JsonElement result = await CheckAsync(server, "causal-mask", await TraceAsync(server, "one two three"));
        Assert.Equal("passed", result.GetProperty("state").GetString());
        Assert.NotEqual(0, result.GetProperty("values").GetArrayLength());
        HttpResponseMessage wrong = await Client.PostAsJsonAsync(new Uri(server.Address, "api/check"), new
        {
            name = "nothing",
            trace = await TraceAsync(server, "one two three")
        });
        Assert.StartsWith("name: there is no check 'nothing'", JsonDocument.Parse(await wrong.Content.ReadAsStringAsync()).RootElement
            .GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Operations_come_in_order_and_in_numbers_of_their_tensors()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        string trace = await TraceAsync(server, "one two three");
        JsonElement[] all = [.. (await GetAsync(server, $"operations?trace={trace}")).GetProperty("operations").EnumerateArray()];
        Assert.Equal("logits", all[^1].GetProperty("name").GetString());
        Explorer.Traces.Trace held = (await server.Session).Traces.Find(trace)!;
        foreach (JsonElement operation in all)
        {
            float[] values = [.. held.Find(operation.GetProperty("name").GetString()!)!.Values.Where(float.IsFinite)];
            Assert.Equal(values.Min(), operation.GetProperty("least").GetSingle());
            Assert.Equal(values.Max(), operation.GetProperty("most").GetSingle());
            Assert.Equal(values.Average(v => (double)v), operation.GetProperty("mean").GetDouble(), 1e-9);
            Assert.Equal(Math.Sqrt(values.Sum(v => (double)v * v)), operation.GetProperty("norm").GetDouble(), 1e-9);
            Assert.Equal(0, operation.GetProperty("notFinite").GetInt32());
        }
    }

    [Fact]
    public async Task Two_runs_differ_from_the_changed_head_on_and_a_saved_run_is_the_run()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        string clean = await TraceAsync(server, "one two three"), off = await TraceAsync(server, "one two three", "zero:blocks.1.attn:2");
        JsonElement same = await GetAsync(server, $"difference?trace={clean}&other={clean}");
        Assert.Equal(0, same.GetProperty("differences").GetArrayLength());
        JsonElement changed = await GetAsync(server, $"difference?trace={clean}&other={off}");
        Assert.Equal("blocks.1.attn.z", changed.GetProperty("differences")[0].GetProperty("name").GetString());
        Assert.Equal(2, changed.GetProperty("differences")[0].GetProperty("index")[1].GetInt32());
        byte[] file = await Client.GetByteArrayAsync(new Uri(server.Address, $"api/saved?trace={clean}"));
        using TemporaryFolder folder = new();
        await File.WriteAllBytesAsync(folder.File("run.trace"), file, TestContext.Current.CancellationToken);
        Trace opened = Trace.Open(folder.File("run.trace"));
        Assert.True(opened.Verify((await server.Session).Inspector, TestContext.Current.CancellationToken).IsEqual);
        JsonElement against = await SendAsync(server, $"saved-difference?trace={off}", file);
        Assert.Equal("blocks.1.attn.z", against.GetProperty("differences")[0].GetProperty("name").GetString());
        Assert.Equal(0, (await SendAsync(server, $"saved-difference?trace={clean}", file)).GetProperty("differences").GetArrayLength());
        using ByteArrayContent nothing = new([1, 2, 3]);
        HttpResponseMessage wrong = await Client.PostAsync(new Uri(server.Address, $"api/saved-difference?trace={clean}"), nothing);
        Assert.False(wrong.IsSuccessStatusCode);
        Assert.Equal("input", JsonDocument.Parse(await wrong.Content.ReadAsStringAsync()).RootElement.GetProperty("kind").GetString());
    }

    [BrowserFact]
    public async Task The_debugger_stops_at_the_first_number_that_is_none()
    {
        using TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(Servers.FolderOf("decoder"))) File.Copy(file, folder.File(Path.GetFileName(file)));
        using (SafetensorsFile weights = SafetensorsFile.Open(folder.File("model.safetensors")))
        {
            List<RawTensor> tensors = [];
            foreach (RawTensor tensor in weights.Tensors)
            {
                float[] values = tensor.ToFloats();
                if (tensor.Name.EndsWith("h.1.mlp.c_fc.bias", StringComparison.Ordinal)) values[3] = float.NaN;
                tensors.Add(RawTensor.FromFloats(tensor.Name, [.. tensor.Shape], values));
            }

            SafetensorsWriter.Write(folder.File("broken.safetensors"), tensors);
        }

        File.Move(folder.File("broken.safetensors"), folder.File("model.safetensors"), overwrite: true);
        await using ExplorerServer server = await ExplorerServer.StartAsync(folder.Path);
        IPage page = await browser.PageAsync();
        await Browser.OpenAsync(page, server.Address, "debug?t=one%20two%20three&L=0");
        Assert.Contains("blocks.1.mlp.pre", await page.InnerTextAsync(".stage [role=alert] >> nth=0"), StringComparison.Ordinal);
        await page.ClickAsync("text=Stop at the first NaN or infinity");
        await page.WaitForSelectorAsync("[aria-label='Operation in view'] h2:text-is('blocks.1.mlp.pre')");
        await page.Keyboard.PressAsync("Escape");
        await page.FocusAsync(".stage");
        await page.Keyboard.PressAsync("Space");
        await page.WaitForSelectorAsync("[aria-label='Operation in view'] h2:text-is('blocks.1.mlp.post')");
        await page.ClickAsync("button:text-is('Watch')");
        await page.WaitForSelectorAsync("[aria-label='Watched tensors']");
        await page.FillAsync("#text", "one two four");
        await page.WaitForFunctionAsync("() => !window.heed.store.busy && window.heed.store.trace.tokens.map(t => t.text).join('')"
            + ".endsWith('four')");
        await Browser.SettleAsync(page);
        Assert.Contains("blocks.1.mlp.post", await page.InnerTextAsync("[aria-label='Watched tensors']"), StringComparison.Ordinal);
        await page.Context.CloseAsync();
    }

    [BrowserTheory]
    [MemberData(nameof(Names))]
    public async Task Checks_fill_the_page_row_by_row(string name)
    {
        ExplorerServer server = await servers.GetAsync(name);
        IPage page = await browser.PageAsync();
        await Browser.OpenAsync(page, server.Address, "selfcheck");
        Assert.Contains("not run", await page.InnerTextAsync(".stage"), StringComparison.Ordinal);
        await page.ClickAsync("[aria-label='Run same-run-again']");
        await page.WaitForFunctionAsync("() => document.querySelector('.checks tbody.passed')?.innerText.includes('same-run-again')");
        Assert.Contains("exactly 0", await page.InnerTextAsync(".checks tbody.passed"), StringComparison.Ordinal);
        await page.ClickAsync("[aria-label='Run future-is-hidden']");
        await page.WaitForSelectorAsync($".checks tbody.{(name == "encoder" ? "skipped" : "passed")} >> text=future-is-hidden");
        await page.Context.CloseAsync();
    }

    [BrowserFact]
    public async Task Another_text_is_held_against_the_run_in_view()
    {
        ExplorerServer server = await servers.GetAsync("encoder-decoder");
        IPage page = await browser.PageAsync();
        const string Text = "The cat sat on the mat";
        foreach ((string other, string said) in new[] { (Text, "are equal, bit for bit"), ("The cat sat", "tokens and the second") })
        {
            await Browser.OpenAsync(page, server.Address, $"debug?t={Uri.EscapeDataString(Text)}&other={Uri.EscapeDataString(other)}");
            await page.WaitForSelectorAsync($"[aria-label='Two runs'] >> text={said}");
        }

        // A head that is switched off: the run without the change needs no other text.
        await Browser.OpenAsync(page, server.Address, $"debug?t={Uri.EscapeDataString(Text)}&iv=zero:encoder.blocks.0.attn:0");
        await page.WaitForSelectorAsync("[aria-label='Two runs'] >> text=The first tensor that differs is encoder.blocks.0.attn.z");
        await page.Context.CloseAsync();
    }

    private static async Task<JsonElement> GetAsync(ExplorerServer server, string path) => await ReadAsync(
        await Client.GetAsync(new Uri(server.Address, "api/" + path)));

    private static async Task<JsonElement> SendAsync(ExplorerServer server, string path, byte[] body)
    {
        using ByteArrayContent content = new(body);
        return await ReadAsync(await Client.PostAsync(new Uri(server.Address, "api/" + path), content));
    }

    private static async Task<string> TraceAsync(ExplorerServer server, string text, params string[] interventions)
        => (await ReadAsync(await Client.PostAsJsonAsync(new Uri(server.Address, "api/trace"), new { text, interventions })))
            .GetProperty("id").GetString()!;

    private static async Task<JsonElement> CheckAsync(ExplorerServer server, string name, string trace)
        => await ReadAsync(await Client.PostAsJsonAsync(new Uri(server.Address, "api/check"), new { name, trace }));

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage reply)
    {
        string text = await reply.Content.ReadAsStringAsync();
        Assert.True(reply.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }
}
