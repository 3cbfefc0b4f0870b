using Heed.Testing;
using Heed.Tokenizers.Training;

namespace Heed.Tokenizers.Tests.Training;

public sealed class TrainingTextTests
{
    [Fact]
    public void Lines_come_with_or_without_their_ends()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a.txt");
        File.WriteAllText(path, "one\n\ntwo\r\nthree");
        Assert.Equal(["one\n", "\n", "two\r\n", "three"], TrainingText.Lines([path]));
        Assert.Equal(["one", "", "two\r", "three"], TrainingText.Lines([path], keepLineEnds: false));
        using (MemoryStream stream = new([.. "one\ntwo"u8]))
        {
            Assert.Equal(["one\n", "two"], TrainingText.Lines(stream, "standard input"));
            Assert.True(stream.CanRead);
        }

        File.WriteAllText(path, "");
        Assert.Empty(TrainingText.Lines([path]));
    }

    [Fact]
    public void Long_lines_are_cut_between_characters()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("long.txt"), text = "x" + string.Concat(Enumerable.Repeat("é😀", 700_000));
        File.WriteAllText(path, text + "\nend");
        List<string> lines = [.. TrainingText.Lines([path])];
        Assert.True(lines.Count > 2);
        Assert.Equal(text + "\nend", string.Concat(lines));
    }

    [Fact]
    public void Bytes_that_are_not_utf8_are_refused_by_line_and_byte()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("bad.txt");
        File.WriteAllBytes(path, [.. "good\nbad "u8, 0xFF, (byte)'\n']);
        InvalidFileException error = Assert.Throws<InvalidFileException>(() => TrainingText.Lines([path]).Count());
        Assert.Equal("line 2, byte 9", error.Where);
    }
}
