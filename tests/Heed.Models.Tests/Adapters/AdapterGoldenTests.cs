using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Adapters;

/// <summary>PEFT's answers: logits with an adapter and after merging it, gradients, five steps of training.</summary>
public class AdapterGoldenTests
{
    public static TheoryData<string> Folders => [.. Directory.EnumerateDirectories(Path.Combine(Repository.Goldens, "lora")).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    [Fact]
    public void All_folders_are_there() => Assert.Equal(14, Folders.Count);

    [Theory]
    [MemberData(nameof(Folders))]
    public void An_adapter_computes_learns_and_merges_as_PEFT_s(string folder) => Verified.Adapter(folder);
}
