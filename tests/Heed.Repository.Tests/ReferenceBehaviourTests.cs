using System.Text.RegularExpressions;

namespace Heed.Repository.Tests;

/// <summary>What the documents say about the reference is held by tests.</summary>
public sealed partial class ReferenceBehaviourTests
{
    private const string List = "docs/reference-behaviour.md", Departures = "docs/departures.md";

    /// <summary>Class and method of every test of the repository.</summary>
    private static readonly HashSet<string> Tests = [.. Tree.Sources("tests").SelectMany(InFile)];

    public static TheoryData<string, int, string, string> Situations
    {
        get
        {
            TheoryData<string, int, string, string> rows = [];
            string section = "";
            foreach (string line in Tree.Read(List).Split('\n'))
            {
                if (line.StartsWith("## ", StringComparison.Ordinal)) section = line[3..];
                if (Situation().Match(line) is { Success: true } row)
                    rows.Add(section, int.Parse(row.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), row.Groups[2].Value, row.Groups[3].Value);
            }

            return rows;
        }
    }

    [Fact]
    public void Every_situation_is_marked_numbered_and_held_by_a_test()
    {
        (string Section, int Number, string Mark, string Test)[] rows = [.. Situations.Select(r => r.Data)];
        Assert.Equal(Rows(List).Length, rows.Length);   // a row in another form would not be checked
        foreach (IGrouping<string, (string Section, int Number, string Mark, string Test)> section in rows.GroupBy(r => r.Section))
            Assert.Equal(Enumerable.Range(1, section.Count()), section.Select(r => r.Number));
        Assert.Empty(rows.Where(r => !Tests.Contains(r.Test)).Select(r => $"{r.Section} {r.Number}: {r.Test}"));
    }

    [Fact]
    public void The_counts_are_those_of_the_rows()
    {
        ILookup<string, int> marks = Situations.Select(r => r.Data).ToLookup(r => r.Item3, r => r.Item2);
        int followed = marks["followed"].Count(), refused = marks["refused"].Count(), departed = marks["departed"].Count();
        Assert.Contains($"Of {followed + refused + departed} situations {followed} are followed, {refused} refused and {departed} departed from.", Tree.Read(List), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Departures)]
    [InlineData("docs/complaints.md")]
    public void Every_departure_and_every_complaint_is_held_by_a_test(string document)
    {
        string[] rows = Rows(document);
        Assert.NotEmpty(rows);
        Assert.DoesNotContain(rows, row => Named().Matches(row[(row[..^1].LastIndexOf('|') + 1)..]) is var tests
            && (tests.Count == 0 || tests.Any(t => !Tests.Contains(t.Groups[1].Value))));   // the last column names `Class.Method`
    }

    /// <summary>The rows of a document's tables, without their heads.</summary>
    private static string[] Rows(string document)
    {
        string[] lines = Tree.Read(document).Split('\n');
        return [.. lines.Where((line, i) => line.StartsWith('|') && !line.StartsWith("|-", StringComparison.Ordinal) && !(i + 1 < lines.Length && lines[i + 1].StartsWith("|-", StringComparison.Ordinal)))];
    }

    private static IEnumerable<string> InFile(string path)
    {
        string text = Tree.Read(path);
        string[] classes = [.. Class().Matches(text).Select(m => m.Groups[1].Value)];
        return Method().Matches(text).SelectMany(m => classes.Select(c => $"{c}.{m.Groups[1].Value}"));
    }

    [GeneratedRegex(@"^\| (\d+) \| [^|]+ \| (followed|refused|departed)\b[^|]* \| `(\w+\.\w+)` \|$")]
    private static partial Regex Situation();

    [GeneratedRegex(@"`(\w+Tests(?:\.\w+)?)`")]
    private static partial Regex Named();

    [GeneratedRegex(@"\bclass (\w+)")]
    private static partial Regex Class();

    [GeneratedRegex(@"^    public (?:async )?(?:void|Task) (\w+_\w+)\(", RegexOptions.Multiline)]   // tests are sentences
    private static partial Regex Method();
}
