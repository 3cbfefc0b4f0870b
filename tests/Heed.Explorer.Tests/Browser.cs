using System.Runtime.CompilerServices;
using Heed.Testing;
using Microsoft.Playwright;

namespace Heed.Explorer.Tests;

/// <summary>A test that needs Debian's chromium; skipped with a reason without it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        if (Browser.Executable is null) Skip = Browser.Missing;
    }
}

/// <summary>A theory that needs Debian's chromium; skipped with a reason without it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        if (Browser.Executable is null) Skip = Browser.Missing;
    }
}

/// <summary>One chromium for all tests of the group.</summary>
public sealed class Browser : IAsyncLifetime
{
    public const string Missing = "needs the browser: install chromium (apt-get install chromium)";

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public static string? Executable { get; } = new[] { "/usr/lib/chromium/chromium", "/usr/bin/chromium" }.FirstOrDefault(File.Exists);

    public async ValueTask InitializeAsync()
    {
        if (Executable is null) return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Executable,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    /// <summary>A page of its own context; errors of its scripts fail the test that asks for them.</summary>
    public async Task<IPage> PageAsync(int width = 1280, int height = 900, string theme = "light")
    {
        IBrowserContext context = await _browser!.NewContextAsync(new BrowserNewContextOptions
        {
            ViewportSize = new ViewportSize { Width = width, Height = height },
            ColorScheme = theme == "dark" ? ColorScheme.Dark : ColorScheme.Light,
            ReducedMotion = ReducedMotion.Reduce,
        });
        return await context.NewPageAsync();
    }

    /// <summary>Opens an address and waits until the run is shown.</summary>
    public static async Task OpenAsync(IPage page, Uri address, string path)
    {
        await page.GotoAsync(new Uri(address, path).ToString());
        await page.WaitForFunctionAsync("() => window.heed?.store?.trace && !window.heed.store.busy");
        await SettleAsync(page);
    }

    /// <summary>Goes to another page of the open application.</summary>
    public static async Task GoAsync(IPage page, string name)
    {
        await page.EvaluateAsync("name => window.heed.store.set({ page: name, view: '', x: {} })", name);
        await page.WaitForFunctionAsync("name => location.pathname.endsWith('/' + name)", name);
        await page.WaitForTimeoutAsync(30);
        await SettleAsync(page);
    }

    /// <summary>Waits until nothing is loading.</summary>
    public static async Task SettleAsync(IPage page)
    {
        await page.WaitForFunctionAsync("() => !window.heed.store.busy && !document.querySelector('.stage .skeleton, .side .skeleton')",
            null, new PageWaitForFunctionOptions { Timeout = 20_000 });
        await page.WaitForTimeoutAsync(60);
    }
}

/// <summary>The tests that share the browser.</summary>
[CollectionDefinition(Name)]
public sealed class BrowserGroup : ICollectionFixture<Browser>, ICollectionFixture<Servers>
{
    public const string Name = "browser";
}

/// <summary>Servers of small models, started when they are first asked for.</summary>
public sealed class Servers : IAsyncLifetime
{
    public static readonly (string Name, string Folder)[] Models =
    [
        ("decoder", "pipelines/models/gpt2-text"),
        ("rotary decoder", "pipelines/models/llama-plain"),
        ("encoder", "pipelines/models/bert-mlm"),
        ("encoder-decoder", "pipelines/models/t5-translate"),
    ];

    private readonly Dictionary<string, ExplorerServer> _servers = [];
    private readonly SemaphoreSlim _gate = new(1, 1);

    public static string FolderOf(string name) => Path.Combine(Repository.Goldens, Models.Single(m => m.Name == name).Folder);

    public async Task<ExplorerServer> GetAsync(string name)
    {
        await _gate.WaitAsync();
        try
        {
            if (_servers.TryGetValue(name, out ExplorerServer? known)) return known;
            ExplorerServer server = await ExplorerServer.StartAsync(name.Contains('/', StringComparison.Ordinal) ? name : FolderOf(name));
            await server.Opened;
            return _servers[name] = server;
        }
        finally
        {
            _gate.Release();
        }
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (ExplorerServer server in _servers.Values) await server.DisposeAsync();
        _gate.Dispose();
    }
}
