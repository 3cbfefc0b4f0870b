using System.Text.RegularExpressions;

namespace Heed.Repository.Tests;

/// <summary>What the README shows of the library is code that compiles.</summary>
public sealed partial class ReadmeTests
{
    [Fact]
    public void The_example_is_the_code_that_compiles()
    {
        string source = Tree.Read("tests/Heed.Repository.Tests/ReadmeSnippet.cs");
        string[] lines = Marked().Match(source).Groups[1].Value.TrimEnd().Split('\n');
        int indent = lines[0].Length - lines[0].TrimStart().Length;
        string example = string.Join('\n', lines.Select(l => l[indent..]));
        Assert.Equal(5, lines.Length);
        Assert.Contains($"```csharp\n{example}\n```", Tree.Read("README.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_changelog_has_a_section_for_what_is_not_released() => Assert.Contains("\n## Unreleased\n", Tree.Read("CHANGELOG.md"), StringComparison.Ordinal);

    [Theory]
    [InlineData("./heed quickstart"), InlineData("./test")]
    public void The_readme_names_the_two_commands(string command) => Assert.Contains(command, Tree.Read("README.md"), StringComparison.Ordinal);

    // cases: u3
    [Theory]
    [InlineData("Heed.Engine"), InlineData("Heed.Tokenizers")]
    public void What_computes_is_optimized_in_debug_builds_too(string project)
        => Assert.Contains("<Optimize>true</Optimize>", Tree.Read($"src/{project}/{project}.csproj"), StringComparison.Ordinal);

    // cases: u19
    [Fact]
    public void The_first_build_gives_signs_of_life()
    {
        string script = Tree.Read("heed");
        Assert.Matches(@"while sleep (\d|1\d)\b.*still building", script);
        Assert.Contains("kill \"$ticker\"", script, StringComparison.Ordinal);
    }

    // cases: c20, t2
    [Theory]
    [InlineData("back references"), InlineData("look-behind longer than 255"), InlineData(@"`\y`"), InlineData("truncation and padding stored in tokenizer.json"), InlineData("`LlamaTokenizer` over a Prepend")]
    [InlineData("`Qwen2Tokenizer`"), InlineData("a BERT class without `do_lower_case`"), InlineData("a Llama `.model` without `add_bos_token`"), InlineData("and no class named"), InlineData("post-processor are the class's")]
    public void Departures_of_tokenizers_are_stated(string words)
    {
        string text = Tree.Read("docs/tokenizers.md");
        Assert.Contains(words, text[text.IndexOf("## Departures", StringComparison.Ordinal)..], StringComparison.OrdinalIgnoreCase);
    }

    [GeneratedRegex(@"// <readme>\n(.*?)\s*// </readme>", RegexOptions.Singleline)]
    private static partial Regex Marked();
}
