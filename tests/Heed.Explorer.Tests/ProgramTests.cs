using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Heed.Testing;
using Microsoft.Playwright;

namespace Heed.Explorer.Tests;

/// <summary>"Copy as C#" of every page gives a program that the SDK's compiler takes.</summary>
[Collection(BrowserGroup.Name)]
public sealed partial class ProgramTests(Browser browser, Servers servers)
{
    [BrowserFact]
    public async Task Every_pages_program_compiles()
    {
        using TemporaryFolder folder = new();
        List<(string Name, string Code)> programs = [];
        foreach (string model in new[] { "decoder", "encoder", "encoder-decoder" })
        {
            ExplorerServer server = await servers.GetAsync(model);
            IPage page = await browser.PageAsync();
            string change = model == "encoder" ? "" : model == "decoder" ? "&iv=zero:blocks.0.attn:1,mask::none"
                : "&iv=zero:encoder.blocks.0.attn:1";
            await Browser.OpenAsync(page, server.Address, $"attention?t={Uri.EscapeDataString("one \"two\" \\ three {0} ")}{change}");
            foreach (string name in PageTests.Pages)
            {
                string code = await page.EvaluateAsync<string>("""
                    async name => {
                      const { program } = await import('./parts/program.js');
                      const { store } = window.heed;
                      store.set({ page: name, x: name === 'debug' ? { other: 'one two' } : {} });
                      return program(store);
                    }
                    """, name);
                programs.Add(($"{model} {name}", code));
            }

            await page.Context.CloseAsync();
        }

        Assert.True(programs.Count >= 3 * PageTests.Pages.Count);
        Assert.Contains(programs,
            p => p.Code.Contains("Intervention.Zero(\"decoder.blocks.0.attn.z\", head: 1)", StringComparison.Ordinal));
        await Compile(folder, [.. programs.DistinctBy(p => p.Code)]);
    }

    [Fact]
    public async Task A_program_that_does_not_compile_is_found()
    {
        using TemporaryFolder folder = new();
        Exception error = await Assert.ThrowsAnyAsync<Exception>(() => Compile(folder,
            [("wrong", "using Heed.Inspection;\n\nInspector inspector = new(17);\n")]));
        Assert.Contains("CS1503", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Compiles programs in one call: each becomes a method, since only one file of an assembly may have statements at its
    /// top.</summary>
    private static async Task Compile(TemporaryFolder folder, IReadOnlyList<(string Name, string Code)> programs)
    {
        List<string> files = [];
        for (int i = 0; i < programs.Count; i++)
        {
            string code = programs[i].Code;
            string usings = string.Concat(Using().Matches(code).Select(m => m.Value)), body = Using().Replace(code, "");
            files.Add(folder.File($"Program{i}.cs"));
            await File.WriteAllTextAsync(files[^1], $"// {programs[i].Name}\nusing System;\nusing System.Linq;\n{usings}"
                + $"internal static class Program{i}\n{{\n    public static void Run()\n    {{\n{body}\n    }}\n}}\n",
                TestContext.Current.CancellationToken);
        }

        string[] libraries = [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(f => f.EndsWith(".dll", StringComparison.Ordinal) && !f.EndsWith(".Tests.dll", StringComparison.Ordinal))];
        string response = folder.File("compile.rsp");
        await File.WriteAllLinesAsync(response, [.. libraries.Select(l => $"-r:\"{l}\""), "-nostdlib", "-target:library", "-warnaserror+",
            "-nullable:enable", "-langversion:latest", $"-out:\"{folder.File("Programs.dll")}\"", .. files.Select(f => $"\"{f}\"")],
            TestContext.Current.CancellationToken);
        using Process compiler = Process.Start(new ProcessStartInfo(DotNet, [CompilerOf(DotNet), "-noconfig", $"@{response}"])
        { RedirectStandardOutput = true })!;
        StringBuilder output = new(await compiler.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        await compiler.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(compiler.ExitCode == 0, output.ToString());
    }

    /// <summary>The dotnet command whose runtime this is: the runtime lies in <c>shared/Microsoft.NETCore.App/VERSION</c> beside
    /// it.</summary>
    private static string DotNet { get; } = Path.Combine(Path.GetFullPath(Path.Combine(
        Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..")), OperatingSystem.IsWindows() ? "dotnet.exe"
        : "dotnet");

    private static string CompilerOf(string dotnet) => Directory.GetDirectories(Path.Combine(Path.GetDirectoryName(dotnet)!, "sdk"))
        .Select(sdk => Path.Combine(sdk, "Roslyn", "bincore", "csc.dll")).Where(File.Exists).Order(StringComparer.Ordinal).Last();

    [GeneratedRegex("^using [A-Za-z.]+;\r?\n", RegexOptions.Multiline)]
    private static partial Regex Using();
}
