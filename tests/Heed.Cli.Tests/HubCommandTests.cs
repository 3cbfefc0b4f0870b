using System.Text.Json;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary>Models of the hub cache, by their names in every command, listed and removed revision by revision.</summary>
public sealed class HubCommandTests : IDisposable
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TemporaryFolder _folder = new();

    public HubCommandTests()
    {
        string root = _folder.File("hub/models--org--tiny"), snapshot = Path.Combine(root, "snapshots", Commit);
        Directory.CreateDirectory(snapshot);
        Directory.CreateDirectory(Path.Combine(root, "refs"));
        File.WriteAllText(Path.Combine(root, "refs", "main"), Commit);
        foreach (string file in (string[])["config.json", "model.safetensors"]) File.Copy(Path.Combine(Repository.Goldens, "models", "gpt2", file), Path.Combine(snapshot, file));
        File.Copy(Path.Combine(Repository.Goldens, "tokenizers", "wordlevel", "tokenizer.json"), Path.Combine(snapshot, "tokenizer.json"));
    }

    public void Dispose() => _folder.Dispose();

    // The cache is named by a variable of the process, so each command is a process of its own.
    private Task<(int Code, string Output, string Error)> Heed(params string[] args) => Signalled(args, environment: ("HF_HUB_CACHE", _folder.File("hub")));

    [Fact]
    public async Task A_pulled_model_is_known_by_its_name()
    {
        foreach (string[] args in (string[][])[["info", "org/tiny"], ["tokenize", "org/tiny", "the", "--json"], ["convert", "org/tiny", _folder.File("out")]])
        {
            (int code, string output, string error) = await Heed(args);
            Assert.True(code == ExitCode.Ok, $"{args[0]}: {output}{error}");
        }

        Assert.True(File.Exists(_folder.File("out/model.safetensors")));
    }

    [Theory]
    [InlineData("info", "org/other")]
    [InlineData("tokenize", "org/other", "text")]
    [InlineData("convert", "org/other", "out")]
    [InlineData("generate", "org/other", "text")]
    public async Task A_name_that_is_not_there_yet_can_be_pulled(params string[] args)
    {
        (int code, _, string error) = await Run(args);
        Assert.Equal(ExitCode.InputOutput, code);
        Assert.Contains("'heed pull org/other'", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Revisions_are_listed_and_missing_ones_told_from_missing_models()
    {
        (_, string output, _) = await Heed("list");
        Assert.Contains(Commit[..12], output, StringComparison.Ordinal);
        Assert.Contains("main", output, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse((await Heed("list", "--json")).Output);
        JsonElement revision = json.RootElement[0].GetProperty("revisions")[0];
        Assert.Equal((Commit, "main", 3), (revision.GetProperty("commit").GetString(), revision.GetProperty("references")[0].GetString(), revision.GetProperty("files").GetInt32()));

        (int code, _, string error) = await Heed("rm", "org/tiny", "--revision", "dev");
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("revision 'dev' is not in the cache", error, StringComparison.Ordinal);
        Assert.Contains("it has main", error, StringComparison.Ordinal);
        Assert.Contains("nobody/nothing: is not in the cache", (await Heed("rm", "nobody/nothing", "--revision", "dev")).Error, StringComparison.Ordinal);
    }
}
