using System.Runtime.InteropServices;
using System.Text.Json;
using Heed.Checkpoints.Gguf;
using Heed.Testing;

namespace Heed.Checkpoints.Tests.Gguf;

/// <summary>Blocks of every type against goldens/gguf: numbers bit for bit, and the bytes that numbers become.</summary>
public sealed class GgufBlockTests
{
    private static readonly string Folder = Path.Combine(Repository.Goldens, "gguf");

    public static TheoryData<string> Types(string direction)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "blocks.json")));
        return [.. document.RootElement.EnumerateObject().Where(t => t.Value.TryGetProperty(direction, out _)).Select(t => t.Name)];
    }

    [Fact]
    public void Sizes_are_the_references()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "blocks.json")));
        int known = 0;
        foreach (JsonProperty type in document.RootElement.EnumerateObject())
        {
            GgufType stored = (GgufType)type.Value.GetProperty("id").GetInt32();
            if (!GgufTypes.IsKnown(stored))
            {
                Assert.NotNull(GgufTypes.NameOfRefused((uint)stored));
                continue;
            }

            known++;
            Assert.Equal(type.Name, stored.ToString());
            Assert.Equal(type.Value.GetProperty("block_values").GetInt32(), stored.BlockValues());
            Assert.Equal(type.Value.GetProperty("block_bytes").GetInt32(), stored.BlockBytes());
        }

        Assert.Equal(31, known);
    }

    [Theory, MemberData(nameof(Types), "dequantize")]
    public void Blocks_become_the_references_numbers(string name)
    {
        GgufType type = Enum.Parse<GgufType>(name);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Folder, "blocks.safetensors"));
        byte[] blocks = file[$"dequantize/{name}/bytes"].ToBytes();
        float[] expected = file[$"dequantize/{name}/values"].ToFloats(), found = new float[expected.Length];
        GgufBlocks.Dequantize(type, blocks, found);
        for (int i = 0; i < expected.Length; i++)
        {
            if (float.IsNaN(expected[i])) Assert.True(float.IsNaN(found[i]), $"value {i}");
            else Assert.True(Bits(expected[i]) == Bits(found[i]), $"value {i}: {expected[i]} expected, {found[i]} found");
        }
    }

    [Theory, MemberData(nameof(Types), "quantize")]
    public void Numbers_become_the_references_bytes(string name)
    {
        GgufType type = Enum.Parse<GgufType>(name);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Folder, "blocks.safetensors"));
        float[] values = file[$"quantize/{name}/input"].ToFloats();
        byte[] expected = file[$"quantize/{name}/bytes"].ToBytes(), found = new byte[expected.Length];
        GgufBlocks.Quantize(type, values, found);
        int width = type.BlockBytes();
        for (int i = 0; i < expected.Length; i += width)
            Assert.Equal(Convert.ToHexString(expected.AsSpan(i, width)), Convert.ToHexString(found.AsSpan(i, width)));
    }

    /// <summary>What no reference fixes: the search for scales. The error must be near what the bits allow, and below that of Q4_0 at the
    /// same width.</summary>
    [Theory]
    [InlineData("Q4_K", 0.085)]
    [InlineData("Q6_K", 0.022)]
    [InlineData("Q4_0", 0.105)]
    public void Written_blocks_are_near_their_numbers(string name, double most)
    {
        GgufType type = Enum.Parse<GgufType>(name);
        Random random = new(3);
        float[] values = [.. Enumerable.Range(0, 256 * 40).Select(_
            => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(6.283185307 * random.NextDouble())))];
        byte[] blocks = new byte[values.Length / type.BlockValues() * type.BlockBytes()];
        GgufBlocks.Quantize(type, values, blocks);
        float[] back = new float[values.Length];
        GgufBlocks.Dequantize(type, blocks, back);
        double error = Math.Sqrt(values.Zip(back, (a, b) => ((double)a - b) * (a - b)).Sum() / values.Sum(v => (double)v * v));
        Assert.InRange(error, most / 3, most);
    }

    [Theory]
    [InlineData("Q4_K")]
    [InlineData("Q6_K")]
    public void Zeros_stay_zero(string name)
    {
        GgufType type = Enum.Parse<GgufType>(name);
        byte[] blocks = new byte[type.BlockBytes()];
        GgufBlocks.Quantize(type, new float[256], blocks);
        float[] back = new float[256];
        GgufBlocks.Dequantize(type, blocks, back);
        Assert.All(back, v => Assert.Equal(0, v));
    }

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
