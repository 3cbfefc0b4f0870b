using System.Text.RegularExpressions;
using Heed.Generation;
using Heed.Testing;

namespace Heed.Inspection.Tests;

/// <summary>The recipes of docs/inspection.md are code that compiles and runs.</summary>
public sealed partial class RecipeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("heed-recipes").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_page_shows_the_code_that_runs()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "inspection.md"));
        MatchCollection recipes =
            Marked().Matches(File.ReadAllText(Path.Combine(Repository.Root, "tests", "Heed.Inspection.Tests", "Recipes.cs")));
        Assert.Equal(10, recipes.Count);
        foreach (Match recipe in recipes)
        {
            string[] lines = recipe.Groups[2].Value.TrimEnd().Split('\n');
            int indent = lines[0].Length - lines[0].TrimStart().Length;
            string code = string.Join('\n', lines.Select(l => l.Length > indent ? l[indent..] : ""));
            Assert.Contains($"**{recipe.Groups[1].Value}**\n```csharp\n{code}\n```", page, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_recipe_runs()
    {
        using HeedModel model = HeedModel.Open(Path.Combine(Repository.Goldens, "pipelines", "models", "gpt2-text"));
        Inspector inspector = new(model);
        foreach (Action<Inspector,
            TextWriter> recipe in (Action<Inspector, TextWriter>[])[Recipes.HeadAblation, Recipes.Pattern, Recipes.Lens,
                Recipes.Attribution,
            Recipes.Patching, Recipes.Tracing, Recipes.Integrated, Recipes.Induction, Recipes.Steering, (i, w)
                => Recipes.Files(i, _folder, w)])
        {
            using StringWriter written = new();
            recipe(inspector, written);
            Assert.NotEmpty(written.ToString());
            Assert.DoesNotContain("NaN", written.ToString(), StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"// <(.+)>\n([\s\S]+?)\n\s+// </\1>")]
    private static partial Regex Marked();
}
