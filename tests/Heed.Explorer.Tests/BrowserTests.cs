using System.Globalization;
using System.Text.Json;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Heed.Engine.Nn;
using Heed.Generation;
using Heed.Models;
using Heed.Testing;
using Microsoft.Playwright;

namespace Heed.Explorer.Tests;

/// <summary>The pages in a browser: every page on every family, numbers, keys, addresses, access for everyone.</summary>
[Collection(BrowserGroup.Name)]
public class BrowserTests(Browser browser, Servers servers)
{
    private const int Sampled = 60;

    public static TheoryData<string> Names => [.. Servers.Models.Select(m => m.Name)];

    [BrowserTheory]
    [MemberData(nameof(Names))]
    public async Task Every_page_opens_and_its_numbers_are_the_engines_bit_for_bit(string name)
    {
        ExplorerServer server = await servers.GetAsync(name);
        await Check(server, Servers.FolderOf(name));
    }

    [BrowserFact]
    public async Task Every_page_opens_on_the_small_model() => await Check(await servers.GetAsync(SmallModel.Folder()),
        SmallModel.Folder());

    [BrowserFact]
    public async Task Every_page_opens_on_a_real_encoder()
    {
        if (Repository.Shared is null) Assert.Skip(Repository.SharedMissing);
        string folder = Path.Combine(Repository.Shared, "models", "all-MiniLM-L6-v2");
        await Check(await servers.GetAsync(folder), folder);
    }

