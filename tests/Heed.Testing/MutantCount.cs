using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Heed.Testing;

/// <summary>
/// What became of the changed copies of one kind of file, and the row of docs/files.md that says so. The row holds the test's own
/// figures: <c>HEED_APPROVE=1</c> writes them. Reference folders that are added later may only raise them.
/// </summary>
/// <param name="file">The name of the file, as the row begins.</param>
public sealed class MutantCount(string file)
{
    private const string Document = "docs/files.md";
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    private int _same, _warned, _followed, _refused;

    /// <summary>All changes that were counted.</summary>
    public int Count => _same + _warned + _followed + _refused;

    /// <summary>Counts a change whose result is the one of the file as it was.</summary>
    public void Same(string folder) => Add(folder, ref _same);

    /// <summary>Counts a change that gives another result, with a warning.</summary>
    public void Warned(string folder) => Add(folder, ref _warned);

    /// <summary>Counts a change that asks for another result and gets it.</summary>
    public void Followed(string folder) => Add(folder, ref _followed);

    /// <summary>Counts a change that is refused by name.</summary>
    public void Refused(string folder) => Add(folder, ref _refused);

    /// <summary>Fails unless the document has these figures.</summary>
    public void CheckDocument()
    {
        string path = Path.Combine(Repository.Root, Document), text = File.ReadAllText(path);
        int[] actual = [_folders.Count, Count, _same, _warned, _followed, _refused];
        string row = $"| `{file}` | {string.Join(" | ", actual.Select(n => n.ToString("N0", CultureInfo.InvariantCulture)))} |";
        Match old = Row(file).Match(text);
        Assert.True(old.Success, $"{Document} has no row for `{file}`. It is: {row}");
        int[] written = [.. old.Groups[1].Value.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(n => int.Parse(n, NumberStyles.AllowThousands, CultureInfo.InvariantCulture))];
        if (Environment.GetEnvironmentVariable("HEED_APPROVE") == "1") File.WriteAllText(path, text.Replace(old.Value, row, StringComparison.Ordinal));
        else Assert.True(written.Length == actual.Length && written.Zip(actual).All(pair => pair.First <= pair.Second), $"{Document} has {old.Value}; the test counted {row}. HEED_APPROVE=1 writes it.");
    }

    private void Add(string folder, ref int count)
    {
        _folders.Add(folder);
        count++;
    }

    private static Regex Row(string file) => new($@"^\| `{Regex.Escape(file)}` (\| [\d,]+ \|.*\|)$", RegexOptions.Multiline | RegexOptions.CultureInvariant);
}
