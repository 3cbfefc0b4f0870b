using System.Xml.Linq;

namespace Heed.Repository.Tests;

/// <summary>What a package of each product says about itself.</summary>
public sealed class PackageTests
{
    private static readonly string[] Shared = ["PackageReadmeFile", "PackageIcon", "PackageTags", "IncludeSymbols", "SymbolPackageFormat", "PublishRepositoryUrl"];

    // cases: u17
    [Fact]
    public void Every_package_has_a_description_of_its_own_and_what_all_share()
    {
        List<string> descriptions = [];
        string readme = Tree.Read("src/PACKAGE.md");
        foreach (string project in Tree.Projects.Where(p => p.StartsWith("src/", StringComparison.Ordinal)))
        {
            XDocument xml = XDocument.Load(Tree.At(project));
            descriptions.Add(Assert.Single(xml.Descendants("Description")).Value);
            string name = xml.Descendants("PackageId").FirstOrDefault()?.Value ?? Path.GetFileNameWithoutExtension(project);
            if (name != "Heed.Core") Assert.Contains($"| {name} |", readme, StringComparison.Ordinal);
        }

        Assert.Equal(descriptions.Count, descriptions.Distinct(StringComparer.Ordinal).Count());
        XDocument shared = XDocument.Load(Tree.At("src/Directory.Build.props"));
        foreach (string property in Shared) Assert.Single(shared.Descendants(property));
        Assert.Equal("\u0089PNG", System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(Tree.At("src/icon.png"))[..4]));
        Assert.Equal("heed", Assert.Single(XDocument.Load(Tree.At("src/Heed.Cli/Heed.Cli.csproj")).Descendants("ToolCommandName")).Value);
    }
}
