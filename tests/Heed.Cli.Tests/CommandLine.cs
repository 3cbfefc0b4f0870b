using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Heed.Testing;

namespace Heed.Cli.Tests;

/// <summary>Runs command lines: inside the test, or as a program of its own that is killed or interrupted.</summary>
internal static partial class CommandLine
{
    /// <summary>Runs a command line in this process, with writers in place of the console.</summary>
    public static Task<(int Code, string Output, string Error)> Run(params string[] args) => Run(args, "");

    public static Task<(int Code, string Output, string Error)> Run(string[] args, string input) => Run(args, new MemoryStream(System.Text.Encoding.UTF8.GetBytes(input)));

    public static async Task<(int Code, string Output, string Error)> Run(string[] args, Stream input)
    {
        using StringWriter output = new(), error = new();
        int code = await Application.RunAsync(args, new Terminal(output, error, isTerminal: false, colours: false, input));
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>Runs the program itself, and kills it (SIGKILL) some time after it has begun; null lets it end.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="begun">Asked until it is so.</param>
    /// <param name="clock">Started when it is so; stopped at the end.</param>
    /// <param name="after">When to kill.</param>
    public static async Task<(int Code, string Error)> Killed(string[] args, Func<bool> begun, Stopwatch clock, TimeSpan? after)
    {
        using Process process = Start(args);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        while (!begun() && !process.HasExited) await Task.Delay(1);
        clock.Restart();
        if (after is { } wait)
        {
            await Task.WhenAny(Task.Delay(wait), process.WaitForExitAsync());
            process.Kill(entireProcessTree: true);
        }

        await process.WaitForExitAsync();
        clock.Stop();
        await Task.WhenAll(output, error);
        return (process.ExitCode, await error);
    }

    /// <summary>Runs the program itself; once its error stream holds a text, or something is so, it gets a Ctrl-C (SIGINT).</summary>
    /// <param name="args">The command line.</param>
    /// <param name="interruptAt">The text that is waited for; null does not wait.</param>
    /// <param name="interruptWhen">What is waited for; null does not wait.</param>
    /// <param name="environment">Variables.</param>
    public static async Task<(int Code, string Output, string Error)> Signalled(string[] args, string? interruptAt = null, Func<bool>? interruptWhen = null, params (string Name, string Value)[] environment)
    {
        using Process process = Start(args, environment);
        System.Text.StringBuilder error = new();
        TaskCompletionSource seen = new();
        process.ErrorDataReceived += (_, line) =>
        {
            lock (error) error.Append(line.Data).Append('\n');
            if (interruptAt is not null && line.Data?.Contains(interruptAt, StringComparison.Ordinal) == true) seen.TrySetResult();
        };
        process.BeginErrorReadLine();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (interruptAt is not null) await Task.WhenAny(seen.Task, process.WaitForExitAsync());
        while (interruptWhen is not null && !interruptWhen() && !process.HasExited) await Task.Delay(20);
        if ((interruptAt is not null || interruptWhen is not null) && !process.HasExited) Assert.Equal(0, Kill(process.Id, 2));
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(4));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }

        string said = await output;
        lock (error) return (process.ExitCode, said, error.ToString());
    }

    /// <summary>SHA-256 of a finished run's weights.</summary>
    public static string Sum(string run) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(run, "model", "model.safetensors"))));

    /// <summary>A tiny run with frequent checkpoints.</summary>
    public static string[] Pretrain(string text, string run, int steps) =>
    [
        "pretrain", "--data", text, "--out", run, "--layers", "2", "--heads", "2", "--width", "16", "--vocabulary-size", "280", "--block-length", "16", "--batch-size", "4",
        "--steps", steps.ToString(CultureInfo.InvariantCulture), "--warmup-steps", "5", "--held-out", "0.3", "--evaluate-every", "10", "--evaluate-blocks", "4", "--save-every", "5", "--learning-rate", "0.01",
    ];

    /// <summary>A text of four hundred small documents.</summary>
    public static string Text(TemporaryFolder folder)
    {
        string path = folder.File("text.jsonl");
        string[] nouns = ["cat", "dog", "bird", "fish"], verbs = ["sees", "likes", "follows", "hears"];
        File.WriteAllLines(path, Enumerable.Range(0, 400).Select(i => $"{{\"text\":\"the {nouns[i % 4]} {verbs[(i / 4) % 4]} the {nouns[(i / 3) % 4]} number {i}.\"}}"));
        return path;
    }

    /// <summary>Runs the program itself with an open standard input that never says anything, and sends a signal once it reads.</summary>
    /// <param name="signal">2: SIGINT, 15: SIGTERM.</param>
    /// <param name="args">The command line.</param>
    public static async Task<(int Code, TimeSpan After)> SignalledWhileItReads(int signal, params string[] args)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(typeof(Application).Assembly.Location);
        foreach (string arg in args) start.ArgumentList.Add(arg);
        using Process process = Process.Start(start)!;
        Task output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await Task.Delay(3000);      // long enough to reach the read; a signal that comes sooner must end it as well
        Stopwatch clock = Stopwatch.StartNew();
        Assert.Equal(0, Kill(process.Id, signal));
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail("It went on reading after the signal.");
        }

        await Task.WhenAll(output, error);
        return (process.ExitCode, clock.Elapsed);
    }

    private static Process Start(string[] args, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(typeof(Application).Assembly.Location);
        foreach (string arg in args) start.ArgumentList.Add(arg);
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
