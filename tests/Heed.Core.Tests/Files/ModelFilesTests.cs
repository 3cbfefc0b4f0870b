using System.Diagnostics;
using Heed.Testing;

namespace Heed.Core.Tests.Files;

public class ModelFilesTests
{
    [Fact]
    public void A_folder_and_its_copy_in_memory_list_and_read_the_same()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("1_Pooling"));
        File.WriteAllBytes(folder.File("config.json"), [1, 2, 3, 4, 5]);
        File.WriteAllBytes(folder.File("a.tiktoken"), []);
        File.WriteAllBytes(Path.Combine(folder.File("1_Pooling"), "config.json"), [7]);
        FolderModelFiles disk = new(folder.Path);
        MemoryModelFiles memory = ModelFilesOfFolder.InMemory(folder.Path);
        foreach (IModelFiles files in (IModelFiles[])[disk, memory])
        {
            Assert.Equal(["a.tiktoken", "config.json"], files.List(""));
            Assert.Equal(["1_Pooling/config.json"], files.List("1_Pooling"));
            Assert.Empty(files.List("missing"));
            Assert.True(files.Contains("1_Pooling/config.json"));
            Assert.False(files.Contains("1_Pooling"));
            IModelFiles below = files.Below("1_Pooling");
            Assert.Equal(["config.json"], below.List(""));
            Assert.Equal(files.PathOf("1_Pooling/config.json"), below.PathOf("config.json"));
            Assert.Equal([7], below.ReadAll("config.json", 10));
            Assert.Throws<InvalidFileException>(() => files.ReadAll("config.json", 4));
            Assert.Contains("missing.json", Assert.Throws<StorageException>(() => files.Open("missing.json")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Reads_at_an_offset_fill_the_span_or_say_where_the_file_ended()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("x"), [1, 2, 3, 4, 5]);
        foreach (IModelFiles files in (IModelFiles[])[new FolderModelFiles(folder.Path), ModelFilesOfFolder.InMemory(folder.Path)])
        {
            using ModelFile file = files.Open("x");
            byte[] bytes = new byte[3];
            Assert.Equal(5, file.Length);
            file.Read(1, bytes);
            Assert.Equal([2, 3, 4], bytes);
            await file.ReadAsync(2, bytes, TestContext.Current.CancellationToken);
            Assert.Equal([3, 4, 5], bytes);
            Assert.Contains("byte 5", Assert.Throws<StorageException>(() => file.Read(3, bytes)).Message, StringComparison.Ordinal);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => file.ReadAsync(0, bytes, new CancellationToken(canceled: true)).AsTask());
        }
    }

    // cases: r12
    [Fact]
    public void A_pipe_where_a_file_is_expected_is_refused_at_once()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "there are no such pipes");
        using TemporaryFolder folder = new();
        string pipe = folder.File("config.json");
        using (Process made = Process.Start("mkfifo", pipe)) made.WaitForExit();
        Stopwatch time = Stopwatch.StartNew();
        StorageException error = Assert.Throws<StorageException>(() => InputFile.ReadAll(pipe, 100));
        Assert.Contains("not a regular file", error.Message, StringComparison.Ordinal);
        Assert.Throws<StorageException>(() => new FolderModelFiles(folder.Path).Open("config.json"));
        Assert.True(time.Elapsed < TimeSpan.FromSeconds(2));
    }

    // cases: r18
    [Theory]
    [InlineData("CON", true)]
    [InlineData("nul.safetensors", true)]
    [InlineData("COM1.json", true)]
    [InlineData("lpt9", true)]
    [InlineData("LPT\u00B2", true)]
    [InlineData("aux .bin", true)]
    [InlineData("console.json", false)]
    [InlineData("COM10", false)]
    [InlineData("model.safetensors", false)]
    public void Names_of_devices_of_Windows_are_known(string name, bool reserved) => Assert.Equal(reserved, InputFile.IsReservedName(name));
}
