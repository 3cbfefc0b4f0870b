using Heed.Testing;

namespace Heed.Core.Tests;

public class DurableFileTests
{
    [Fact]
    public void A_failing_write_keeps_the_old_file_and_leaves_nothing_behind()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("state.json");
        DurableFile.WriteText(path, "old");

        Assert.Throws<StorageException>(() => DurableFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new IOException("No space left on device");
        }));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_missing_folder_is_an_error_that_names_the_path()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "missing", "x");
        StorageException e = Assert.Throws<StorageException>(() => DurableFile.WriteText(path, "x"));
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.InputOutput, e.ExitCode);
    }

    [Fact]
    public void Leftovers_of_a_killed_process_are_removed()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("a.1-1" + DurableFile.TemporaryEnding), "half");
        DurableFile.WriteText(folder.File("a"), "whole");
        DurableFile.RemoveLeftovers(folder.Path);
        Assert.Equal([folder.File("a")], Directory.GetFiles(folder.Path));
    }
}
