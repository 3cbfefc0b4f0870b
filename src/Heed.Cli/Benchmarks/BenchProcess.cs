using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using Heed.Verification.Benchmarks;

namespace Heed.Cli.Benchmarks;

/// <summary>Works in a child process of their own: its peak memory is theirs, and no work finds another's memory and compiled
/// code.</summary>
internal static class BenchProcess
{
    /// <summary>Whether this process is the program itself, and can start it again.</summary>
    public static bool CanStart => Environment.ProcessPath is not null && Assembly.GetEntryAssembly()?.GetName().Name == "heed";

    /// <summary>Runs works in one child and gives the rows of its result.</summary>
    /// <exception cref="InputException">The child failed.</exception>
    public static IEnumerable<JsonObject> Run(
        IEnumerable<BenchmarkWork> works, double seconds, int? threads, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        string library = Path.Combine(AppContext.BaseDirectory, "heed.dll");
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(library);
        string[] names = [.. works.Select(w => w.Name)];
        string[] rest = ["--in-process", "--json", "--seconds", seconds.ToString("R", CultureInfo.InvariantCulture)];
        foreach (string word in (string[])["bench", .. names, .. rest]) start.ArgumentList.Add(word);
        if (threads is { } count)
        {
            start.ArgumentList.Add("--threads");
            start.ArgumentList.Add(count.ToString(CultureInfo.InvariantCulture));
        }

        using Process child = Process.Start(start)!;
        using CancellationTokenRegistration end = cancellationToken.Register(() => End(child));
        Task<string> error = child.StandardError.ReadToEndAsync(cancellationToken);
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        cancellationToken.ThrowIfCancellationRequested();
        if (child.ExitCode != ExitCode.Ok)
            throw new InputException($"bench: the process of {names[0]} ended with code {child.ExitCode}: "
                + $"{Printable.Shorten(error.Result.Trim(), 200)}. Run heed bench {names[0]} --in-process to see it alone.");
        JsonArray rows = JsonNode.Parse(output)!["works"]!.AsArray();
        return [.. rows.Select(row => row!.DeepClone().AsObject())];
    }

    private static void End(Process child)
    {
        try
        {
            child.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }
}
