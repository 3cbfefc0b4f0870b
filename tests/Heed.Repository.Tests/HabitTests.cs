using System.Xml.Linq;

namespace Heed.Repository.Tests;

/// <summary>What every project and every text of the repository keeps to.</summary>
public sealed class HabitTests
{
    /// <summary>Each written in two parts, so that this file does not hold them.</summary>
    private static readonly string[] Banned =
    [
        "/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/runner", "bash" + "_jobs", "api.nu" + "get.org", "npm" + "js.org", "registry.npm" + "js", "pypi" + ".org", "pythonhosted" + ".org", "deb.deb" + "ian.org",
        "cl" + "aude", "anthro" + "pic", "co" + "pilot", "chat" + "gpt", "work" + "tree",
    ];

    public static TheoryData<string> Projects => [.. Tree.Projects];

    [Fact]
    public void No_text_names_a_machine_a_registry_or_a_tool_outside()
    {
        List<string> found = [];
        foreach (string file in Tree.TextFiles.Where(f => !f.EndsWith("packages.lock.json", StringComparison.Ordinal)))
        {
            if (file.StartsWith("goldens/", StringComparison.Ordinal) && !file.EndsWith(".md", StringComparison.Ordinal)) continue;   // data as its generator wrote it
            string text = Tree.Read(file);
            found.AddRange(Banned.Where(w => text.Contains(w, StringComparison.OrdinalIgnoreCase)).Select(w => $"{file}: {w}"));
        }

        Assert.Empty(found);
    }

    [Fact]
    public void Every_project_file_is_in_the_solution()
        => Assert.Equal(Tree.TextFiles.Where(f => f.EndsWith(".csproj", StringComparison.Ordinal)), Tree.Projects.Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Projects))]
    public void Versions_stand_in_one_place(string project)
    {
        XDocument xml = XDocument.Load(Tree.At(project));
        Assert.DoesNotContain(xml.Descendants("PackageReference"), r => r.Attribute("Version") is not null || r.Attribute("VersionOverride") is not null || r.Element("Version") is not null);
    }

    [Theory, MemberData(nameof(Projects))]
    public void Versions_are_locked(string project) => Assert.True(File.Exists(Tree.At(Path.Combine(Path.GetDirectoryName(project)!, "packages.lock.json"))), $"{project} has no packages.lock.json: restore it and commit the file.");

    [Fact]
    public void No_warning_is_switched_off_in_code_and_nothing_is_left_undone()
    {
        string[] words = ["#pragma warning " + "disable", "TO" + "DO", "FIX" + "ME", "NotImplemented" + "Exception"];
        List<string> found = [];
        foreach (string file in Tree.Sources("src").Concat(Tree.Sources("tests")).Concat(Tree.Sources("benchmarks")).Concat(Tree.Sources("samples")))
        {
            string text = Tree.Read(file);
            found.AddRange(words.Where(w => text.Contains(w, StringComparison.Ordinal)).Select(w => $"{file}: {w}"));
        }

        Assert.Empty(found);
    }
}
