using System.Text;
using Heed.Testing;
using Heed.Training.Data;

namespace Heed.Training.Tests.Data;

public class TextFilesTests
{
    // cases: r15
    [Theory]
    [InlineData("one two\nthree four\nfive\n")]
    [InlineData("no line end but words and words and words")]
    [InlineData("ééééééééééé€€€€€€€😀😀😀😀😀😀")]
    [InlineData("\uFEFFwith a mark\nat its beginning")]
    public void The_parts_of_a_file_are_the_file(string text)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a.txt");
        File.WriteAllText(path, text, new UTF8Encoding(false));
        for (int bytes = 4; bytes < 40; bytes++) Assert.Equal(text.TrimStart('\uFEFF'), string.Concat(TextFiles.Parts(path, bytes, wholeLines: false)));
        string[] lines = [.. TextFiles.Parts(path, 4, wholeLines: true)];
        Assert.Equal(text.TrimStart('\uFEFF'), string.Concat(lines));
        Assert.All(lines[..^1], l => Assert.EndsWith("\n", l, StringComparison.Ordinal));
    }

    [Fact]
    public void Bad_bytes_of_a_later_part_have_their_place_in_the_file()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a.txt");
        File.WriteAllBytes(path, [.. "one\ntwo\nthree "u8, 0xE9, .. " x\n"u8]);
        Assert.Contains("line 3, byte 14: is not UTF-8", Assert.Throws<InputException>(() => TextFiles.Parts(path, 5, wholeLines: false).ToList()).Message, StringComparison.Ordinal);
    }

    // cases: u13
    [Fact]
    public void A_file_in_utf16_is_named_as_such()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a.txt");
        foreach ((Encoding encoding, string order) in ((Encoding, string)[])
        [
            (new UnicodeEncoding(false, true), "little"), (new UnicodeEncoding(true, true), "big"), (new UnicodeEncoding(false, false), "little"), (new UnicodeEncoding(true, false), "big"),
        ])
        {
            File.WriteAllText(path, "some text of a few words", encoding);
            Assert.Contains($"is UTF-16 ({order}-endian)", Assert.Throws<InputException>(() => TextFiles.Read(path).ToList()).Message, StringComparison.Ordinal);
        }
    }

    // cases: u8
    [Fact]
    public void A_folder_gives_each_text_once_and_names_what_is_left_out()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("links need rights on Windows");
        using TemporaryFolder folder = new();
        foreach (string name in (string[])["docs", ".git", "node_modules/x", "bin", "docs/deep"]) Directory.CreateDirectory(folder.File(name));
        foreach (string name in (string[])["a.txt", "docs/b.md", "docs/deep/c.txt", ".git/d.txt", "node_modules/x/e.md", "bin/f.txt"]) File.WriteAllText(folder.File(name), name);
        Directory.CreateSymbolicLink(folder.File("docs/self"), folder.Path);
        Directory.CreateSymbolicLink(folder.File("outside"), Path.GetTempPath());
        File.CreateSymbolicLink(folder.File("z.txt"), folder.File("a.txt"));
        File.CreateSymbolicLink(folder.File("broken.txt"), folder.File("nothing"));
        File.CreateSymbolicLink(folder.File("circle.txt"), folder.File("circle.txt"));
        List<string> warnings = [];
        Assert.Equal(["a.txt", "docs/b.md", "docs/deep/c.txt"], TextFiles.Find(folder.Path, new Reporter<string>(warnings.Add)).Select(f => Path.GetRelativePath(folder.Path, f)));
        Assert.Equal(3, warnings.Count);
        foreach (string name in (string[])[".git", "node_modules", "bin", "docs/self", "outside", "broken.txt", "circle.txt"])
            Assert.Contains(warnings, w => w.Contains(folder.File(name), StringComparison.Ordinal));
    }
}
