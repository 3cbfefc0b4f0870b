using System.Diagnostics;
using System.Text.Json;
using Heed.Generation;
using Heed.Testing;

namespace Heed.Repository.Tests.Browser;

/// <summary>
/// The libraries in a browser's runtime: built for browser-wasm by the SDK alone, without a workload, and run by Node. A golden model is
/// opened from memory, generates and embeds as the native libraries do.
/// </summary>
public sealed class BrowserTests
{
    private const string Prompt = "w5 w9 w2", Text = "w7 w3 w11 w20";
    private const int Count = 12;

    [Fact]
    public void Models_open_from_memory_generate_and_embed_as_natively()
    {
        Assert.SkipWhen(Run("node", ".", "--version").Code != 0, "Node is not installed.");
        using TemporaryFolder folder = new();
        Copy(Path.Combine(Heed.Testing.Repository.Goldens, "models", "gpt2"), folder.File("models/writer"));
        Copy(Path.Combine(Heed.Testing.Repository.Goldens, "models", "bert-mlm"), folder.File("models/encoder"), headless: true);
        string app = Tree.At("tests/Heed.Repository.Tests/Browser/app");
        Directory.CreateDirectory(folder.File("app"));
        File.Copy(Path.Combine(app, "Program.cs"), folder.File("app/Program.cs"));
        File.Copy(Path.Combine(app, "project.xml"), folder.File("app/Browser.csproj"));
        (int code, string output, string error) = Run("dotnet", folder.File("app"), "build", "-c", "Release", "-nologo", "-v", "quiet", "-p:HeedLibraries=" + AppContext.BaseDirectory.TrimEnd('/'));
        Assert.SkipWhen(code != 0 && (output + error).Contains("NU1301", StringComparison.Ordinal),
            "The runtime pack Microsoft.NETCore.App.Runtime.Mono.browser-wasm, or Microsoft.NET.Sdk.WebAssembly.Pack, is not in the package cache, and there is no network to fetch it.");
        Assert.True(code == 0, output + error);

        string root = folder.File("app/bin/Release/net10.0/wwwroot");
        if (!File.Exists(Path.Combine(root, "_framework/dotnet.js"))) root = folder.File("app/bin/Release/net10.0/browser-wasm/wwwroot");
        File.Copy(Path.Combine(app, "main.mjs"), Path.Combine(root, "main.mjs"));
        (code, output, error) = Run("node", root, "main.mjs", folder.File("models"), Prompt, Count.ToString(System.Globalization.CultureInfo.InvariantCulture), Text);
        Assert.True(code == 0, output + error);
        string line = output.Split('\n').Single(l => l.StartsWith("RESULT ", StringComparison.Ordinal))["RESULT ".Length..];
        using JsonDocument result = JsonDocument.Parse(line);
        using HeedModel writer = HeedModel.Open(folder.File("models/writer")), encoder = HeedModel.Open(folder.File("models/encoder"));
        Assert.Equal(writer.Generate(Prompt, writer.Generation with { MaxNewTokens = Count }), result.RootElement.GetProperty("generated").GetString());
        float[] expected = encoder.Embed([Text])[0];
        float[] actual = [.. result.RootElement.GetProperty("embedding").EnumerateArray().Select(value => value.GetSingle())];
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-6f * Math.Max(1, Math.Abs(expected[i])));
    }

    /// <summary>A golden model with a tokenizer whose words are w0, w1, …</summary>
    private static void Copy(string from, string to, bool headless = false)
    {
        Directory.CreateDirectory(to);
        string config = File.ReadAllText(Path.Combine(from, "config.json"));
        using JsonDocument json = JsonDocument.Parse(config);
        int words = json.RootElement.GetProperty("vocab_size").GetInt32();
        string head = json.RootElement.GetProperty("architectures")[0].GetString()!;
        File.WriteAllText(Path.Combine(to, "config.json"), headless ? config.Replace(head, "BertModel", StringComparison.Ordinal) : config);
        File.Copy(Path.Combine(from, "model.safetensors"), Path.Combine(to, "model.safetensors"));
        string vocabulary = string.Join(", ", Enumerable.Range(0, words).Select(i => $"\"w{i}\": {i}"));
        File.WriteAllText(Path.Combine(to, "tokenizer.json"), $$"""
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": { {{vocabulary}} }, "unk_token": "w0"} }
            """);
    }

    private static (int Code, string Output, string Error) Run(string program, string folder, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder })!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, error.Result);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (-1, "", $"{program} is not installed.");
        }
    }
}
