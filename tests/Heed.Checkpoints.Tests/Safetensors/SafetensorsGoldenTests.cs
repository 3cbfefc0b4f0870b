using Heed.Testing;

namespace Heed.Checkpoints.Tests.Safetensors;

public class SafetensorsGoldenTests
{
    public static IEnumerable<string> Goldens => Directory.EnumerateFiles(Repository.Goldens, "*.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    [Fact]
    public void Every_golden_file_is_rewritten_byte_for_byte()
    {
        using TemporaryFolder folder = new();
        string copy = folder.File("copy.safetensors");
        int files = 0;
        foreach (string golden in Goldens)
        {
            using (SafetensorsFile file = SafetensorsFile.Open(golden)) SafetensorsWriter.Write(copy, file.Tensors.Reverse(), file.Metadata);
            Assert.True(File.ReadAllBytes(golden).AsSpan().SequenceEqual(File.ReadAllBytes(copy)), golden);
            files++;
        }

        Assert.True(files > 50, $"only {files} golden files were found");
    }

    [Fact]
    public void Parts_of_a_tensor_equal_the_whole()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Repository.Goldens, "models", "gpt2", "model.safetensors"));
        RawTensor tensor = file["transformer.wte.weight"];
        Assert.Equal([101, 36], tensor.Shape);
        Assert.Equal(101 * 36, tensor.ElementCount);
        float[] whole = tensor.ToFloats();
        float[] part = new float[50];
        tensor.ReadFloats(1000, part);
        Assert.Equal(whole[1000..1050], part);
        byte[] bytes = new byte[7];
        tensor.ReadBytes(3, bytes);
        Assert.Equal(tensor.ToBytes()[3..10], bytes);
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.ReadFloats(long.MaxValue, part));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.ReadBytes(tensor.ByteLength - 6, bytes));
        Assert.Throws<ArgumentException>(() => tensor.ReadFloats(part));
    }

    [Fact]
    public void A_missing_tensor_is_named_with_the_nearest_name()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Repository.Goldens, "models", "gpt2", "model.safetensors"));
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => file["transformer.wte.wieght"]);
        Assert.Contains("'transformer.wte.weight'", e.Message, StringComparison.Ordinal);
    }
}
