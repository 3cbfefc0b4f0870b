using Microsoft.Playwright;

namespace Heed.Explorer.Tests;

/// <summary>Pictures of the pages for whoever looks at them: HEED_SCREENSHOTS names the folder, HEED_SCREENSHOT_PAGES may choose.</summary>
[Collection(BrowserGroup.Name)]
public class ScreenshotTests(Browser browser, Servers servers)
{
    [BrowserFact]
    public async Task Pages_are_drawn()
    {
        string? folder = Environment.GetEnvironmentVariable("HEED_SCREENSHOTS");
        if (folder is null) Assert.Skip("pictures are for looking at: set HEED_SCREENSHOTS to a folder");
        string[] pages = Environment.GetEnvironmentVariable("HEED_SCREENSHOT_PAGES")?.Split(';') ?? [.. PageTests.Pages];
        string[] looks = Environment.GetEnvironmentVariable("HEED_SCREENSHOT_LOOKS")?.Split(';')
            ?? ["light-1280", "dark-1280", "light-375"];
        string model = Environment.GetEnvironmentVariable("HEED_SCREENSHOT_MODEL") ?? "decoder";
        ExplorerServer server = await servers.GetAsync(model);
        foreach (string look in looks)
        {
            string[] words = look.Split('-');
            IPage page = await browser.PageAsync(int.Parse(words[1]), 900, words[0]);
            List<string> errors = [];
            page.PageError += (_, e) => errors.Add(e);
            page.Console += (_, m) =>
            {
                if (m.Type == "error") errors.Add(m.Text);
            };
            await Browser.OpenAsync(page, server.Address, "attention");
            foreach (string name in pages)
            {
                await Browser.GoAsync(page, name);
                string file = name.Split('?')[0];
                if (name == "selfcheck")
                {
                    await page.ClickAsync(".stage .try");
                    await page.WaitForFunctionAsync("() => document.querySelectorAll('.checks tbody.passed, .checks tbody.failed, "
                        + ".checks tbody.skipped').length === document.querySelectorAll('.checks tbody').length", null,
                        new PageWaitForFunctionOptions { Timeout = 240_000 });
                }

                await page.ScreenshotAsync(new PageScreenshotOptions
                {
                    Path = Path.Combine(folder,
                    $"{file}-{model.Split('/')[^1].Replace(' ', '-')}-{look}.png"),
                    FullPage = words.Length < 3
                });
            }

            await page.Context.CloseAsync();
            Assert.Empty(errors);
        }
    }
}
