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

    [GeneratedRegex(@"// <readme>\n(.*?)\s*// </readme>", RegexOptions.Singleline)]
    private static partial Regex Marked();
}
