using System.Globalization;
using System.Text.Json;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public class QuickstartTests
{
    [Fact]
    public async Task A_text_of_ones_own_goes_the_whole_road_once()
    {
        using TemporaryFolder folder = new();
        string text = OneFile(folder), run = folder.File("run");
        (int code, string output, string error) = await Run(Quickstart(text, run));
        Assert.True(code == ExitCode.Ok, error);
        foreach (string expected in (string[])["before", "after", "Bits per byte", "this model", "gzip", "brotli", "Saved", "Next:"]) Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output + error);
        // Each part of the preparation happens once.
        foreach (string part in (string[])["• reading", "• training a byte-level BPE", "• encoding", "• building", "• measuring"]) Assert.Equal(2, error.Split(part).Length);
        foreach (string file in (string[])["run.json", "log.jsonl", "tokens.bin", "model/config.json", "model/model.safetensors", "model/tokenizer.json", "model/tokenizer_config.json", "model/generation_config.json"])
            Assert.True(File.Exists(Path.Combine(run, file)), file);
        Assert.True(PretrainingConfig.FromFile(Path.Combine(run, "run.json")).Steps is >= 20 and < 100_000);

        string weights = Sum(run);
        (code, output, error) = await Run("quickstart", "--out", run, "--json");
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal("finished", json.RootElement.GetProperty("end").GetString());
        Assert.Equal(weights, Sum(run));
    }

    [Fact]
    public async Task Options_that_differ_from_the_run_in_the_folder_are_refused_by_name()
    {
        using TemporaryFolder folder = new();
        string text = OneFile(folder), run = folder.File("run");
        Assert.Equal(ExitCode.Ok, (await Run(Quickstart(text, run))).Code);
        (int code, _, string error) = await Run("quickstart", "--out", run, "--seed", "7");
        Assert.Equal((ExitCode.InputRejected, true), (code, error.Contains("--seed: is 7", StringComparison.Ordinal)));
        (code, _, error) = await Run("quickstart", "--out", run, "--text", folder.Path);
        Assert.Equal((ExitCode.InputRejected, true), (code, error.Contains("--data: is", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Bad_texts_are_refused_in_one_line_before_anything_is_made()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        File.WriteAllBytes(folder.File("binary.txt"), [1, 2, 0, 3]);
        File.WriteAllText(folder.File("tiny.txt"), "Three short words.");
        File.WriteAllText(folder.File("blank.txt"), " \n");
        Directory.CreateDirectory(folder.File("empty"));
        foreach ((string text, int expected, string says) in ((string, int, string)[])
        [
            (folder.File("missing.txt"), ExitCode.InputOutput, "does not exist"),
            (folder.File("empty"), ExitCode.InputRejected, "holds no text file"),
            (folder.File("blank.txt"), ExitCode.InputRejected, "the corpus is empty"),
            (folder.File("binary.txt"), ExitCode.InputRejected, "binary"),
            (folder.File("tiny.txt"), ExitCode.InputRejected, "Give more text"),
        ])
        {
            (int code, string output, string error) = await Run("quickstart", "--text", text, "--out", run, "--minutes", "0.01");
            Assert.True(code == expected, $"{text}: {code} {error}");
            Assert.Empty(output);
            string line = Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => l.StartsWith("heed", StringComparison.Ordinal));
            Assert.Contains(says, line, StringComparison.Ordinal);
            Assert.False(File.Exists(Path.Combine(run, "run.json")) || Directory.Exists(Path.Combine(run, "checkpoints")));
        }

        (int outside, _, string wrong) = await Run("quickstart", "--minutes", "-1", "--out", run);
        Assert.Equal((ExitCode.Usage, true), (outside, wrong.Contains("--minutes", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Interrupted_in_any_part_it_says_what_is_left_and_goes_on_from_there()
    {
        using TemporaryFolder folder = new();
        string text = OneFile(folder);
        foreach (string moment in (string[])["• reading", "• encoding", "• measuring", "step 1/", "held-out loss"])
        {
            string run = folder.File("run" + moment.Length.ToString(CultureInfo.InvariantCulture));
            (int code, string output, string error) = await Signalled(Quickstart(text, run, "0.05"), moment);
            Assert.True(code == ExitCode.Interrupted, $"{moment}: {code} {error}");
            Assert.Equal("", output);
            Assert.Contains("./heed quickstart --out", error, StringComparison.Ordinal);
            (code, _, error) = await Run("quickstart", "--text", text, "--out", run, "--minutes", "0.02");
            Assert.True(code == ExitCode.Ok, $"after {moment}: {error}");
        }
    }

    [Fact]
    public async Task An_interrupted_run_with_json_says_so_in_json()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        string log = Path.Combine(run, "log.jsonl");
        (int code, string output, string error) = await Signalled([.. Quickstart(OneFile(folder), run, "0.2"), "--json"], interruptWhen: () => File.Exists(log) && new FileInfo(log).Length > 0);
        Assert.True(code == ExitCode.Interrupted, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal("interrupted", json.RootElement.GetProperty("end").GetString());
        Assert.True(json.RootElement.GetProperty("step").GetInt64() > 0);
    }

    private static string[] Quickstart(string text, string run, string minutes = "0.02") => ["quickstart", "--text", text, "--out", run, "--minutes", minutes];

    /// <summary>One file without document borders, as a book is.</summary>
    private static string OneFile(TemporaryFolder folder)
    {
        string path = folder.File("book.txt");
        string[] nouns = ["cat", "dog", "bird", "fish", "horse"], verbs = ["sees", "likes", "follows", "hears"];
        if (!File.Exists(path)) File.WriteAllLines(path, Enumerable.Range(0, 2500).Select(i => $"The {nouns[i % 5]} {verbs[i / 5 % 4]} the {nouns[i / 3 % 5]}, and day {i} ends."));
        return path;
    }
}
