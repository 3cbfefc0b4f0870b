using System.Text.Json;
using System.Text.RegularExpressions;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary><c>heed inspect</c>: tables, blocks of colour, JSON, traces, and what it refuses.</summary>
public sealed partial class InspectCommandTests
{
    private static readonly string[] Everything = ["--lens", "--ablate", "--neurons", "--attribution", "--rollout", "--layer", "0"];

    private static string ModelAt(string name) => Path.Combine(Repository.Goldens, "pipelines", "models", name);

    public static TheoryData<string, string> Models => new()
    {
        { "gpt2-text", "Where is my order" }, { "bert-mlm", "Where is my [MASK] now" }, { "t5-translate", "Where is my order" },
        { "bert-disputes", "Where is my order" }, { "llama-plain", "Where is my order" },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Every_kind_of_model_can_be_looked_into(string name, string text)
    {
        (int code, string output, string error) = await Run("inspect", ModelAt(name), text);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("Tokens", output, StringComparison.Ordinal);
        Assert.Contains("Likeliest", output, StringComparison.Ordinal);
        Assert.Contains("layer 1", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);
        (code, output, error) = await Run(["inspect", ModelAt(name), text, .. Everything]);
        Assert.True(code == ExitCode.Ok, error);
        foreach (string words in (string[])["Logit lens", "Ablation", "Neurons", "Integrated gradients", "gap ",
            "Direct logit attribution", "Rollout", "what the last token reads"])
            Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.All(output.Split('\n'), line => Assert.DoesNotContain("NaN", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_numbers_of_json_are_the_librarys()
    {
        (int code, string output, string error) =
            await Run(["inspect", ModelAt("gpt2-text"), "Where is my order", .. Everything, "--json"]);
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        using Generation.HeedModel model = Generation.HeedModel.Open(ModelAt("gpt2-text"));
        Inspection.Inspector inspector = new(model);
        Inspection.InspectedText text = inspector.Read("Where is my order");
        Inspection.LogitDifference metric = inspector.Metric(text);
        Assert.Equal(text.Ids, json.RootElement.GetProperty("ids").EnumerateArray().Select(e => e.GetInt32()));
        Assert.Equal(inspector.AblateEach(text, metric)["decoder.attn"][1, 0],
            json.RootElement.GetProperty("ablation").GetProperty("decoder.attn")[1][0].GetSingle());
        Assert.Equal(inspector.IntegratedGradients(text, metric).Gap,
            json.RootElement.GetProperty("attribution").GetProperty("gap").GetSingle());
        Assert.Equal(inspector.Trace(text)["blocks.0.attn.pattern"][0, 1, 0],
            json.RootElement.GetProperty("layer").GetProperty("values")[0][1][0].GetSingle());
    }

    [Fact]
    public async Task A_pattern_is_blocks_of_colour_or_shades_and_a_list_where_it_does_not_fit()
    {
        string[] line = ["inspect", ModelAt("gpt2-text"), "Where is my order", "--layer", "0", "--head", "1"];
        (string coloured, string plain, string narrow) =
            (await Shown(line, colours: true, 100), await Shown(line, colours: false, 100), await Shown(line, colours: true, 24));
        Assert.Matches(@"\u001b\[[0-9;]*48;5;\d+", coloured);
        Assert.DoesNotContain('\u001b', plain);
        Assert.Matches("[░▒▓█]", plain);
        Assert.Contains("reads", narrow, StringComparison.Ordinal);
        foreach (int width in (int[])[24, 40, 80])
            Assert.All((await Shown(["inspect", ModelAt("gpt2-text"), "Where is my order", "--rollout"], colours: false, width)).Split('\n')
                .Where(l => l.Contains('█')),
                l => Assert.True(l.Length <= width, $"{l.Length} columns of {width}: {l}"));
    }

    [Fact]
    public async Task Traces_are_saved_and_compared()
    {
        using TemporaryFolder folder = new();
        (string a, string b) = (folder.File("a.trace"), folder.File("b.trace"));
        foreach ((string file, string text) in new[] { (a, "Where is my order"), (b, "Where is my parcel") })
        {
            (int saved, string said, string problem) = await Run("inspect", ModelAt("gpt2-text"), text, "--trace", file);
            Assert.True(saved == ExitCode.Ok, problem);
            Assert.Contains(" values, ", said, StringComparison.Ordinal);
        }

        (int code, string output, string error) = await Run("inspect", "--diff", a, a);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains(" 0 differ", output, StringComparison.Ordinal);
        (code, output, error) = await Run("inspect", "--diff", a, b, "--json");
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.False(json.RootElement.GetProperty("same_text").GetBoolean());
        Assert.True(json.RootElement.GetProperty("same_weights").GetBoolean());
    }

    [Theory]
    [InlineData("layers 0 to", "--layer", "7")]
    [InlineData("heads 0 to", "--layer", "0", "--head", "9")]
    [InlineData("needs --layer", "--head", "0")]
    [InlineData("this model has decoder", "--layer", "0", "--stack", "encoder")]
    [InlineData("decoder has attn", "--layer", "0", "--cross")]
    [InlineData("positions 0 to", "--lens", "--position", "99")]
    [InlineData("scores the ids 0 to", "--lens", "--target", "#99999")]
    [InlineData("one was expected", "--lens", "--target", "where is my order")]
    [InlineData("leave model and text out", "--diff", "a", "b")]
    public async Task What_is_not_there_is_refused_in_one_sentence(string words, params string[] options)
    {
        (int code, string output, string error) = await Run(["inspect", ModelAt("gpt2-text"), "Where is my order", .. options]);
        Assert.NotEqual(ExitCode.Ok, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Empty(output);
    }

    [Fact]
    public async Task Model_and_text_are_needed()
    {
        Assert.Equal(ExitCode.Usage, (await Run("inspect", ModelAt("gpt2-text"))).Code);
        Assert.Contains("two traces", (await Run("inspect", "--diff", "a")).Error, StringComparison.Ordinal);
    }

    /// <summary>What a terminal of a width shows.</summary>
    private static async Task<string> Shown(string[] line, bool colours, int width)
    {
        using StringWriter output = new(), error = new();
        Assert.Equal(ExitCode.Ok,
            await Application.RunAsync(line,
                new Terminal(output, error, isTerminal: true, colours) { Columns = () => width, IsErrorTerminal = false }));
        return output.ToString();
    }
}
