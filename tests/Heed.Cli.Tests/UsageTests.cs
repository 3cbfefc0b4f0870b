using System.Globalization;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary>Wrong command lines: exit code 2, and one sentence with the option, its value and what was expected, before any file is
/// opened.</summary>
public class UsageTests
{
    [Theory]
    [InlineData("eval m --text t --batch 0", "--batch", "'0'", "a whole number from 1")]
    [InlineData("eval m --text t --batch -1", "--batch", "'-1'", "a whole number from 1")]
    [InlineData("eval m --text t --length -1", "--length", "'-1'", "a whole number from 0")]
    [InlineData("eval m --text t --blocks -1", "--blocks", "'-1'", "a whole number from 0")]
    [InlineData("eval m --text t --threads 0", "--threads", "'0'", "a whole number from 1 to 1024")]
    [InlineData("generate m x --threads 1025", "--threads", "'1025'", "a whole number from 1 to 1024")]
    [InlineData("pretrain --out r --threads 0", "--threads", "'0'", "a whole number from 1 to 1024")]
    [InlineData("quickstart --threads 0", "--threads", "'0'", "a whole number from 1 to 1024")]
    [InlineData("bench --threads -1", "--threads", "'-1'", "a whole number from 1 to 1024")]
    [InlineData("bench --seconds 0", "--seconds", "'0'", "a number above 0")]
    [InlineData("bench --seconds -1", "--seconds", "'-1'", "a number above 0")]
    [InlineData("bench --seconds NaN", "--seconds", "'NaN'", "a number above 0")]
    [InlineData("quickstart --minutes 0", "--minutes", "'0'", "a number above 0")]
    [InlineData("quickstart --seed -1", "--seed", "'-1'", "a whole number from 0 to 18446744073709551615")]
    [InlineData("info gpt2 --batch many", "--batch", "'many'", "a whole number")]
    [InlineData("generate m x --max-new-tokens 1.5", "--max-new-tokens", "'1.5'", "a whole number from 1")]
    [InlineData("generate m x --max-new-tokens 0", "--max-new-tokens", "'0'", "a whole number from 1")]
    [InlineData("generate m x --max-new-tokens -3", "--max-new-tokens", "'-3'", "a whole number from 1")]
    [InlineData("generate m x --temperature -1", "--temperature", "'-1'", "a number from 0")]
    [InlineData("generate m x --temperature NaN", "--temperature", "'NaN'", "a number from 0")]
    [InlineData("generate m x --temperature 1e99", "--temperature", "'1e99'", "a number from 0")]
    [InlineData("generate m x --top-k -1", "--top-k", "'-1'", "a whole number from 0")]
    [InlineData("generate m x --top-p 2", "--top-p", "'2'", "a number from 0 to 1")]
    [InlineData("generate m x --min-p 2", "--min-p", "'2'", "a number from 0 to 1")]
    [InlineData("generate m x --repetition-penalty 0", "--repetition-penalty", "'0'", "a number above 0")]
    [InlineData("generate m x --beams 0", "--beams", "'0'", "a whole number from 1")]
    [InlineData("generate m x --seed x", "--seed", "'x'", "a whole number from 0")]
    public async Task A_number_outside_its_range_is_refused_by_option_value_and_range(string line, string option, string value, string expected)
    {
        string error = await Refused(line.Split(' '));
        Assert.Contains($"{option}: is {value}; {expected}", error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--greedy", "--temperature", "1")]
    [InlineData("--greedy", "--top-k", "3")]
    [InlineData("--greedy", "--beams", "2")]
    [InlineData("--beams", "2", "--min-p", "0.1")]
    public async Task Settings_that_contradict_each_other_are_refused_by_name(params string[] options)
    {
        string error = await Refused(["generate", "m", "x", .. options]);
        foreach (string option in options.Where(o => o.StartsWith('-'))) Assert.Contains(option, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Empty_texts_are_refused_where_they_are_given()
    {
        Assert.Contains("--stop: is empty", await Refused("generate", "m", "x", "--stop", ""), StringComparison.Ordinal);
        Assert.Contains("--prompt: is empty", await Refused("quickstart", "--prompt", ""), StringComparison.Ordinal);
        (int code, _, string error) = await Run("generate", "", "x");
        Assert.Equal(ExitCode.InputOutput, code);
        Assert.Contains("name of the model is empty", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("generat m x", "'generat' is not a command of heed; did you mean 'generate'?")]
    [InlineData("bogus", "'bogus' is not a command of heed.")]
    [InlineData("--bogus", "'--bogus' is not an option of heed.")]
    [InlineData("--jsn", "did you mean '--json'?")]
    [InlineData("tokenizer trian", "'trian' is not a command of heed tokenizer; did you mean 'train'?")]
    [InlineData("generate m --temprature 0.8 x", "'--temprature' is not an option of heed generate; did you mean '--temperature'?")]
    [InlineData("info --dept", "'--dept' is not an option of heed info; did you mean '--depth'?")]
    [InlineData("generate m x y", "'y' is one word too many")]
    [InlineData("tokenize m -- --count --count", "'--count' is one word too many")]
    public async Task An_unknown_word_is_named_with_the_nearest_known_one(string line, string expected)
        => Assert.Contains(expected, await Refused(line.Split(' ')), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("tokenizer")]
    public async Task Without_a_command_there_is_help(string line)
    {
        (int code, string output, string error) = await Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((ExitCode.Ok, ""), (code, error));
        Assert.Contains("Usage:", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Numbers_are_read_the_same_in_every_language()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo commas = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            (commas.NumberFormat.NumberDecimalSeparator, commas.NumberFormat.NumberGroupSeparator) = (",", ".");
            CultureInfo.CurrentCulture = commas;
            Assert.Contains("--top-p: is '1.5'", await Refused("generate", "m", "x", "--top-p", "1.5"), StringComparison.Ordinal);
            Assert.Contains("--top-p: is '0,5'", await Refused("generate", "m", "x", "--top-p", "0,5"), StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public async Task A_wrong_HEED_THREADS_is_refused_before_the_work_and_not_where_help_is_asked_for()
    {
        (int code, string output, string error) = await Signalled(["list"], environment: ("HEED_THREADS", "0"));
        Assert.Equal((ExitCode.Usage, ""), (code, output));
        Assert.Contains("HEED_THREADS is '0'", error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, (await Signalled(["list", "--help"], environment: ("HEED_THREADS", "0"))).Code);
    }

    private static async Task<string> Refused(params string[] args)
    {
        (int code, string output, string error) = await Run(args);
        Assert.True(code == ExitCode.Usage, $"{code} {error}");
        Assert.Equal("", output);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        return error;
    }
}
