using System.Text.RegularExpressions;

namespace Heed.Repository.Tests;

/// <summary>What the documents say about files is so.</summary>
public sealed partial class DocumentTests
{
    private const string Index = "docs/where-is.md";

    public static TheoryData<string> Documents => [.. Tree.TextFiles.Where(f => f.EndsWith(".md", StringComparison.Ordinal) && (f.StartsWith("docs/", StringComparison.Ordinal) || !f.Contains('/')))];

    public static TheoryData<string, string> Places
    {
        get
        {
            TheoryData<string, string> rows = [];
            foreach (Match row in Row().Matches(Tree.Read(Index))) rows.Add(row.Groups[1].Value, row.Groups[2].Value);
            return rows;
        }
    }

    [Theory, MemberData(nameof(Places))]
    public void A_place_exists_and_declares_its_type(string path, string type)
    {
        Assert.True(File.Exists(Tree.At(path)), $"{Index}: {path} does not exist.");
        Assert.Matches($@"\b(class|struct|record|interface|enum|delegate [\w<>]+)\s+{Regex.Escape(type)}\b", Tree.Read(path));
    }

    [Fact]
    public void The_index_has_its_rows()
    {
        int lines = Tree.Read(Index).Split('\n').Count(l => l.StartsWith('|')) - 2;
        Assert.Equal(lines, Places.Count);   // a row in another form would not be checked
        Assert.InRange(Places.Count, 25, 80);
    }

    [Theory, MemberData(nameof(Documents))]
    public void Links_lead_somewhere(string document)
    {
        string text = Code().Replace(Tree.Read(document), "");
        List<string> broken = [];
        foreach (Match link in Link().Matches(text))
        {
            string target = link.Groups[1].Value.Split('#')[0];
            if (target.Length == 0 || target.Contains("://", StringComparison.Ordinal)) continue;
            string path = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Tree.At(document))!, target));
            if (!File.Exists(path) && !Directory.Exists(path)) broken.Add(target);
        }

        Assert.Empty(broken);
    }

    [Fact]
    public void The_readme_links_every_document_and_the_index_first()
    {
        string[] links = [.. Link().Matches(Tree.Read("README.md")).Select(l => l.Groups[1].Value).Where(l => l.StartsWith("docs/", StringComparison.Ordinal))];
        Assert.Equal(Index, links[0]);
        Assert.Empty(Tree.TextFiles.Where(f => f.StartsWith("docs/", StringComparison.Ordinal) && f.Count(c => c == '/') == 1 && f.EndsWith(".md", StringComparison.Ordinal)).Except(links, StringComparer.Ordinal));
    }

    [GeneratedRegex(@"^\|[^|]+\| \[[^\]]+\]\(\.\./([^)]+)\) \| `(\w+)` \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"```.*?```|`[^`\n]*`", RegexOptions.Singleline)]
    private static partial Regex Code();
}
