using System.Buffers.Binary;
using System.Text.Json;
using Heed.Engine.Nn;
using Heed.Models;

namespace Heed.Explorer.Traces;

/// <summary>Where one number of a weight lies.</summary>
/// <param name="File">The file's name.</param>
/// <param name="Offset">Bytes from the file's beginning.</param>
/// <param name="Type">How it is stored, such as <c>BF16</c>.</param>
/// <param name="Tensor">The tensor's name in the file.</param>
internal sealed record WeightPlace(string File, long Offset, string Type, string Tensor);

/// <summary>Finds the bytes of single weights in safetensors files.</summary>
internal sealed class WeightPlaces
{
    private readonly Model _model;
    private readonly Lazy<Dictionary<string, (string File, long Offset, string Type, long Count)>> _stored;

    public WeightPlaces(Model model, IModelFiles files)
    {
        _model = model;
        _stored = new(() => Read(files));
    }

    /// <summary>The parameter of a name, or null.</summary>
    public Parameter? Find(string name) => _model.Parameters.FirstOrDefault(p => p.Name == name);

    /// <summary>Where an element lies; null where the parameter is not stored in a safetensors file as it is.</summary>
    /// <param name="parameter">The weight.</param>
    /// <param name="index">Its element, in the stored order.</param>
    public WeightPlace? Of(Parameter parameter, long index)
    {
        if (Stored(parameter) is not ({ } name, (string file, long offset, string type, long count))) return null;
        int width = type switch { "F64" => 8, "F32" => 4, "BF16" or "F16" => 2, "F8_E4M3" or "F8_E5M2" => 1, _ => 0 };
        return width == 0 || count != parameter.Shape.Count ? null : new WeightPlace(file, offset + (index * width), type, name);
    }

    /// <summary>The exact name, or, if only one stored name ends like it or is its end, that one: files with and without a
    /// prefix.</summary>
    private (string?, (string File, long Offset, string Type, long Count)) Stored(Parameter parameter)
    {
        Dictionary<string, (string File, long Offset, string Type, long Count)> stored = _stored.Value;
        foreach (string name in Names(parameter))
            if (stored.TryGetValue(name, out (string, long, string, long) exact)) return (name, exact);
        string[] near = [.. stored.Keys.Where(k => parameter.Name.EndsWith("." + k, StringComparison.Ordinal)
            || k.EndsWith("." + parameter.Name, StringComparison.Ordinal))];
        return near.Length == 1 ? (near[0], stored[near[0]]) : (null, default);
    }

    private IEnumerable<string> Names(Parameter parameter)
    {
        yield return parameter.Name;
        foreach ((string other, string shared) in _model.TiedNames)
            if (shared == parameter.Name) yield return other;
    }

    private static Dictionary<string, (string File, long Offset, string Type, long Count)> Read(IModelFiles files)
    {
        Dictionary<string, (string, long, string, long)> found = new(StringComparer.Ordinal);
        foreach (string name in files.List("").Where(n => n.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            using ModelFile file = files.Open(name);
            Span<byte> length = stackalloc byte[8];
            file.Read(0, length);
            byte[] header = new byte[checked((int)BinaryPrimitives.ReadUInt64LittleEndian(length))];
            file.Read(8, header);
            using JsonDocument json = StrictJson.Parse(header, name);
            foreach (JsonProperty tensor in json.RootElement.EnumerateObject())
            {
                if (tensor.Name == "__metadata__") continue;
                long count = tensor.Value.GetProperty("shape").EnumerateArray().Aggregate(1L, (n, d) => n * d.GetInt64());
                found[tensor.Name] = (name, 8 + header.Length + tensor.Value.GetProperty("data_offsets")[0].GetInt64(),
                    tensor.Value.GetProperty("dtype").GetString() ?? "", count);
            }
        }

        return found;
    }
}
