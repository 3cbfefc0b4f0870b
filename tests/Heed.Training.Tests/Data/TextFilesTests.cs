using System.Text;
using Heed.Testing;
using Heed.Training.Data;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tests.Runs;

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

    // cases: r15
    [Fact]
    public void Text_beyond_the_memory_or_one_array_is_a_limit_with_its_remedy()
    {
        using TemporaryFolder folder = new();
        PretrainingConfig config = PretrainingRunTests.Config(folder) with { MemoryLimit = (Forecast.BaseBytes + 20_000) / (double)(1L << 30) };
        string message = Assert.Throws<BudgetException>(() => PretrainingTexts.Read(config, Preparation(folder))).Message;
        Assert.Matches(@"text\.txt has [\d,]+ characters, which take [\d.]+ KiB of the run's memory, and memory_limit allows 160\.0 MiB\. Set maximum_characters", message);
        Assert.NotEmpty(PretrainingTexts.Read(config with { MaximumCharacters = 9_000 }, Preparation(folder)).Documents);

        TextDocument[] documents = [new("a.txt", "one two three"), new("b.txt", "four")];
        int[] Encode(string text) => [.. text.Split(' ').Select(w => w.Length)];
        Assert.Equal([3, 3, 5, 0, 4, 0], TokenCorpus.Encode(documents, Encode, 0, 0, 6, null, default).Training.ToArray());
        message = Assert.Throws<InputException>(() => TokenCorpus.Encode(documents, Encode, 0, 0, 5, null, default)).Message;
        Assert.Equal("data: the text up to b.txt has more than 5 ids, and no more can be held. Set maximum_characters, or give less text.", message);
    }

    // cases: u16. What is beyond the characters asked for is not even looked at: it is no text.
    [Fact]
    public void Of_a_long_line_only_what_is_asked_for_is_read()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("line.txt");
        using (FileStream stream = File.Create(path))
        {
            stream.Write(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("some words ", 2_000_000))));
            stream.SetLength(200_000_000);   // zeros: a binary file, if anyone looked
        }

        PretrainingConfig config = new() { Data = [path], MaximumCharacters = 1_200_000, HeldOut = 0.05 };
        PretrainingTexts texts = PretrainingTexts.Read(config, Preparation(folder));
        Assert.InRange(texts.Documents.Sum(d => d.Text.Length), 1_190_000, 1_200_000);
        Assert.Throws<InputException>(() => PretrainingTexts.Read(config with { MaximumCharacters = 0 }, Preparation(folder)));
    }

    private static TaskPreparation Preparation(TemporaryFolder folder) => new(folder.Path, null, null, null, TestContext.Current.CancellationToken);

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
