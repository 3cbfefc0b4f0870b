using Microsoft.Playwright;

namespace Heed.Explorer.Tests;

/// <summary>The learning pages in a browser: by keyboard, kept in the browser, honest where a model cannot.</summary>
[Collection(BrowserGroup.Name)]
public class LearningBrowserTests(Browser browser, Servers servers)
{
    [BrowserFact]
    public async Task A_known_card_rests_and_the_next_one_comes()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        IPage page = await browser.PageAsync();
        await Browser.OpenAsync(page, server.Address, "learn?t=one%20two%20three");
        string first = await page.InnerTextAsync(".flash .question");
        await page.FocusAsync("#stage");
        await page.Keyboard.PressAsync("Space");
        await page.WaitForSelectorAsync(".flash .lead");
        Assert.Contains(await page.EvaluateAsync<string>("() => String(window.heed.store.trace.tokens.length)"),
            await page.InnerTextAsync(".flash .lead"), StringComparison.Ordinal);
        await page.ClickAsync(".flash .btn >> text=/^Known$/");
        await page.WaitForFunctionAsync("q => document.querySelector('.flash .question').innerText !== q", first);
        Assert.Equal(1, await page.EvaluateAsync<int>("() => JSON.parse(localStorage.getItem('heed-cards')).tokens.box"));
        await page.ReloadAsync();
        await page.WaitForSelectorAsync(".flash .question");
        Assert.NotEqual(first, await page.InnerTextAsync(".flash .question"));
        await page.Context.CloseAsync();
    }

    [BrowserTheory]
    [InlineData("decoder")]
    [InlineData("encoder")]
    [InlineData("encoder-decoder")]
    public async Task A_guess_counts_once_and_the_answer_is_the_run(string name)
    {
        ExplorerServer server = await servers.GetAsync(name);
        IPage page = await browser.PageAsync();
        foreach (int n in new[] { 0, 1 })
        {
            await Browser.OpenAsync(page, server.Address, $"guess?n={n}");
            Assert.Equal(0, await page.Locator(".answers .right").CountAsync());
            await page.ClickAsync(".answers button:not([disabled]) >> nth=0");
            await page.WaitForSelectorAsync(".answers .right");
            Assert.Equal(n + 1, await page.EvaluateAsync<int>("() => JSON.parse(localStorage.getItem('heed-guesses')).asked"));
        }

        // The same question again is no new one.
        await Browser.OpenAsync(page, server.Address, "guess?n=1");
        await page.ClickAsync(".answers button:not([disabled]) >> nth=1");
        await page.WaitForSelectorAsync(".answers .right");
        Assert.Equal(2, await page.EvaluateAsync<int>("() => JSON.parse(localStorage.getItem('heed-guesses')).asked"));
        await page.Context.CloseAsync();
    }

    [BrowserTheory]
    [InlineData("decoder")]
    [InlineData("encoder")]
    [InlineData("encoder-decoder")]
    public async Task Every_part_of_the_learning_pages_opens_on_every_family(string name)
    {
        ExplorerServer server = await servers.GetAsync(name);
        IPage page = await browser.PageAsync(375);
        List<string> errors = [];
        page.PageError += (_, e) => errors.Add(e);
        foreach (string view in new[] { "learn?part=sheet", "learn?part=revise", "learn?part=mistakes&examine=1", "learn?part=shots",
            "objectives?obj=causal", "objectives?obj=masked&rate=0.5", "objectives?obj=span&rate=0.4", "compare?step=3&measure=reach" })
        {
            await Browser.OpenAsync(page, server.Address, view);
            string text = await page.InnerTextAsync(".stage");
            Assert.DoesNotContain("undefined", text, StringComparison.Ordinal);
            Assert.Equal(0, await page.Locator("[data-v=NaN]").CountAsync());
            Assert.False(await page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth > innerWidth"), $"{view} scrolls");
        }

        Assert.Empty(errors);
        await page.Context.CloseAsync();
    }
}
