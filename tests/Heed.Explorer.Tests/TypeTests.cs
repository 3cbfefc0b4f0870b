using System.Diagnostics;
using Heed.Testing;

namespace Heed.Explorer.Tests;

/// <summary>The pages' JSDoc types, checked where TypeScript's compiler is at hand; nothing else needs it.</summary>
public class TypeTests
{
    [Fact]
    public async Task The_pages_types_hold()
    {
        string? compiler = new[] { Environment.GetEnvironmentVariable("HEED_TSC") }.Concat((Environment.GetEnvironmentVariable("PATH")
            ?? "").Split(Path.PathSeparator).Select(p => Path.Combine(p, "tsc")))
            .FirstOrDefault(File.Exists);
        if (compiler is null) Assert.Skip("needs TypeScript's compiler: npm install in src/Heed.Explorer/Web/vendor/source, then set "
            + "HEED_TSC to node_modules/.bin/tsc");
        using Process tsc = Process.Start(new ProcessStartInfo(compiler!,
            ["-p", Path.Combine(Repository.Root, "src/Heed.Explorer/Web/vendor/source")])
        { RedirectStandardOutput = true })!;
        string output = await tsc.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await tsc.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(tsc.ExitCode == 0, output);
    }
}
