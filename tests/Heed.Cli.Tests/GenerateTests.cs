using System.Text.Json;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public class GenerateTests
{
    [Fact]
    public async Task What_the_command_line_does_not_say_is_as_the_folder_has_it()
    {
        using TemporaryFolder folder = new();
        string model = SmallModels.Gpt2(folder, generation: """{"max_new_tokens": 7, "num_beams": 3, "stop_strings": ["not there"]}""");
        (string beams, int tokens, string finish) = await Generate(model);
        Assert.Equal((7, "length"), (tokens, finish));
        Assert.Equal(beams, (await Generate(model, "--beams", "3")).Text);
        Assert.Equal(4, (await Generate(model, "--max-new-tokens", "4")).Tokens);
        string greedy = (await Generate(model, "--greedy")).Text;
        Assert.Equal(greedy, (await Generate(model, "--beams", "1")).Text);
        Assert.Equal(7, (await Generate(model, "--temperature", "5")).Tokens);

        // A stop string of the folder holds as well.
        File.WriteAllText(Path.Combine(model, "generation_config.json"), $$"""{"max_new_tokens": 7, "stop_strings": [{{JsonSerializer.Serialize(greedy[2..4])}}]}""");
        Assert.Equal((greedy[..greedy.IndexOf(greedy[2..4], StringComparison.Ordinal)], "stop"), ((await Generate(model)).Text, (await Generate(model)).Finish));
        File.Delete(Path.Combine(model, "generation_config.json"));
        Assert.Equal(128, (await Generate(model)).Tokens);
    }

    [Fact]
    public async Task Nothing_is_printed_before_the_first_token()
    {
        using TemporaryFolder folder = new();
        string bare = SmallModels.Gpt2(folder), bert = SmallModels.Bert(folder);
        File.Delete(Path.Combine(bare, "tokenizer.json"));
        foreach ((string model, int expected, string says) in ((string, int, string)[])[(bare, ExitCode.InputOutput, bare), (bert, ExitCode.InputRejected, bert)])
        {
            (int code, string output, string error) = await Run("generate", model, "the prompt");
            Assert.Equal((expected, ""), (code, output));
            Assert.Contains(says, error, StringComparison.Ordinal);
        }

        using TemporaryFolder other = new();
        (int numerical, string nothing, _) = await Run("generate", SmallModels.Damaged(other), "the prompt");
        Assert.Equal((ExitCode.Numerical, ""), (numerical, nothing));
    }

    [Fact]
    public async Task A_continuation_stands_behind_its_prompt_and_an_answer_alone()
    {
        using TemporaryFolder folder = new();
        foreach ((string model, bool behind) in ((string, bool)[])[(SmallModels.Gpt2(folder), true), (SmallModels.T5(folder), false)])
        {
            foreach (string beams in (string[])["1", "2"])
            {
                string[] options = ["--max-new-tokens", "5", "--beams", beams];
                (int code, string output, string error) = await Run(["generate", model, "the prompt", .. options]);
                Assert.True(code == ExitCode.Ok, error);
                Assert.Equal((behind ? "the prompt" : "") + (await Generate(model, options)).Text + "\n", output.ReplaceLineEndings("\n"));
            }
        }
    }

    [Fact]
    public void A_terminal_shows_control_characters_and_does_not_obey_them()
    {
        using StringWriter output = new();
        const string Written = "a\u001b[31mb\u009bc\td\r\ne\rf\u0007";
        Assert.Equal("a\\u001B[31mb\\u009Bc\td\ne\\u000Df\\u0007", new Terminal(output, output, isTerminal: true, colours: false).Written(Written));
        Assert.Equal(Written, new Terminal(output, output, isTerminal: false, colours: false).Written(Written));
    }

    [Fact]
    public async Task A_prompt_may_begin_with_any_character()
    {
        using TemporaryFolder folder = new();
        string model = SmallModels.Gpt2(folder);
        foreach (string[] prompt in (string[][])[["@someone said"], ["- first"], ["--", "--first"]])
        {
            (int code, string output, string error) = await Run(["generate", model, "--max-new-tokens", "1", .. prompt]);
            Assert.True(code == ExitCode.Ok, error);
            Assert.StartsWith(prompt[^1], output, StringComparison.Ordinal);
        }
    }

    private static async Task<(string Text, int Tokens, string Finish)> Generate(string model, params string[] options)
    {
        (int code, string output, string error) = await Run(["generate", model, "the prompt", "--json", .. options]);
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        return (json.RootElement.GetProperty("text").GetString()!, json.RootElement.GetProperty("tokens").GetInt32(), json.RootElement.GetProperty("finish").GetString()!);
    }
}
