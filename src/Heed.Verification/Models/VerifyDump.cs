using System.Text.Json.Nodes;
using Heed.Checkpoints;

namespace Heed.Verification;

/// <summary>Everything that a verification computed, under the names of the reference.</summary>
internal sealed class VerifyDump
{
    private readonly List<RawTensor> _tensors = [];

    /// <summary>What goes into the JSON file.</summary>
    public JsonObject Record { get; } = [];

    /// <summary>True while nothing was computed.</summary>
    public bool IsEmpty => _tensors.Count == 0 && Record.Count == 0;

    public void Add(string name, ReadOnlySpan<float> values, ReadOnlySpan<long> shape)
        => _tensors.Add(RawTensor.FromFloats(name, shape.ToArray(), values.ToArray()));

    /// <summary>Writes <c>NAME.safetensors</c> and <c>NAME.json</c> into a folder that is there.</summary>
    public void Write(string folder, string name)
    {
        SafetensorsWriter.Write(Path.Combine(folder, name + ".safetensors"), _tensors);
        DurableFile.WriteText(Path.Combine(folder, name + ".json"), StrictJson.Format(Record));
    }
}
