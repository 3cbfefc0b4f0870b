using System.Text.Json.Nodes;
using Heed.Checkpoints;

namespace Heed.Models.Verification;

/// <summary>Everything that a verification computed, under the names of the reference.</summary>
internal sealed class VerifyDump
{
    private readonly List<RawTensor> _tensors = [];

    /// <summary>What goes into the JSON file.</summary>
    public JsonObject Record { get; } = [];

    public void Add(string name, ReadOnlySpan<float> values, ReadOnlySpan<long> shape) => _tensors.Add(RawTensor.FromFloats(name, shape.ToArray(), values.ToArray()));

    /// <summary>Writes <c>NAME.safetensors</c> and <c>NAME.json</c>.</summary>
    public void Write(string folder, string name)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: cannot be made: {e.Message}", e);
        }

        SafetensorsWriter.Write(Path.Combine(folder, name + ".safetensors"), _tensors);
        DurableFile.WriteText(Path.Combine(folder, name + ".json"), StrictJson.Format(Record));
    }
}