    [BrowserFact]
    public async Task The_address_brings_the_same_view_back()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        IPage page = await browser.PageAsync();
        await Browser.OpenAsync(page, server.Address,
            "attention?t=one%20two%20three%20two&L=1&H=2&q=3&k=1&view=value&iv=zero:blocks.0.attn:1");
        string first = await page.InnerTextAsync(".stage"), address = page.Url;
        await page.ReloadAsync();
        await page.WaitForFunctionAsync("() => window.heed?.store?.trace && !window.heed.store.busy");
        await Browser.SettleAsync(page);
        Assert.Equal(address, page.Url);
        Assert.Equal(first, await page.InnerTextAsync(".stage"));
        Assert.Contains("iv=zero:blocks.0.attn:1", address, StringComparison.Ordinal);
        await Browser.OpenAsync(page, server.Address, "attention?t=one&m=other@00000000");
        Assert.Contains("Numbers differ", await page.InnerTextAsync(".stage"), StringComparison.Ordinal);
        await page.Context.CloseAsync();
    }

    [BrowserFact]
    public async Task A_reader_gets_everywhere_by_keyboard()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        IPage page = await browser.PageAsync();
        await Browser.OpenAsync(page, server.Address, "attention?t=one%20two%20three&L=0&H=0");
        await page.Keyboard.PressAsync("/");
        Assert.Equal("text", await page.EvaluateAsync<string>("() => document.activeElement.id"));
        await page.Keyboard.TypeAsync(" four");
        await page.WaitForFunctionAsync("() => window.heed.store.trace.tokens.map(t => t.text).join('').endsWith('four') && "
            + "!window.heed.store.busy");
        await page.Keyboard.PressAsync("Escape");
        int query = await State<int>(page, "query");
        await page.Keyboard.PressAsync("ArrowLeft");
        Assert.Equal(query - 1, await State<int>(page, "state.q"));
        await page.Keyboard.PressAsync("ArrowUp");
        await page.Keyboard.PressAsync("]");
        Assert.Equal((1, 1), (await State<int>(page, "state.L"), await State<int>(page, "state.H")));
        await page.Keyboard.PressAsync("a");
        await page.WaitForFunctionAsync("() => window.heed.store.trace.interventions.includes('zero:blocks.1.attn:1')");
        await Browser.SettleAsync(page);
        await page.FocusAsync("[role=grid]");
        await page.Keyboard.PressAsync("Home");
        await page.Keyboard.PressAsync("ArrowUp");
        Assert.Equal(0, await State<int>(page, "state.k"));
        await page.FocusAsync("nav a[href=steps]");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForSelectorAsync(".steps");
        await Browser.SettleAsync(page);
        await page.FocusAsync(".stepbody button.n");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForSelectorAsync(".side table.data button.n");
        Assert.Contains("byte", await page.InnerTextAsync(".side"), StringComparison.Ordinal);
        await page.Keyboard.PressAsync("Escape");
        await page.WaitForFunctionAsync("() => !document.querySelector('.side').innerText.includes('byte')");
        await page.Context.CloseAsync();
    }

    [BrowserFact]
    public async Task The_newest_text_wins_and_a_word_answers_at_once()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        IPage page = await browser.PageAsync();
        await Browser.OpenAsync(page, server.Address, "attention?t=one");
        await page.FillAsync("#text", "two");
        await page.FillAsync("#text", "two three");
        await page.FillAsync("#text", "two three four");
        await page.WaitForFunctionAsync("() => !window.heed.store.busy && window.heed.store.trace.tokens.map(t => "
            + "t.text).join('').endsWith('four')");
        await Browser.SettleAsync(page);
        await page.ClickAsync(".time .tok >> nth=0");
        Assert.Equal(0, await State<int>(page, "state.q"));
        await page.Context.CloseAsync();
    }

    [BrowserTheory]
    [InlineData("light")]
    [InlineData("dark")]
    public async Task Every_page_is_clean_to_axe(string theme)
    {
        // Each look takes seconds: ./test looks at three pages in one width, ./test --long at all of them in three.
        bool all = Environment.GetEnvironmentVariable("HEED_LONG") == "1";
        string[] pages = all ? [.. PageTests.Pages] : theme == "light" ? ["attention", "steps", "learn"] : ["predict", "compare"];
        ExplorerServer server = await servers.GetAsync("decoder");
        List<string> found = [];
        foreach (int width in all ? new[] { 375, 768, 1440 } : [1280])
        {
            IPage page = await browser.PageAsync(width, 900, theme);
            await Browser.OpenAsync(page, server.Address, "attention");
            foreach (string name in pages)
            {
                await Browser.GoAsync(page, name);
                AxeResult result = await page.RunAxe();
                if (await page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth > innerWidth"))
                    found.Add($"{name} {theme} {width}: the page scrolls sideways");
                found.AddRange(result.Violations.Select(v => $"{name} {theme} {width}: {v.Id} {v.Nodes.Length} × {v.Nodes[0].Html} "
                    + $"({v.Nodes[0].Any.FirstOrDefault()?.Message})"));
            }

            await page.Context.CloseAsync();
        }

        Assert.True(found.Count == 0, string.Join('\n', found.Take(30)));
    }

    [BrowserFact]
    public async Task A_cold_start_loads_less_than_200_kilobytes_and_nothing_from_elsewhere()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        IPage page = await browser.PageAsync();
        List<string> elsewhere = [];
        page.Request += (_, r) =>
        {
            if (!r.Url.StartsWith(server.Address.ToString(), StringComparison.Ordinal)
                && !r.Url.StartsWith("data:", StringComparison.Ordinal)) elsewhere.Add(r.Url);
        };
        await Browser.OpenAsync(page, server.Address, "attention");
        long bytes = await page.EvaluateAsync<long>("() => performance.getEntriesByType('resource').filter(r => "
            + "!r.name.includes('/api/')).reduce((n, r) => n + r.encodedBodySize, 0)");
        Assert.InRange(bytes, 20_000, 200_000);
        Assert.Empty(elsewhere);
        await page.Context.CloseAsync();
    }

    [BrowserFact]
    public async Task An_exported_site_shows_the_recorded_numbers_without_a_server_of_ours()
    {
        using TemporaryFolder folder = new();
        ExplorerServer server = await servers.GetAsync("decoder");
        Assert.True(await Serving.StaticExport.WriteAsync(server, folder.Path, TestContext.Current.CancellationToken) > 100);
        IPage page = await browser.PageAsync();
        // Files alone: what is not there is not found, as with any web server.
        await page.RouteAsync("**/*", async route =>
        {
            string path = new Uri(route.Request.Url).AbsolutePath.TrimStart('/');
            string file = folder.File(path.Length == 0 || path.EndsWith('/') ? path + "index.html" : path);
            if (Directory.Exists(file)) file = Path.Combine(file, "index.html");
            if (File.Exists(file)) await route.FulfillAsync(new RouteFulfillOptions
            {
                Path = file,
                ContentType = Serving.StaticFiles.TypeOf(file)
            });
            else await route.FulfillAsync(new RouteFulfillOptions { Status = 404, Body = "not found" });
        });
        await page.GotoAsync("http://recorded.example/attention/");
        await page.WaitForFunctionAsync("() => window.heed?.store?.trace && !window.heed.store.busy");
        await Browser.SettleAsync(page);
        string hook = await page.EvaluateAsync<string>("() => document.querySelector('.stage [data-hook]').dataset.hook");
        Assert.EndsWith("attn.pattern", hook, StringComparison.Ordinal);
        Assert.Contains("recorded", await page.InnerTextAsync(".top"), StringComparison.Ordinal);
        await page.Context.CloseAsync();
    }

    [BrowserFact]
    public async Task Markup_in_a_text_is_shown_and_never_obeyed()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        IPage page = await browser.PageAsync();
        const string Text = "<img src=x onerror=window.hit=1><b>bold</b>";
        await Browser.OpenAsync(page, server.Address, "tokens?t=" + Uri.EscapeDataString(Text));
        Assert.False(await page.EvaluateAsync<bool>("() => 'hit' in window"));
        Assert.Equal(0, await page.Locator(".stage img").CountAsync());
        await page.Context.CloseAsync();
    }

    private static Task<T> State<T>(IPage page, string path) => page.EvaluateAsync<T>($"() => window.heed.store.{path}");

    /// <summary>Opens all pages and holds their numbers against a fresh run.</summary>
    private async Task Check(ExplorerServer server, string folder)
    {
        IPage page = await browser.PageAsync();
        List<string> errors = [];
        page.PageError += (_, e) => errors.Add(e);
        page.Console += (_, m) =>
        {
            if (m.Type == "error" && !m.Text.Contains("400", StringComparison.Ordinal)) errors.Add(m.Text);
        };
        Dictionary<string, (int[] Shape, float[] Values)>? engine = null;
        int compared = 0;
        await Browser.OpenAsync(page, server.Address, "attention?L=1&H=1");
        foreach (string name in PageTests.Pages)
        {
            await Browser.GoAsync(page, name);
            Assert.DoesNotContain("undefined", await page.InnerTextAsync(".stage"), StringComparison.Ordinal);
            engine ??= await Fresh(page, folder);
            string json = await page.EvaluateAsync<string>("() => JSON.stringify([...document.querySelectorAll('[data-hook]')].map(e "
                + "=> [e.dataset.hook, e.dataset.idx, e.dataset.v]))");
            string[][] numbers = JsonSerializer.Deserialize<string[][]>(json)!;
            string[][] known = [.. numbers.Where(n => engine.ContainsKey(n[0]))];
            foreach (string[] number in known.Take(Sampled).Concat(known.Skip(Sampled).Where((_, i) => i % 7 == 0)))
            {
                (int[] shape, float[] values) = engine[number[0]];
                int at = 0;
                int[] index = [.. number[1].Split(',').Select(i => int.Parse(i, CultureInfo.InvariantCulture))];
                Assert.True(index.Length == shape.Length, $"{name}: {number[0]}[{number[1]}]");
                for (int axis = 0; axis < shape.Length; axis++) at = (at * shape[axis]) + index[axis];
                float shown = number[2] switch
                {
                    "-Infinity" => float.NegativeInfinity,
                    "Infinity" => float.PositiveInfinity,
                    string text => float.Parse(text, CultureInfo.InvariantCulture),
                };
                Assert.True(BitConverter.SingleToInt32Bits(values[at]) == BitConverter.SingleToInt32Bits(shown),
                    $"{name}: {number[0]}[{number[1]}] is {values[at]:R} and the page says {number[2]}");
                compared++;
            }
        }

        Assert.Empty(errors);
        Assert.True(compared > 100, $"only {compared} numbers were compared");
        await page.Context.CloseAsync();
    }

    private static async Task<Dictionary<string, (int[] Shape, float[] Values)>> Fresh(IPage page, string folder)
    {
        int[] ids = await page.EvaluateAsync<int[]>("() => window.heed.store.trace.tokens.map(t => t.id)");
        int[]? decoder = await page.EvaluateAsync<int[]?>("() => window.heed.store.trace.decoderTokens?.map(t => t.id) ?? null");
        using HeedModel fresh = HeedModel.Open(folder);
        Dictionary<string, (int[] Shape, float[] Values)> engine = [];
        ModelOutput output = fresh.Model.Run(
            new ModelInputs { InputIds = TokenGrid.Of([ids]), DecoderInputIds = decoder is null ? null : TokenGrid.Of([decoder]) },
            new RunOptions { Hooks = new Hooks().ObserveWhere(_ => true, (n, x) => engine[n] = (x.Shape.ToArray(), x.Value.ToArray())) });
        if (output.Logits is { } logits) engine["logits"] = (logits.Shape.ToArray()[1..], logits.ToArray());
        return engine;
    }
}
