using System.Text.RegularExpressions;
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

    /// <summary>Phrases that a native engineer would not write, with what to write instead.</summary>
    private static readonly (string Pattern, string Better)[] Phrases =
    [
        (@"\bin front of\b", "before"),
        (@"\bwhere (not given|none is given)\b", "if omitted"),
        (@"\bnot to be had\b", "is not available, could not be allocated"),
        (@"\bof one's own\b", "custom"),
        (@"\b(goes|go|going) on from\b", "resumes, continues"),
        (@"\bin the place of\b", "instead of, replaces"),
        (@"\bexact nothing\b", "exactly zero"),
        (@"\bmend(s|ed)?\b", "fix"),
        (@"\b(nats|operations|tokens|bytes) a (token|byte|word|text|step)\b", "per"),
        (@"\b(blind rows|crew|unborn)\b", "the field's words"),
    ];

    [Fact]
    public void Texts_are_free_of_phrases_that_read_as_a_translation()
    {
        List<string> found = [];
        foreach (string file in Tree.TextFiles.Where(f => (f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal))
            || (f.EndsWith(".md", StringComparison.Ordinal) && !f.StartsWith("goldens/", StringComparison.Ordinal))))
        {
            string text = Tree.Read(file);
            foreach ((string pattern, string better) in Phrases)
                foreach (Match match in Regex.Matches(text, pattern, RegexOptions.IgnoreCase))
                    found.Add($"{file}:{text.AsSpan(0, match.Index).Count('\n') + 1}: \"{match.Value}\"; write: {better}");
        }

        Assert.Empty(found);
    }

    /// <summary>Lines over 140 columns that a project has; it may only have fewer. Wrap new lines, and lower the number after wrapping old
    /// ones.</summary>
    private static readonly Dictionary<string, int> LongLines = new(StringComparer.Ordinal)
    {
        ["Heed.Checkpoints"] = 159,
        ["Heed.Cli"] = 264,
        ["Heed.Core"] = 14,
        ["Heed.Engine"] = 499,
        ["Heed.Extensions.AI"] = 6,
        ["Heed.Generation"] = 27,
        ["Heed.Hub"] = 76,
        ["Heed.Models"] = 177,
        ["Heed.Templates"] = 188,
        ["Heed.Tokenizers"] = 264,
        ["Heed.Training"] = 172,
        ["Heed.Verification"] = 45,
    };

    [Fact]
    public void Lines_over_140_columns_become_fewer()
    {
        List<string> wrong = [];
        foreach (IGrouping<string, string> project in Tree.Sources("src").GroupBy(file => file.Split('/')[1]))
        {
            int count = project.Sum(file => Tree.Read(file).Split('\n').Count(line => line.Length > 140));
            int allowed = LongLines.GetValueOrDefault(project.Key);
            if (count > allowed) wrong.Add($"{project.Key}: {count} lines over 140 columns; {allowed} are allowed. Wrap what is new.");
        }

        Assert.Empty(wrong);
    }

    /// <summary>Hugging Face's key of a setting is what people search for.</summary>
    [Fact]
    public void Settings_of_models_name_their_keys()
    {
        List<string> wrong = [];
        foreach (string file in Tree.Sources("src/Heed.Models").Where(file => file.EndsWith("Config.cs", StringComparison.Ordinal)))
        {
            string doc = "";
            foreach (string line in Tree.Read(file).Split('\n').Select(line => line.Trim()))
            {
                if (line.StartsWith("///", StringComparison.Ordinal)) doc += line;
                else if (line.StartsWith("public ", StringComparison.Ordinal) && line.Contains("init;", StringComparison.Ordinal)
                    && !doc.Contains("<c>", StringComparison.Ordinal) && !doc.Contains("<inheritdoc", StringComparison.Ordinal)
                    && !line.Contains(" Original ", StringComparison.Ordinal))
                    wrong.Add($"{file}: {line}: its comment names no key as <c>key</c>.");
                if (!line.StartsWith("///", StringComparison.Ordinal)) doc = "";
            }
        }

        Assert.Empty(wrong);
    }

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
        // The peers' packages are half a gigabyte, which nobody shall download to build or test Heed.
        => Assert.Equal(
            Tree.TextFiles.Where(f => f.EndsWith(".csproj", StringComparison.Ordinal) && f != "benchmarks/peers/Heed.Peers.csproj"),
            Tree.Projects.Order(StringComparer.Ordinal));

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
