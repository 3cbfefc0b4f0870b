using Heed.Testing;

namespace Heed.Tokenizers.Tests.Serialization;

public class ModelFilesTests
{
    public static TheoryData<string> Folders =>
    [
        .. Directory.EnumerateDirectories(Path.Combine(Repository.Goldens, "tokenizers"))
            .Where(folder => Directory.EnumerateFiles(folder).Any(file => Path.GetFileName(file) is "tokenizer.json" or "vocab.txt" or "vocab.json" || file.EndsWith(".model", StringComparison.Ordinal)))
            .Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal),
    ];

    [Theory, MemberData(nameof(Folders))]
    public void A_tokenizer_from_memory_is_the_one_of_the_folder(string name)
    {
        string folder = Path.Combine(Repository.Goldens, "tokenizers", name);
        Tokenizer disk;
        try
        {
            disk = Tokenizer.FromFolder(folder);
        }
        catch (HeedException e)
        {
            Assert.Equal(e.GetType(), Assert.ThrowsAny<HeedException>(() => Tokenizer.FromFiles(ModelFilesOfFolder.InMemory(folder))).GetType());
            return;
        }

        Tokenizer memory = Tokenizer.FromFiles(ModelFilesOfFolder.InMemory(folder));
        using TemporaryFolder saved = new();
        disk.Save(saved.File("disk.json"));
        memory.Save(saved.File("memory.json"));
        Assert.Equal(File.ReadAllBytes(saved.File("disk.json")), File.ReadAllBytes(saved.File("memory.json")));
        Assert.Equal(disk.SpecialTokens, memory.SpecialTokens);
    }
}
